"""Webhooks and notifications for admins: what is set up, the log, and a test; as a page and as an API."""

from dataclasses import dataclass
from typing import Any

from roadmark.executor.config import Settings
from roadmark.executor.events import Event
from roadmark.executor.outbox import Outbox
from roadmark.executor.store.outbox import DELIVERED, GIVEN_UP, PENDING, Delivery
from roadmark.web import bodies, views
from roadmark.web.auth import require
from roadmark.web.hooks.webhook import TESTED, shown_url
from roadmark.web.notifications import PREFIX
from roadmark.web.pages import page as html_page
from roadmark.web.problems import Refused
from roadmark.web.routes.api_migrations import page
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

_RECENT = 20


@dataclass(frozen=True, slots=True)
class _Told:
    """Somebody outside: the name in the outbox, where that is without a secret, and what is told."""

    name: str
    where: str
    events: tuple[str, ...]


def listing(request: Request) -> Response:
    """GET /api/webhooks: what is set up."""
    require(request, "admin")
    counts = _outbox(request).counts()
    return page(request, [_line(one, counts) for one in _told(service_of(request).settings)], None)


def deliveries(request: Request) -> Response:
    """GET /api/webhooks/{id}/deliveries: the log, the newest first."""
    require(request, "admin")
    limit, name = bodies.page_limit(request), _named(request)
    found = _outbox(request).page(name, bodies.sequence_edge(request), limit + 1)
    edge = str(found[limit - 1].seq) if len(found) > limit else None
    return page(request, [_delivery(one) for one in found[:limit]], edge)


async def test(request: Request) -> Response:
    """POST /api/webhooks/{id}/test: a message is on its way; the log says how it went."""
    await bodies.read_json(request, bodies.NOTHING, optional=True)
    name = await run_in_threadpool(_order_test, request)
    location = {"Location": f"/api/webhooks/{name}/deliveries"}
    return JSONResponse({"endpoint": name, "kind": TESTED}, 202, location)


def show(request: Request) -> Response:
    """GET /webhooks: the page."""
    require(request, "admin")
    outbox = _outbox(request)
    counts = outbox.counts()
    lines = [
        {**_line(one, counts), "log": outbox.page(one.name, None, _RECENT)}
        for one in _told(service_of(request).settings)
    ]
    return html_page(request, "webhooks.html", {"lines": lines})


async def test_from_page(request: Request) -> Response:
    """POST /webhooks/{id}/test: the button."""
    await run_in_threadpool(_order_test, request)
    return RedirectResponse("/webhooks", 303)


ROUTES = [
    resource("/api/webhooks", get=listing),
    resource("/api/webhooks/{id}/deliveries", get=deliveries),
    resource("/api/webhooks/{id}/test", post=test),
    resource("/webhooks", get=show),
    resource("/webhooks/{id}/test", post=test_from_page),
]


def _outbox(request: Request) -> Outbox:
    outbox: Outbox = request.app.state.outbox
    return outbox


def _told(settings: Settings) -> list[_Told]:
    """Everybody outside who is told of something."""
    return [
        *(_Told(one.name, shown_url(one), one.events) for one in settings.webhooks),
        *(_Told(PREFIX + one.name, "by Apprise", one.on) for one in settings.notify),
    ]


def _named(request: Request) -> str:
    """The name in the path. Raises: Refused."""
    wanted: str = request.path_params["id"]
    if wanted not in [one.name for one in _told(service_of(request).settings)]:
        raise Refused("not-found", f"no webhook or notification {wanted[:50]!r} is configured")
    return wanted


def _order_test(request: Request) -> str:
    principal = require(request, "admin")
    name = _named(request)
    service_of(request).store.record(Event(kind=TESTED, actor=principal.name, detail={"endpoint": name}))
    return name


def _line(told: _Told, counts: dict[tuple[str, str], int]) -> dict[str, Any]:
    return {
        "name": told.name,
        "url": told.where,
        "events": list(told.events),
        "pending": counts.get((told.name, PENDING), 0),
        "delivered": counts.get((told.name, DELIVERED), 0),
        "given_up": counts.get((told.name, GIVEN_UP), 0),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "seq": delivery.seq,
        "kind": delivery.kind,
        "state": delivery.state,
        "tries": list(delivery.tries),
        "due_at": views.stamp(delivery.due_at),
        "created_at": views.stamp(delivery.created_at),
    }
