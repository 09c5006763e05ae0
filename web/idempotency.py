"""Idempotency-Key: a repeated order gets the first one's answer and does nothing again.

Source: draft-ietf-httpapi-idempotency-key-header; kept for 24 hours, by caller.
"""

import hashlib

from roadmark.executor.access import Principal
from roadmark.executor.store.access import AccessRepository, KeptAnswer
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.store import Store
from roadmark.web.auth import PRINCIPAL, Answer
from roadmark.web.problems import KINDS, Problem
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEPT_HEADERS = ("content-type", "location", "etag")
_LONGEST_KEY = 255


class Idempotency:
    """Keeps the answers to POSTs of the API that carry a key."""

    def __init__(self, app: ASGIApp, store: Store, answer: Answer) -> None:
        self._app, self._store, self._answer = app, store, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from what was kept, or keep what is answered."""
        principal: Principal | None = scope.get(PRINCIPAL)
        if not _applies(scope) or principal is None:
            await self._app(scope, receive, send)
            return
        key = Headers(scope=scope)["idempotency-key"]
        if not 0 < len(key) <= _LONGEST_KEY:
            problem = Problem(KINDS["malformed"], f"Idempotency-Key must have 1 to {_LONGEST_KEY} characters")
            await self._answer(scope, problem)(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        digest = hashlib.sha256(scope["path"].encode() + b"\n" + body).hexdigest()
        kept = await run_in_threadpool(self._claim, key, principal.name, digest)
        if kept is not None:
            await self._repeated(scope, kept, digest)(scope, receive, send)
            return
        await self._first(scope, body, key, principal.name, send)

    def _claim(self, key: str, caller: str, digest: str) -> KeptAnswer | None:
        def work(transaction: Transaction) -> KeptAnswer | None:
            fresh = KeptAnswer(
                key=key,
                caller=caller,
                request_sha256=digest,
                status=None,
                headers=None,
                body=None,
                created_at=transaction.now,
            )
            return AccessRepository(transaction.connection).begin_answer(fresh)

        return self._store.write(work)

    def _repeated(self, scope: Scope, kept: KeptAnswer, digest: str) -> Response:
        if kept.request_sha256 != digest:
            return self._answer(
                scope, Problem(KINDS["key-reused"], "this Idempotency-Key came with another request before")
            )
        if kept.status is None:
            return self._answer(
                scope, Problem(KINDS["in-flight"], "the first request with this key has no answer yet")
            )
        headers = {**(kept.headers or {}), "Idempotent-Replayed": "true"}
        return Response(kept.body or "", kept.status, headers)

    async def _first(self, scope: Scope, body: bytes, key: str, caller: str, send: Send) -> None:
        recorder = _Recorder(send)

        async def receive_body() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        done = False
        try:
            await self._app(scope, receive_body, recorder)
            done = recorder.status < 500
        finally:
            await run_in_threadpool(self._settle, key, caller, recorder if done else None)
        await recorder.release()

    def _settle(self, key: str, caller: str, recorder: "_Recorder | None") -> None:
        def work(transaction: Transaction) -> None:
            access = AccessRepository(transaction.connection)
            if recorder is None:
                access.drop_answer(key, caller)
                return
            access.finish_answer(key, caller, recorder.status, recorder.kept_headers(), recorder.text())

        self._store.write(work)


class _Recorder:
    """Holds an answer back until it is kept."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []
        self.status = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self._messages.append(message)

    async def release(self) -> None:
        for message in self._messages:
            await self._send(message)

    def kept_headers(self) -> dict[str, str]:
        headers = Headers(raw=self._messages[0]["headers"])
        return {name: headers[name] for name in _KEPT_HEADERS if name in headers}

    def text(self) -> str:
        return b"".join(message.get("body", b"") for message in self._messages[1:]).decode()


def _applies(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "POST"
        and scope["path"].startswith("/api/")
        and "idempotency-key" in Headers(scope=scope)
    )
