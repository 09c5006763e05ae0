"""The web application: one service in, one Starlette out."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from roadmark.executor.config import Settings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.outbox import Outbox
from roadmark.executor.reply_links import ReplyLinks
from roadmark.executor.service import Service
from roadmark.web import problems
from roadmark.web.auth import Authentication, KnownPrincipals, is_program
from roadmark.web.cache import AnswerCache
from roadmark.web.guards import SECURITY_HEADERS, HostAllowed, SameOrigin, SecurityHeaders, host_name
from roadmark.web.hooks.courier import Endpoint, couriers
from roadmark.web.hooks.webhook import webhook_endpoints
from roadmark.web.idempotency import Idempotency
from roadmark.web.limits import BodyLimit, Buckets, GuessLimit, RateLimit
from roadmark.web.notifications import notification_endpoints
from roadmark.web.pages import STATIC, error_page
from roadmark.web.problems import KINDS, Problem, Refused
from roadmark.web.requests import HEADER, REQUEST_ID, Requests
from roadmark.web.routes import (
    acts,
    api_events,
    api_migrations,
    api_schedules,
    api_tasks,
    contract,
    health,
    hooks,
    live,
    observing,
    oidc,
    reply_link,
    schedules,
    screens,
    sign_in,
    webhooks,
)
from roadmark.web.static_files import StaticFolder
from roadmark.web.stream import Hub
from roadmark.web.telemetry import Counting, Telemetry
from roadmark.web.traces import open_traces
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Scope

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(service: Service) -> Starlette:
    """The application over `service`, which the caller starts and stops."""
    telemetry = Telemetry()
    clock_s = service.clock.monotonic_s
    buckets = Buckets(clock_s)
    mark = service.store.mark
    hub = Hub(service.store, service.tracker, mark.value)
    known = KnownPrincipals(mark.value, clock_s)
    outbox = Outbox(service.store)
    reply_links = ReplyLinks(service.store)
    door = oidc.open_door(service.settings, service.clock)
    traces = open_traces(service.settings)
    endpoints: list[Endpoint] = [
        *webhook_endpoints(service.settings, service.tracker, service.clock),
        *notification_endpoints(service.settings, service.tracker, reply_links),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        with traces.following(service.store.bus), couriers(service.store, outbox, endpoints):
            async with hub.running():
                yield

    app = Starlette(
        routes=[
            *api_migrations.ROUTES,
            *api_tasks.ROUTES,
            *api_events.ROUTES,
            *api_schedules.ROUTES,
            *contract.ROUTES,
            *health.ROUTES,
            *observing.ROUTES,
            *schedules.ROUTES,
            *screens.ROUTES,
            *acts.ROUTES,
            *live.ROUTES,
            *oidc.ROUTES,
            *sign_in.ROUTES,
            *webhooks.ROUTES,
            *hooks.ROUTES,
            *reply_link.ROUTES,
            Mount("/static", StaticFolder(directory=STATIC)),
        ],
        middleware=[
            Middleware(Requests),
            *traces.middleware(),
            Middleware(Counting, telemetry=telemetry, clock_s=clock_s),
            Middleware(SecurityHeaders),
            Middleware(HostAllowed, hosts=_hosts(service.settings), answer=answer),
            Middleware(BodyLimit, answer=answer),
            Middleware(GuessLimit, buckets=buckets, answer=answer),
            Middleware(Authentication, access=service.access, answer=answer, known=known),
            Middleware(SameOrigin, answer=answer),
            Middleware(RateLimit, buckets=buckets, answer=answer),
            Middleware(Idempotency, store=service.store, answer=answer),
            Middleware(AnswerCache, mark=mark.value, clock_s=clock_s),
        ],
        exception_handlers={
            Refused: _refused,
            RoadmarkError: _house_error,
            HTTPException: _http_error,
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    app.state.service = service
    app.state.hub = hub
    app.state.outbox = outbox
    app.state.reply_links = reply_links
    app.state.door = door
    app.state.telemetry = telemetry
    app.state.renderer = live.Renderer(service)
    return app


def _hosts(settings: Settings) -> set[str]:
    """The names that requests may come for."""
    own = (settings.host, host_name(urlsplit(settings.address()).netloc))
    return {*LOOPBACK, *own, *map(host_name, settings.allowed_hosts)}


def answer(scope: Scope, problem: Problem) -> Response:
    """A problem as what the caller reads: JSON for programs, a page for people."""
    if is_program(scope) or "app" not in scope:
        return problems.as_json(problem)
    return error_page(scope, problem)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for it
    return answer(request.scope, error.problem)


async def _house_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RoadmarkError)  # noqa: S101 - registered for it
    return answer(request.scope, problems.of_error(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return answer(request.scope, problems.of_status(error.status_code, error.detail, error.headers or {}))


async def _broken(request: Request, error: Exception) -> Response:
    """The last handler: the server logs the error, the caller gets no detail of it."""
    del error
    detail = "this is a fault of Roadmark's; nothing that was acknowledged is lost. The log has the details."
    request_id = request.scope.get(REQUEST_ID, "unknown")
    headers = {**SECURITY_HEADERS, HEADER: request_id}
    problem = Problem(KINDS["internal"], detail, {"request_id": request_id}, headers)
    return problems.as_json(problem) if is_program(request.scope) else _plain_broken(problem)


def _plain_broken(problem: Problem) -> Response:
    """A page that needs nothing that may be broken."""
    return Response(
        f"{problem.kind.title}\n\n{problem.detail}\nRequest {problem.extra['request_id']}\n",
        500,
        dict(problem.headers),
        media_type="text/plain",
    )
