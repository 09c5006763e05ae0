"""/livez and /readyz: for whatever keeps the service up; open, and without detail."""

from roadmark.web.routing import resource, service_of
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


async def live(request: Request) -> Response:
    """GET /livez: the process answers."""
    del request
    return JSONResponse({"status": "ok"})


def ready(request: Request) -> Response:
    """GET /readyz: the named checks; 503 where one of them fails."""
    checks = {name: "ok" if holds else "failing" for name, holds in service_of(request).health().items()}
    is_ready = all(state == "ok" for state in checks.values())
    body = {"status": "ok" if is_ready else "failing", "checks": checks}
    return JSONResponse(body, 200 if is_ready else 503)


ROUTES = [resource("/livez", get=live), resource("/readyz", get=ready)]
