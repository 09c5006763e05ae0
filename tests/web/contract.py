"""Holds every answer of the API against the OpenAPI document."""

import re
from typing import Any

from httpx2 import Response
from jsonschema import Draft202012Validator
from roadmark.web.openapi import document


def hold(response: Response) -> None:
    """The answer is one that the document knows, in status, media type and shape."""
    if not response.url.path.startswith("/api/") or response.url.path.startswith(
        ("/api/openapi.json", "/api/docs")
    ):
        return
    operation = _operation(response.request.method, response.url.path)
    if operation is None:
        assert response.status_code in (401, 404, 405), response.url
        return
    known = operation["responses"].get(str(response.status_code))
    assert known is not None, f"{response.request.method} {response.url} answers {response.status_code}"
    media_type = response.headers.get("content-type", "").split(";")[0]
    if "content" not in known:
        return
    assert media_type in known["content"], media_type
    if media_type != "text/event-stream":
        response.read()
        check(response.json(), known["content"][media_type]["schema"])


def check(value: object, schema: dict[str, Any]) -> None:
    """The value has the shape."""
    whole = {**schema, "components": document()["components"]}
    errors = [
        f"{list(error.absolute_path)}: {error.message}"
        for error in Draft202012Validator(whole).iter_errors(value)
    ]
    assert not errors, errors


def _operation(method: str, path: str) -> dict[str, Any] | None:
    paths = document()["paths"]
    named = path if path in paths else next((known for known in paths if _fits(known, path)), None)
    found = paths.get(named, {}).get(method.lower()) if named else None
    return found if isinstance(found, dict) else None


def _fits(known: str, path: str) -> bool:
    return re.fullmatch(known.replace("{id}", "[^/]+"), path) is not None
