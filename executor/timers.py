"""What time alone brings about, looked at once a tick; the rows hold it, so a start remakes nothing."""

from roadmark.executor.clock_watch import ClockWatch
from roadmark.executor.manager import MigrationManager
from roadmark.executor.schedules import Schedules
from roadmark.executor.store.store import Store


class Timers:
    """Deadlines, the ends of what is parked, schedules; each look may be late, missed or repeated."""

    def __init__(self, store: Store, manager: MigrationManager, schedules: Schedules) -> None:
        self._clock_watch = ClockWatch(store, schedules.remake)
        self._manager, self._schedules = manager, schedules

    def look(self) -> None:
        """Do what is due. A clock that was set is noticed first."""
        self._clock_watch.look()
        self._manager.unpark_due()
        self._manager.lapse_overdue()
        self._schedules.start_due()
