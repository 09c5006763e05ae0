"""Couriers: a thread for each endpoint carries its messages, so that a slow one holds up no other."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from roadmark.executor.errors import DatabaseAway
from roadmark.executor.model import JournalEntry
from roadmark.executor.outbox import Outbox, Outcome
from roadmark.executor.store.lane import LaneClosed
from roadmark.executor.store.outbox import Delivery
from roadmark.executor.store.store import Store

log = logging.getLogger(__name__)

POLL_S = 1.0
"""How soon messages of other processes, and retries, are seen."""
_END_WITHIN_S = 3.0


class Endpoint(Protocol):
    """Somebody outside who is told of what happens."""

    @property
    def name(self) -> str:
        """The name in the outbox; it stays the same over restarts."""
        ...

    def message(self, entry: JournalEntry) -> str | None:
        """What to say of an entry; None where this endpoint is not to hear of it."""
        ...

    def send(self, delivery: Delivery) -> Outcome:
        """Try to deliver; never raises for what the other side does."""
        ...


class Courier:
    """Feeds the box of one endpoint and sends what is due."""

    def __init__(self, outbox: Outbox, endpoint: Endpoint) -> None:
        self._outbox, self._endpoint = outbox, endpoint
        self._stopping, self._woken = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"courier-{endpoint.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Something was committed."""
        self._woken.set()

    def stop(self) -> None:
        """End after what is being sent; the rest stays in the box."""
        self._stopping.set()
        self._woken.set()

    def join(self, until_s: float) -> None:
        """Wait for the end, until then at most. What is sent then counts as not sent, and is sent again."""
        self._thread.join(max(0.0, until_s - time.monotonic()))

    def work(self) -> None:
        """Take the journal's news in, and send what is due now."""
        while self._outbox.feed(self._endpoint.name, self._endpoint.message):
            pass
        for delivery in self._outbox.due(self._endpoint.name):
            if self._stopping.is_set():
                return
            outcome = self._endpoint.send(delivery)
            self._outbox.settle(delivery, outcome)
            if outcome.error is not None:
                log.warning("%s: entry %d not delivered: %s", delivery.endpoint, delivery.seq, outcome.error)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                self.work()
            except LaneClosed:
                return
            except Exception:
                log.exception("the courier of %s failed; it goes on", self._endpoint.name)
            self._woken.wait(POLL_S)


@contextmanager
def couriers(store: Store, outbox: Outbox, endpoints: Sequence[Endpoint]) -> Iterator[None]:
    """Tell the endpoints of what happens while the context lasts, and of what is left from before."""
    made = [Courier(outbox, endpoint) for endpoint in endpoints]

    def heard(entries: Sequence[JournalEntry]) -> None:
        del entries
        for courier in made:
            courier.wake()

    with suppress(DatabaseAway):  # then each courier does it, once the database is back
        for endpoint in endpoints:
            outbox.begin(endpoint.name)
    end = store.bus.subscribe(heard)
    for courier in made:
        courier.start()
    if made:
        with suppress(LaneClosed):
            outbox.forget_old()
    try:
        yield
    finally:
        end()
        for courier in made:
            courier.stop()
        until_s = time.monotonic() + _END_WITHIN_S
        for courier in made:
            courier.join(until_s)
