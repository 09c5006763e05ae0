// Shows the OpenAPI document by Swagger UI, which is an extra.
addEventListener("DOMContentLoaded", () => {
  "use strict";
  SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null, docExpansion: "list" });
});
