"""How much is taken in: the size of bodies, the time they may take, and how often somebody may ask.

Source: safety rule R8; RateLimit headers after draft-ietf-httpapi-ratelimit-headers.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from roadmark.executor.access import Principal
from roadmark.web.auth import PRINCIPAL, Answer
from roadmark.web.problems import KINDS, Problem
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 1024 * 1024
BODY_DEADLINE_S = 15.0
_MOST_KEYS = 10_000


class _Refusal(Exception):
    def __init__(self, slug: str, detail: str) -> None:
        self.problem = Problem(KINDS[slug], detail, {}, {"Connection": "close"})


class BodyLimit:
    """Reads a body up to its limit and within its deadline before anybody acts on it."""

    def __init__(self, app: ASGIApp, answer: Answer, deadline_s: float = BODY_DEADLINE_S) -> None:
        self._app, self._answer, self._deadline_s = app, answer, deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through what is small and swift enough."""
        if scope["type"] != "http" or _has_no_body(scope):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except _Refusal as refusal:
            await self._answer(scope, refusal.problem)(scope, receive, send)
            return
        await self._app(scope, _replaying(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        headers = Headers(scope=scope)
        if "content-length" in headers and "transfer-encoding" in headers:
            raise _Refusal("malformed", "the request says in two ways where its body ends")
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
            raise _Refusal("too-large", f"the body is larger than {MAX_BODY_BYTES} bytes")
        try:
            async with asyncio.timeout(self._deadline_s):
                return await _gather(receive)
        except TimeoutError:
            raise _Refusal("timeout", f"the body took longer than {self._deadline_s:g} seconds") from None


def _has_no_body(scope: Scope) -> bool:
    is_read = scope["method"] in ("GET", "HEAD", "OPTIONS")
    return is_read and "transfer-encoding" not in Headers(scope=scope)


async def _gather(receive: Receive) -> bytes:
    """The whole body. Where the caller went away nobody hears the refusal; the log does."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refusal("malformed", "the connection ended before the body did")
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _Refusal("too-large", f"the body is larger than {MAX_BODY_BYTES} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """What gives the body once, then what the connection says."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` at once, and `per_minute` in the long run."""

    name: str
    burst: int
    per_minute: int


ACTS = Rate("acts", 300, 600)
"""What changes something, by principal."""
SIGN_INS = Rate("sign-in", 10, 10)
"""Tries to sign in, by address."""
GUESSES = Rate("guesses", 20, 20)
"""Refused tokens and sessions, by address."""


class Buckets:
    """Token buckets, one a key; the longest unused are forgotten."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._levels: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, rate: Rate, key: str) -> float:
        """Take one; 0 where there was one, else the seconds until there is."""
        level = self._level(rate, key)
        wait_s = 0.0 if level >= 1 else (1 - level) * 60 / rate.per_minute
        self._keep(rate, key, level - 1 if level >= 1 else level)
        return wait_s

    def left(self, rate: Rate, key: str) -> int:
        """How many could be taken now."""
        return int(self._level(rate, key))

    def _level(self, rate: Rate, key: str) -> float:
        now = self._clock_s()
        level, at = self._levels.get((rate.name, key), (float(rate.burst), now))
        return min(float(rate.burst), level + (now - at) * rate.per_minute / 60)

    def _keep(self, rate: Rate, key: str, level: float) -> None:
        self._levels[rate.name, key] = (level, self._clock_s())
        self._levels.move_to_end((rate.name, key))
        if len(self._levels) > _MOST_KEYS:
            self._levels.popitem(last=False)


class RateLimit:
    """Counts acts by principal and guesses by address; beyond the rate: 429 with Retry-After."""

    def __init__(self, app: ASGIApp, buckets: Buckets, answer: Answer) -> None:
        self._app, self._buckets, self._answer = app, buckets, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through what is within the rate."""
        counted = _counted(scope) if scope["type"] == "http" else None
        if counted is None:
            await self._app(scope, receive, send)
            return
        rate, key = counted
        wait_s = self._buckets.take(rate, key)
        if wait_s > 0:
            await self._answer(scope, _too_many(rate, wait_s))(scope, receive, send)
            return
        left = self._buckets.left(rate, key)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = f'"{rate.name}";q={rate.burst};w=60'
                headers["RateLimit"] = f'"{rate.name}";r={left}'
            await send(message)

        await self._app(scope, receive, send_with_headers)


class GuessLimit:
    """Counts refused credentials by address, so that nobody tries them by the thousand."""

    def __init__(self, app: ASGIApp, buckets: Buckets, answer: Answer) -> None:
        self._app, self._buckets, self._answer = app, buckets, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an address that has guessed too often; count a refusal."""
        if scope["type"] != "http" or not _has_credentials(scope):
            await self._app(scope, receive, send)
            return
        address = _address(scope)
        if self._buckets.left(GUESSES, address) < 1:
            await self._answer(scope, _too_many(GUESSES, 60 / GUESSES.per_minute))(scope, receive, send)
            return

        async def send_and_count(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._buckets.take(GUESSES, address)
            await send(message)

        await self._app(scope, receive, send_and_count)


def _counted(scope: Scope) -> tuple[Rate, str] | None:
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    if scope["path"].startswith("/sign-in"):
        return SIGN_INS, _address(scope)
    principal: Principal | None = scope.get(PRINCIPAL)
    return ACTS, principal.name if principal else _address(scope)


def _has_credentials(scope: Scope) -> bool:
    path: str = scope["path"]
    return "authorization" in Headers(scope=scope) or path.startswith("/hooks/")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"


def _too_many(rate: Rate, wait_s: float) -> Problem:
    seconds = max(1, math.ceil(wait_s))
    detail = f"too many requests ({rate.name}); try again in {seconds} s"
    headers = {"Retry-After": str(seconds), "RateLimit": f'"{rate.name}";r=0;t={seconds}'}
    return Problem(KINDS["too-many"], detail, {}, headers)
