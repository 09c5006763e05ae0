"""Answers to reads, kept until anything is committed: by us, by a worker, or by another process.

What is kept belongs to one principal. Nothing is kept that comes from elsewhere than the database: logs,
changes in a workspace, streams. Pages are kept for seconds only, since they say how long ago things were.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from roadmark.executor.access import Principal
from roadmark.web.auth import PRINCIPAL, is_program
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_LIFE_S = 2.0
MOST_KEPT = 512
_LARGEST_BYTES = 512 * 1024
_NEVER = (
    "/api/events",
    "/live/",
    "/static/",
    "/sign-in",
    "/reply/",
    "/livez",
    "/readyz",
    "/metrics",
    "/doctor",
)

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    mark: int
    until_s: float
    start: Message
    body: bytes
    etag: str | None
    route: object


class AnswerCache:
    """Gives a kept answer while the mark of the database is the one that it was made under."""

    def __init__(self, app: ASGIApp, mark: Callable[[], int], clock_s: Callable[[], float]) -> None:
        self._app, self._mark, self._clock_s = app, mark, clock_s
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._making: dict[tuple[Key, int], asyncio.Future[_Kept | None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from what is kept, else from the application, and keep that."""
        key = _key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        kept = await self._known(key, self._mark())
        if kept is not None:
            scope["route"] = kept.route
            await _send(scope, kept, send)
            return
        await self._first(key, scope, receive, send)

    async def _known(self, key: Key, mark: int) -> _Kept | None:
        """What is kept under this mark, or what somebody else is just having made under it."""
        kept = self._kept.get(key)
        if kept is not None and kept.mark == mark and kept.until_s > self._clock_s():
            self._kept.move_to_end(key)
            return kept
        making = self._making.get((key, mark))
        return await asyncio.shield(making) if making is not None else None

    async def _first(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it made, for everybody who asks the same until the next commit."""
        mark = self._mark()
        making: asyncio.Future[_Kept | None] = asyncio.get_running_loop().create_future()
        self._making[key, mark] = making
        recorder, kept = _Recorder(send), None
        try:
            await self._app(scope, receive, recorder)
            if recorder.is_keepable:
                life_s = float("inf") if is_program(scope) else PAGE_LIFE_S
                kept = recorder.kept(mark, self._clock_s() + life_s, scope.get("route"))
                self._keep(key, kept)
        finally:
            self._making.pop((key, mark), None)
            making.set_result(kept)

    def _keep(self, key: Key, kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)


class _Recorder:
    """Passes an answer on and remembers it, as long as it is small and whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()
        self.is_keepable = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 200:
                self._start = {**message, "headers": list(message["headers"])}
        elif self._start is not None:
            self._body += message.get("body", b"")
            if len(self._body) > _LARGEST_BYTES:
                self._start = None
            self.is_keepable = self._start is not None and not message.get("more_body", False)
        await self._send(message)

    def kept(self, mark: int, until_s: float, route: object) -> _Kept:
        assert self._start is not None  # noqa: S101 - is_keepable says so
        etag = Headers(raw=self._start["headers"]).get("etag")
        return _Kept(mark, until_s, self._start, bytes(self._body), etag, route)


async def _send(scope: Scope, kept: _Kept, send: Send) -> None:
    if kept.etag is not None and kept.etag in Headers(scope=scope).get("if-none-match", ""):
        headers = [(b"etag", kept.etag.encode()), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({**kept.start, "headers": list(kept.start["headers"])})
    await send({"type": "http.response.body", "body": kept.body})


def _key(scope: Scope) -> Key | None:
    """What an answer depends on; None where it must not be kept."""
    principal: Principal | None = scope.get(PRINCIPAL)
    if scope["type"] != "http" or scope["method"] != "GET" or principal is None:
        return None
    path: str = scope["path"]
    if path.startswith(_NEVER) or path.count("/") > _deepest(path):
        return None
    headers = Headers(scope=scope)
    theme = headers.get("cookie", "") if not is_program(scope) else ""
    return path, scope["query_string"], principal.name, principal.scopes, theme, headers.get("hx-request")


def _deepest(path: str) -> int:
    """Below a task's own page stand its log and its changes, which are not in the database."""
    return 2 if path.startswith("/tasks/") else 9
