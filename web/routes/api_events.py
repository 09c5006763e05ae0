"""/api/events and /api/audit: the journal, live and in pages."""

import json
from collections.abc import AsyncIterator

from roadmark.executor.model import JournalEntry
from roadmark.web import bodies, views
from roadmark.web.auth import require
from roadmark.web.routes.api_migrations import page
from roadmark.web.routing import hub_of, resource, service_of
from roadmark.web.stream import PING_S, RETRY_MS, Hub, resume_point
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response


async def events(request: Request) -> Response:
    """GET /api/events: each journal entry as a server-sent event; `id` is its sequence number.

    Goes on behind `Last-Event-ID` or `?after=`, else begins with what comes next.
    """
    require(request, "read")
    bodies.whole_number(request, "after", 0)
    newest = await run_in_threadpool(service_of(request).tracker.last_seq)
    query = request.query_params
    seq, is_reset = resume_point(request.headers.get("last-event-id"), query.get("after"), newest)
    messages = _messages(
        hub_of(request), seq, query.get("migration_id"), query.get("task_id"), is_reset=is_reset
    )
    return EventSourceResponse(messages, ping=PING_S, headers={"Cache-Control": "no-store"})


def audit(request: Request) -> Response:
    """GET /api/audit: the journal in pages, the newest first."""
    require(request, "read")
    tracker, limit = service_of(request).tracker, bodies.page_limit(request)
    query = request.query_params
    found = tracker.events_before(
        bodies.sequence_edge(request), limit + 1, query.get("migration_id"), query.get("task_id")
    )
    edge = str(found[limit - 1].seq) if len(found) > limit else None
    items = [{**views.event(entry), "hash": entry.hash} for entry in found[:limit]]
    return page(request, items, edge)


ROUTES = [resource("/api/events", get=events), resource("/api/audit", get=audit)]


async def _messages(
    hub: Hub, seq: int, migration_id: str | None, task_id: str | None, *, is_reset: bool
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(comment="roadmark", retry=RETRY_MS)
    if is_reset:
        yield ServerSentEvent(json.dumps({"seq": seq}), event="reset", id=str(seq))
    while True:
        for entry in await hub.entries_after(seq):
            seq = entry.seq
            if _belongs(entry, migration_id, task_id):
                yield ServerSentEvent(json.dumps(views.event(entry)), id=str(seq))


def _belongs(entry: JournalEntry, migration_id: str | None, task_id: str | None) -> bool:
    return (migration_id is None or entry.migration_id == migration_id) and (
        task_id is None or entry.task_id == task_id
    )
