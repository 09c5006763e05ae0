"""What time alone brings about, looked at once a tick; the rows hold it, so a start remakes nothing."""

from roadmark.executor.clock_watch import ClockWatch
from roadmark.executor.manager import MigrationManager
from roadmark.executor.store.store import Store


class Timers:
    """Deadlines, and the ends of what is parked; each look is safe to repeat, to be late and to be missed."""

    def __init__(self, store: Store, manager: MigrationManager) -> None:
        self._clock_watch = ClockWatch(store)
        self._manager = manager

    def look(self) -> None:
        """Do what is due. A clock that was set is noticed first."""
        self._clock_watch.look()
        self._manager.unpark_due()
        self._manager.lapse_overdue()
