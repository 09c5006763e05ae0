"""One route a path, whatever its methods: so that 405 names all of them in `Allow`."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction

from roadmark.executor.service import Service
from roadmark.web.stream import Hub
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Handler = Callable[[Request], Response] | Callable[[Request], Awaitable[Response]]
"""Answers a request. A plain function may block: it runs on a thread of its own."""


def resource(path: str, **handlers: Handler) -> Route:
    """The route of `path` with a handler for each method (`get=`, `post=`)."""
    by_method = {method.upper(): handler for method, handler in handlers.items()}
    if "GET" in by_method:
        by_method["HEAD"] = by_method["GET"]

    async def endpoint(request: Request) -> Response:
        handler = by_method[request.method]
        if iscoroutinefunction(handler):
            answer: Response = await handler(request)
            return answer
        return await run_in_threadpool(handler, request)  # type: ignore[arg-type]

    return Route(path, endpoint, methods=list(by_method), include_in_schema=False)


def service_of(request: Request) -> Service:
    """The service behind the application."""
    service: Service = request.app.state.service
    return service


def hub_of(request: Request) -> Hub:
    """The hub of live streams."""
    hub: Hub = request.app.state.hub
    return hub
