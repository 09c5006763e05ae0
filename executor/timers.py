"""What time alone brings about: deadlines, reminders, the ends of what is parked, schedules.

The rows hold every moment, so that a start has nothing to remake. Between two of them nothing is asked but
whether somebody committed something.
"""

from datetime import datetime

from roadmark.executor.clock_watch import ClockWatch
from roadmark.executor.manager import MigrationManager
from roadmark.executor.reminders import Reminders
from roadmark.executor.schedules import Schedules
from roadmark.executor.store.store import Store
from roadmark.executor.store.timers import TimerRepository


class Timers:
    """Looked at once a tick; each look may be late, missed or repeated."""

    def __init__(
        self, store: Store, manager: MigrationManager, schedules: Schedules, remind_s: tuple[int, ...] = ()
    ) -> None:
        """`remind_s`: how long before its deadline people are reminded of a question."""
        self._store, self._manager, self._schedules = store, manager, schedules
        self._clock_watch = ClockWatch(store, schedules.remake)
        self._reminders, self._remind_s = Reminders(store, remind_s), remind_s
        self._seen: int | None = None
        self._next: datetime | None = None

    def look(self) -> bool:
        """Do what is due; says whether anything can be. A clock that was set is noticed first."""
        self._clock_watch.look()
        mark, now = self._store.mark.value(), self._store.clock.now()
        if mark == self._seen and (self._next is None or now < self._next):
            return False
        self._manager.unpark_due()
        self._manager.lapse_overdue()
        self._reminders.give_due()
        self._schedules.start_due()
        with self._store.read() as connection:
            self._next = TimerRepository(connection).next_moment(now, self._remind_s)
        self._seen = mark
        return True
