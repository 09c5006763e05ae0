"""HTTP/1.1 as the server speaks it, with a deadline for headers: who sends none is not waited for.

Source: safety rule R8. Bodies have a deadline of their own in limits.py.
"""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_DEADLINE_S = 15.0


class DeadlineProtocol(H11Protocol):
    """Closes a connection whose request's header is not whole in time."""

    deadline_s = HEADERS_DEADLINE_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The time runs from here, and from the first byte of each further request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """The time stops with the end of the header."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """The time runs again where the rest of a body is outstanding that nobody reads."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The time is over."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._owes():
            self._unwatch()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.deadline_s, self.transport.close)

    def _owes(self) -> bool:
        """Whether the other side has to send something: a header, or the rest of a body after its answer."""
        is_answered = self.cycle is not None and self.cycle.response_complete
        state = self.conn.their_state
        return state is h11.IDLE or (is_answered and state is h11.SEND_BODY)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
