"""Notices that the machine's clock was set, so that no deadline passes by it and no delay becomes years.

Wall time is held against the clock that never jumps. What a person was given stays as long as it was: the
deadlines of open questions move with the clock. A delay before an attempt moves as well; what is parked looks
again at once, since hours, limits and providers speak of the right time. A time that a person named stays.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from roadmark.executor.events import Event
from roadmark.executor.model import Migration
from roadmark.executor.moves import event_of
from roadmark.executor.states import Status
from roadmark.executor.store.lane import Transaction, Work
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.timers import TimerRepository

JUMP = timedelta(minutes=5)
"""What lies below is drift, a corrected second, or a machine that was busy."""

_MARGIN = timedelta(seconds=1)


class ClockWatch:
    """Looked at once a tick, before anything is taken for due."""

    def __init__(self, store: Store, remake: Work[None]) -> None:
        """`remake` puts right, in the same transaction, what else was reckoned by the clock as it was."""
        self._store, self._remake = store, remake
        self._seen = self._present()

    def look(self) -> None:
        """Where the clock was set since the last look: note it, and move what it would harm."""
        now, running_s = self._present()
        passed = timedelta(seconds=running_s - self._seen[1])
        jump = now - self._seen[0] - passed
        if abs(jump) >= JUMP:
            self._store.write(lambda transaction: self._move(transaction, jump, now - passed - _MARGIN))
        self._seen = now, running_s

    def _move(self, transaction: Transaction, jump: timedelta, since: datetime) -> None:
        _move(transaction, jump, since)
        self._remake(transaction)

    def _present(self) -> tuple[datetime, float]:
        return self._store.clock.now(), self._store.clock.monotonic_s()


def _move(transaction: Transaction, jump: timedelta, since: datetime) -> None:
    """`since`: what was asked from then on was asked by the clock as it is now."""
    migrations = MigrationRepository(transaction.connection)
    by = {"by_seconds": round(jump.total_seconds())}
    waiting = TimerRepository(transaction.connection).move_questions(jump, since, transaction.now)
    moved = [migrations.get(migration_id) for migration_id in waiting]
    moved += [
        migrations.change(migration, transaction.now, due_at=due_at)
        for migration, due_at in _wrong_moments(migrations, jump, transaction.now)
    ]
    transaction.record(Event(kind="clock.jumped", detail=by))
    for migration in moved:
        transaction.record(event_of(migration, "clock.followed", detail=by))


def _wrong_moments(
    migrations: MigrationRepository, jump: timedelta, now: datetime
) -> Iterator[tuple[Migration, datetime]]:
    """Due times that the old clock made, with what they should be."""
    for migration in migrations.with_status([Status.QUEUED, Status.PARKED]):
        if migration.status is Status.PARKED:
            yield migration, now
        elif migration.due_at is not None and migration.attempt > 0:  # before it, a person named the time
            yield migration, migration.due_at + jump
