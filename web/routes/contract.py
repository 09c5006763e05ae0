"""/api/openapi.json, /schemas/ and /api/docs: the contract, for programs and for people."""

import json

from roadmark.ingest.schema.rules import NAMES, schema_text
from roadmark.web.auth import principal_of
from roadmark.web.guards import CONTENT_POLICY
from roadmark.web.openapi import OPERATIONS, document
from roadmark.web.pages import page
from roadmark.web.problems import Refused
from roadmark.web.routing import resource
from roadmark.web.swagger import FILES, swagger_folder
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

_MEDIA_TYPE = "application/schema+json"
_WITH_ICONS = CONTENT_POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""Swagger UI's style sheet has its icons in itself."""


async def openapi(request: Request) -> Response:
    """GET /api/openapi.json."""
    principal_of(request)
    return JSONResponse(document())


async def schemas(request: Request) -> Response:
    """GET /schemas/: the addresses of all schemas."""
    principal_of(request)
    names = (*NAMES, *sorted(document()["components"]["schemas"]))
    return JSONResponse({"items": [f"/schemas/{name}.json" for name in names], "next": None})


async def schema(request: Request) -> Response:
    """GET /schemas/{name}: one shape, with those that it points to."""
    principal_of(request)
    shapes, name = document()["components"]["schemas"], request.path_params["name"].removesuffix(".json")
    if name in NAMES:
        return Response(schema_text(name), media_type=_MEDIA_TYPE)
    if name not in shapes:
        raise Refused("not-found", f"there is no shape {name[:50]!r}")
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": f"#/components/schemas/{name}",
        "components": {"schemas": shapes},
    }
    return Response(json.dumps(body), media_type=_MEDIA_TYPE)


def docs(request: Request) -> Response:
    """GET /api/docs: Swagger UI, or, without the extra, the list of operations."""
    principal_of(request)
    has_swagger = swagger_folder() is not None
    answer = page(request, "api.html", {"has_swagger": has_swagger, "operations": OPERATIONS})
    if has_swagger:
        answer.headers["Content-Security-Policy"] = _WITH_ICONS
    return answer


def docs_file(request: Request) -> Response:
    """GET /api/docs/{name}: one of Swagger UI's two files."""
    principal_of(request)
    folder, name = swagger_folder(), request.path_params["name"]
    if folder is None or name not in FILES:
        raise Refused("not-found", "there is no such file of Swagger UI")
    return FileResponse(folder / name, headers={"Cache-Control": "private, max-age=86400"})


ROUTES = [
    resource("/api/openapi.json", get=openapi),
    resource("/api/docs", get=docs),
    resource("/api/docs/{name}", get=docs_file),
    resource("/schemas/", get=schemas),
    resource("/schemas/{name}", get=schema),
]
