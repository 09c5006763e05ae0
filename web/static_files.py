"""The files of web/static: named with a hash of their content, and so kept by browsers for good."""

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOR_GOOD = "public, max-age=31536000, immutable"


class StaticFolder(StaticFiles):
    """Static files; a request that names the version may keep the answer."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file."""
        response = await super().get_response(path, scope)
        named = b"v=" in scope["query_string"]
        response.headers["Cache-Control"] = _FOR_GOOD if named else "no-cache"
        return response
