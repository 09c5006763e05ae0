"""What a request is called by, and the log's line of what was asked to change or went wrong."""

import logging
import re
import uuid

from roadmark.executor.access import Principal
from roadmark.executor.log_lines import begin_request
from roadmark.web.auth import PRINCIPAL
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
REQUEST_ID = "roadmark.request_id"

log = logging.getLogger(__name__)

_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = frozenset({"GET", "HEAD", "OPTIONS"})


class Requests:
    """Gives every request an id, or takes the caller's, and logs acts and faults under it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it pass under its id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _id_of(scope)
        scope[REQUEST_ID] = request_id
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        begin_request(request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if scope["method"] not in _QUIET or status >= 500:
                _tell(scope, status)


def _id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _GIVEN.fullmatch(given) else uuid.uuid4().hex


def _tell(scope: Scope, status: int) -> None:
    """The route's template stands for the path, which may hold secrets."""
    route: str = getattr(scope.get("route"), "path", "no route")
    principal: Principal | None = scope.get(PRINCIPAL)
    who = principal.name if principal is not None else "nobody known"
    migration = scope.get("path_params", {}).get("id") if route.startswith("/api/migration/{id}") else None
    level = logging.WARNING if status >= 500 else logging.INFO
    log.log(level, "%s %s: %d, by %s", scope["method"], route, status, who, extra={"migration_id": migration})
