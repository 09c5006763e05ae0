"""What an engine is: it decides who calls the worker for which migration, and when."""

from collections.abc import Callable
from typing import Protocol


class Engine(Protocol):
    """Has what is due carried out. The rows are the truth; an engine may be late or repeat itself."""

    @property
    def is_alive(self) -> bool:
        """Whether its clock ticks."""
        ...

    def start(self) -> None:
        """Carry out from now on."""

    def lead(self) -> None:
        """See to deadlines and schedules as well, as one process of all does."""

    def every(self, seconds: float, work: Callable[[], object], name: str) -> None:
        """Run further periodic work on the same clock."""

    def aside(self, seconds: float, work: Callable[[], object], name: str) -> None:
        """Run periodic work that may take long, beside the rest, and once within the first minute."""

    def busy(self) -> int:
        """How many migrations are carried out in this process now."""
        ...

    def wake(self) -> None:
        """Look at the rows now."""

    def stop(self) -> None:
        """Give out nothing more and wait until nothing is carried out; tell the attempts to end first."""
