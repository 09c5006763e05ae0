"""/api/openapi.json and /schemas/: the contract, for programs."""

from roadmark.web.auth import principal_of
from roadmark.web.openapi import document
from roadmark.web.problems import Refused
from roadmark.web.routing import resource
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


async def openapi(request: Request) -> Response:
    """GET /api/openapi.json."""
    principal_of(request)
    return JSONResponse(document())


async def schema(request: Request) -> Response:
    """GET /schemas/{name}: one shape, with those that it points to."""
    principal_of(request)
    shapes, name = document()["components"]["schemas"], request.path_params["name"].removesuffix(".json")
    if name not in shapes:
        raise Refused("not-found", f"there is no shape {name[:50]!r}")
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": f"#/components/schemas/{name}",
        "components": {"schemas": shapes},
    }
    return JSONResponse(body, media_type="application/schema+json")


ROUTES = [resource("/api/openapi.json", get=openapi), resource("/schemas/{name}", get=schema)]
