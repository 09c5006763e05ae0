"""Reminders: questions that stay open are brought up again before their deadline, each time once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from roadmark.executor.moves import event_of
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.reminders import NearDeadline, ReminderRepository
from roadmark.executor.store.store import Store


class Reminders:
    """Reminds by an entry of the journal, from which pages, webhooks and notifications hear of it."""

    def __init__(self, store: Store, before_s: Sequence[int]) -> None:
        """`before_s`: how long before a deadline, in seconds; none means never."""
        self._store, self._before_s = store, tuple(before_s)

    def give_due(self) -> None:
        """Remind of every question whose time for it has come; of missed times only the last counts."""
        if not self._before_s:
            return
        now = self._store.clock.now()
        with self._store.read() as connection:
            near = ReminderRepository(connection).near(now, now + timedelta(seconds=max(self._before_s)))
        if any(due_reminder(one, self._before_s, now) is not None for one in near):
            self._store.write(self._give)

    def _give(self, transaction: Transaction) -> None:
        reminders, now = ReminderRepository(transaction.connection), transaction.now
        for near in reminders.near(now, now + timedelta(seconds=max(self._before_s))):
            before_s = due_reminder(near, self._before_s, now)
            if before_s is None:
                continue
            reminders.keep(near.wait, before_s)
            migration = MigrationRepository(transaction.connection).get(near.wait.migration_id)
            detail = {
                "wait": near.wait.id,
                "deadline_at": near.wait.deadline_at.isoformat(),
                "left_seconds": round((near.wait.deadline_at - now).total_seconds()),
            }
            transaction.record(event_of(migration, "wait.reminded", detail=detail))


def due_reminder(near: NearDeadline, before_s: Sequence[int], now: datetime) -> int | None:
    """The reminder that is to be given now, as seconds before the deadline.

    A question that was asked later than a reminder would have been is not reminded of at once.
    """
    wait = near.wait
    passed = [
        seconds
        for seconds in before_s
        if wait.asked_at < wait.deadline_at - timedelta(seconds=seconds) <= now < wait.deadline_at
    ]
    given = near.reminded_before_s
    return min(passed) if passed and (given is None or min(passed) < given) else None
