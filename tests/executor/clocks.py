"""A clock that only the test moves."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class SetClock:
    """A clock that stands still until the test lets time pass, or sets the wall time alone."""

    def __init__(self) -> None:
        self._now, self._running_s = NOON, 1000.0

    def now(self) -> datetime:
        """The wall time."""
        return self._now

    def monotonic_s(self) -> float:
        """The time that only runs."""
        return self._running_s

    def let_pass(self, span: timedelta) -> None:
        """So much time goes by, on both."""
        self._now += span
        self._running_s += span.total_seconds()

    def set_by(self, span: timedelta) -> None:
        """Somebody sets the wall clock."""
        self._now += span
