"""/live/{page}: what changed on a page, as HTML, one stream a page.

A message holds the blocks that differ from what this page was sent last, each as an <hx-partial>;
lines of a log are appended in batches of at most 100. Named `beat` events tell the page that the
connection lives, so that it can say so within seconds when it does not.

The id of a message is where the page is after it: the journal entry and, of the log that it follows, the
line. A stream that goes on behind such an id sends the blocks as they are then, and the log's further lines.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup
from roadmark.executor.access import Principal
from roadmark.executor.model import JournalEntry
from roadmark.executor.service import Service
from roadmark.web.auth import require
from roadmark.web.logs import LogLine, Tail, log_file
from roadmark.web.pages import environment, log_name, render_blocks, render_count, shared
from roadmark.web.problems import Refused
from roadmark.web.routing import hub_of, resource, service_of
from roadmark.web.screens import LIVE
from roadmark.web.stream import RETRY_MS, Hub, resume_point
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

BEAT_S = 5
CALM_S = 0.1
"""After a message, so long nothing is rendered: a burst becomes one message."""
LOG_POLL_S = 1.0
LINES_A_MESSAGE = 100
MESSAGES_AT_ONCE = 20
_KEPT_RENDERS = 64

Blocks = Mapping[str, str]


class Renderer:
    """Renders a page's blocks once for all who look at the same with the same rights."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._made: OrderedDict[tuple[object, ...], asyncio.Task[Blocks]] = OrderedDict()

    async def blocks(
        self, name: str | None, query: Mapping[str, str], principal: Principal, seq: int
    ) -> Blocks:
        """The blocks as they are at journal entry `seq` or later; of no page, only the count of needs."""
        key = (name, tuple(sorted(query.items())), principal.name, principal.scopes, seq)
        task = self._made.get(key)
        if task is None:
            task = asyncio.create_task(run_in_threadpool(self._render, name, query, principal))
            self._made[key] = task
            while len(self._made) > _KEPT_RENDERS:
                self._made.popitem(last=False)
        return await asyncio.shield(task)

    def _render(self, name: str | None, query: Mapping[str, str], principal: Principal) -> Blocks:
        everywhere = shared(self._service, principal)
        if name is None:
            return render_count(everywhere)
        live = LIVE[name]
        values = {**everywhere, **live.values(self._service, query), "reply_text": ""}
        return render_blocks(live.template, live.blocks, values)


@dataclass(slots=True)
class _Watch:
    """What one open page has been sent."""

    name: str
    query: Mapping[str, str]
    principal: Principal
    seq: int
    is_resumed: bool
    log: str = ""
    tail: Tail | None = None
    """The log of the newest attempt, read up to what the page shows."""
    shown: dict[str, bytes] = field(default_factory=dict)

    def id(self) -> str:
        """Where the page is."""
        return str(self.seq) if self.tail is None else f"{self.seq}~{self.log}~{self.tail.line}"


async def live(request: Request) -> Response:
    """GET /live/{page}: the page's stream."""
    principal = require(request, "read")
    name, query = request.path_params["name"], dict(request.query_params)
    if name not in LIVE or (name == "task" and "id" not in query):
        raise Refused("not-found", "there is no such live page")
    service = service_of(request)
    newest = await run_in_threadpool(service.tracker.last_seq)
    last, begun = request.headers.get("last-event-id"), (query.pop("log", ""), query.pop("line", "0"))
    seq_of_last, _, place = (last or "").partition("~")
    seq, _ = resume_point(seq_of_last, query.pop("after", None), newest)
    log, line = _place(place) if place else begun
    tail = await run_in_threadpool(_tail, service, log, _count(line)) if log else None
    watch = _Watch(name, query, principal, seq, last is not None, log, tail)
    renderer: Renderer = request.app.state.renderer
    return EventSourceResponse(
        _messages(service, hub_of(request), renderer, watch),
        ping=BEAT_S,
        ping_message_factory=_beat,
        headers={"Cache-Control": "no-store"},
    )


ROUTES = [resource("/live/{name}", get=live)]


async def _messages(
    service: Service, hub: Hub, renderer: Renderer, watch: _Watch
) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent("connected", event="beat", retry=RETRY_MS)
    if watch.is_resumed:
        blocks = await renderer.blocks(watch.name, watch.query, watch.principal, watch.seq)
        yield ServerSentEvent(_changed(watch, blocks), id=watch.id())
    while True:
        entries = await _entries(hub, watch)
        if entries:
            watch.seq = entries[-1].seq
        for message in await run_in_threadpool(_log_messages, service, watch, entries):
            yield message
        html = _changed(watch, await _fresh_blocks(renderer, watch, entries))
        if html:
            yield ServerSentEvent(html, id=watch.id())
        await asyncio.sleep(CALM_S)


async def _entries(hub: Hub, watch: _Watch) -> list[JournalEntry]:
    """What happened; nothing where only a log may have grown."""
    if watch.tail is None:
        return await hub.entries_after(watch.seq)
    with suppress(TimeoutError):
        async with asyncio.timeout(LOG_POLL_S):
            return await hub.entries_after(watch.seq)
    return []


async def _fresh_blocks(renderer: Renderer, watch: _Watch, entries: Sequence[JournalEntry]) -> Blocks:
    """What may have changed: the page, or, after an act elsewhere, only the count of needs."""
    acts = [entry for entry in entries if entry.kind != "agent.output"]
    if not acts:
        return {}
    if watch.name == "task" and all(entry.task_id != watch.query["id"] for entry in acts):
        return await renderer.blocks(None, {}, watch.principal, watch.seq)
    return await renderer.blocks(watch.name, watch.query, watch.principal, watch.seq)


def _changed(watch: _Watch, blocks: Blocks) -> str:
    """The blocks that differ from what the page was sent last, as one message."""
    parts = []
    for name, html in blocks.items():
        digest = hashlib.blake2b(html.encode(), digest_size=16).digest()
        if watch.shown.get(name) != digest:
            watch.shown[name] = digest
            parts.append(partial_html(name, html))
    return "".join(parts)


def partial_html(block: str, html: str) -> str:
    """A block as a message that replaces it on the page, keeping what the person typed and opened."""
    target = Markup.escape("#" + block.replace("_", "-"))
    return f'<hx-partial hx-target="{target}" hx-swap="outerMorph">{html}</hx-partial>'


def _log_messages(service: Service, watch: _Watch, entries: Sequence[JournalEntry]) -> list[ServerSentEvent]:
    """What came to the watched task's log: lines in messages of at most 100, a heading for a new attempt."""
    if watch.name != "task":
        return []
    messages = _line_messages(watch)
    for entry in entries:
        if entry.kind == "attempt.began" and entry.task_id == watch.query["id"]:
            log = log_name(entry.migration_id, entry.phase, entry.attempt)
            if watch.log != log:
                watch.log, watch.tail = log, Tail(log_path(service, log), 0)
                heading = _appended(heading=f"Phase {entry.phase}, attempt {entry.attempt}")
                messages.append(ServerSentEvent(heading, id=watch.id()))
                messages += _line_messages(watch)
    return messages


def _line_messages(watch: _Watch) -> list[ServerSentEvent]:
    messages: list[ServerSentEvent] = []
    while watch.tail is not None and len(messages) < MESSAGES_AT_ONCE:
        lines = watch.tail.read(LINES_A_MESSAGE)
        if not lines:
            break
        messages.append(ServerSentEvent(_appended(lines=lines), id=watch.id()))
    return messages


def _appended(*, lines: Sequence[LogLine] = (), heading: str = "") -> str:
    html = environment().get_template("_log.html").render(lines=lines, heading=heading)
    return f'<hx-partial hx-target="#log-lines" hx-swap="beforeend">{html}</hx-partial>'


def _place(given: str) -> tuple[str, str]:
    """The log and the line that a message's id names."""
    log, _, line = given.partition("~")
    return log, line


def _tail(service: Service, log: str, lines: int) -> Tail:
    return Tail(log_path(service, log), lines)


def log_path(service: Service, log: str) -> Path:
    """The file of a log's name, as `log_name` makes it. Raises: Refused where it is none."""
    parts = log.split(".")
    if len(parts) != 3 or not all(_count(part) for part in parts[1:]):
        raise Refused("not-found", "there is no such log")
    path = service.places.log(parts[0], _count(parts[1]), _count(parts[2]))
    return log_file(service.settings.state_dir, path)


def _beat() -> ServerSentEvent:
    return ServerSentEvent(f"{datetime.now(UTC):%H:%M:%S}", event="beat")


def _count(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
