"""/live/{page}: what changed on a page, as HTML, one stream a page.

A message holds the blocks that differ from what this page was sent last, each as an <hx-partial>;
lines of a log are appended in batches of at most 100. Named `beat` events tell the page that the
connection lives, so that it can say so within seconds when it does not.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from markupsafe import Markup
from roadmark.executor.access import Principal
from roadmark.executor.model import JournalEntry
from roadmark.executor.service import Service
from roadmark.web.auth import require
from roadmark.web.logs import LogLine
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
LINES_A_MESSAGE = 100
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
        values = {**everywhere, **live.values(self._service, query), "reply_text": "", "reply_error": None}
        return render_blocks(live.template, live.blocks, values)


@dataclass(slots=True)
class _Watch:
    """What one open page has been sent."""

    name: str
    query: Mapping[str, str]
    principal: Principal
    seq: int
    shown: dict[str, bytes] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """The last line shown of each attempt's log."""


async def live(request: Request) -> Response:
    """GET /live/{page}: the page's stream."""
    principal = require(request, "read")
    name, query = request.path_params["name"], dict(request.query_params)
    if name not in LIVE or (name == "task" and "id" not in query):
        raise Refused("not-found", "there is no such live page")
    service = service_of(request)
    newest = await run_in_threadpool(service.tracker.last_seq)
    seq, _ = resume_point(request.headers.get("last-event-id"), query.pop("after", None), newest)
    log, line = query.pop("log", ""), query.pop("line", "0")
    watch = _Watch(name, query, principal, seq, lines={log: _count(line)})
    renderer: Renderer = request.app.state.renderer
    return EventSourceResponse(
        _messages(hub_of(request), renderer, watch),
        ping=BEAT_S,
        ping_message_factory=_beat,
        headers={"Cache-Control": "no-store"},
    )


ROUTES = [resource("/live/{name}", get=live)]


async def _messages(hub: Hub, renderer: Renderer, watch: _Watch) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent("connected", event="beat", retry=RETRY_MS)
    while True:
        entries = await hub.entries_after(watch.seq)
        watch.seq = entries[-1].seq
        for batch in _log_batches(watch, entries):
            yield ServerSentEvent(batch, id=str(watch.seq))
        blocks = await _fresh_blocks(renderer, watch, entries)
        html = _changed(watch, blocks)
        if html:
            yield ServerSentEvent(html, id=str(watch.seq))
        await asyncio.sleep(CALM_S)


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


def _log_batches(watch: _Watch, entries: Sequence[JournalEntry]) -> list[str]:
    """New lines of the watched task's log, as messages of at most 100 lines."""
    if watch.name != "task":
        return []
    template = environment().get_template("_log.html")
    lines = [line for entry in entries for line in _new_lines(watch, entry)]
    return [
        f'<hx-partial hx-target="#log-lines" hx-swap="beforeend">'
        f"{template.render(lines=lines[start : start + LINES_A_MESSAGE])}</hx-partial>"
        for start in range(0, len(lines), LINES_A_MESSAGE)
    ]


def _new_lines(watch: _Watch, entry: JournalEntry) -> list[LogLine]:
    if entry.kind != "agent.output" or entry.task_id != watch.query["id"]:
        return []
    log = log_name(entry.migration_id, entry.phase, entry.attempt)
    last = watch.lines.get(log, 0)
    time = f"{entry.at.astimezone(UTC):%H:%M:%S}"
    lines = [
        LogLine(int(line["n"]), time, str(line["stream"]), str(line["text"]))
        for line in entry.detail.get("lines", ())
        if int(line["n"]) > last
    ]
    watch.lines[log] = max([last, *(line.n for line in lines)])
    return lines


def _beat() -> ServerSentEvent:
    return ServerSentEvent(f"{datetime.now(UTC):%H:%M:%S}", event="beat")


def _count(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
