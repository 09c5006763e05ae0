"""Outbox: messages to the outside, fed from the journal: nothing is lost or doubled over a restart.

An entry's messages and the position behind it are written in one transaction, and a message keeps its
id over all tries; so whoever receives it may see it again, but can tell.
"""

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from roadmark.executor.model import JournalEntry
from roadmark.executor.store import journal
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.outbox import DELIVERED, GIVEN_UP, PENDING, Delivery, OutboxRepository
from roadmark.executor.store.store import Store

RETRY_AFTER_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""The waits between tries. Source: Standard Webhooks, section on delivery schedules."""

KEPT_FOR = timedelta(days=30)
_JITTER = 0.2
_BATCH = 200
_FURTHEST_UNKEPT = 1000
_NAMESPACE = uuid.UUID("0f6f2c0e-6c0b-5b8e-9d53-2f0a7c1f4b11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a try went. `error` None: delivered. `is_final`: trying again is pointless."""

    status: int | None
    error: str | None
    took_ms: int
    retry_after_s: int = 0
    is_final: bool = False


class Outbox:
    """Takes messages out of the journal and keeps how their delivery goes."""

    def __init__(self, store: Store, chance: Callable[[], float] = random.random) -> None:
        """`chance` gives numbers from 0 to 1, for the jitter of retries."""
        self._store, self._chance = store, chance
        self._seen: dict[str, int] = {}
        self._kept: dict[str, int] = {}

    def begin(self, endpoint: str) -> None:
        """From now on this endpoint is to hear of what happens, though it is fed later."""
        self._position(endpoint)

    def feed(self, endpoint: str, message: Callable[[JournalEntry], str | None]) -> bool:
        """Look at the next entries of the journal; False where there is none.

        `message` gives the text for an entry, or None where this endpoint is not to hear of it.
        """
        seen = self._position(endpoint)
        entries = self._store.journal_after(seen, _BATCH)
        if not entries:
            return False
        texts = [(entry, message(entry)) for entry in entries]
        self._keep(endpoint, [(entry, text) for entry, text in texts if text is not None], entries[-1].seq)
        return True

    def due(self, endpoint: str, limit: int = 20) -> list[Delivery]:
        """What is to be sent now, the oldest first."""
        with self._store.read() as connection:
            return OutboxRepository(connection).due(endpoint, self._store.clock.now(), limit)

    def settle(self, delivery: Delivery, outcome: Outcome) -> Delivery:
        """Keep how a try went, and when the next one is due."""
        settled = self._settled(delivery, outcome, self._store.clock.now())
        self._store.write(lambda transaction: OutboxRepository(transaction.connection).settle(settled))
        return settled

    def page(self, endpoint: str, before: int | None, limit: int) -> list[Delivery]:
        """The log of an endpoint, the newest first."""
        with self._store.read() as connection:
            return OutboxRepository(connection).page(endpoint, before, limit)

    def counts(self) -> dict[tuple[str, str], int]:
        """How many messages there are, by endpoint and state."""
        with self._store.read() as connection:
            return OutboxRepository(connection).counts()

    def forget_old(self) -> None:
        """Drop what was settled more than 30 days ago."""

        def work(transaction: Transaction) -> None:
            OutboxRepository(transaction.connection).forget_before(transaction.now - KEPT_FOR)

        self._store.write(work)

    def _position(self, endpoint: str) -> int:
        """Behind which entry to go on; a new endpoint begins with what comes next."""
        if endpoint not in self._seen:
            with self._store.read() as connection:
                kept = OutboxRepository(connection).position(endpoint)
                newest = journal.head(connection).seq
            self._seen[endpoint] = self._kept[endpoint] = newest if kept is None else min(kept, newest)
            if kept is None:
                self._keep(endpoint, [], newest, at_once=True)
        return self._seen[endpoint]

    def _keep(
        self, endpoint: str, wanted: Sequence[tuple[JournalEntry, str]], seq: int, *, at_once: bool = False
    ) -> None:
        """Write messages with the position; without any, the position alone is written now and then."""
        if wanted or at_once or seq - self._kept[endpoint] >= _FURTHEST_UNKEPT:

            def work(transaction: Transaction) -> None:
                box = OutboxRepository(transaction.connection)
                box.insert([_fresh(endpoint, entry, text, transaction.now) for entry, text in wanted])
                box.keep_position(endpoint, seq)

            self._store.write(work)
            self._kept[endpoint] = seq
        self._seen[endpoint] = seq

    def _settled(self, delivery: Delivery, outcome: Outcome, now: datetime) -> Delivery:
        entry = {
            "at": now.isoformat(timespec="milliseconds"),
            "status": outcome.status,
            "error": outcome.error,
            "took_ms": outcome.took_ms,
        }
        tries = (*delivery.tries, entry)
        if outcome.error is None:
            return replace(delivery, state=DELIVERED, tries=tries, due_at=None)
        if outcome.is_final or len(tries) > len(RETRY_AFTER_S):
            return replace(delivery, state=GIVEN_UP, tries=tries, due_at=None)
        return replace(delivery, tries=tries, due_at=now + self._wait(len(tries), outcome))

    def _wait(self, tries: int, outcome: Outcome) -> timedelta:
        """The wait of the schedule, a fifth more or less at random; longer where the receiver asks."""
        wait_s = RETRY_AFTER_S[tries - 1] * (1 + _JITTER * (2 * self._chance() - 1))
        return timedelta(seconds=max(wait_s, min(outcome.retry_after_s, RETRY_AFTER_S[-1])))


def _fresh(endpoint: str, entry: JournalEntry, text: str, now: datetime) -> Delivery:
    return Delivery(
        id=str(uuid.uuid5(_NAMESPACE, f"{endpoint}\n{entry.seq}\n{entry.hash}")),
        endpoint=endpoint,
        seq=entry.seq,
        kind=entry.kind,
        payload=text,
        state=PENDING,
        tries=(),
        due_at=now,
        created_at=now,
    )
