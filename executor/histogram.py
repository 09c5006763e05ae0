"""How long things took, counted by buckets."""

import threading
from bisect import bisect_left
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted: `counts` has one more place than `bounds_s`, for what is beyond the last."""

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    sum_s: float


class Histogram:
    """Counts seconds from any thread."""

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self._bounds_s = bounds_s
        self._lock = threading.Lock()
        self._counts = [0] * (len(bounds_s) + 1)
        self._sum_s = 0.0

    def note(self, seconds: float) -> None:
        """Something took so long."""
        with self._lock:
            self._counts[bisect_left(self._bounds_s, seconds)] += 1
            self._sum_s += seconds

    def held(self) -> Counted:
        """What was counted so far."""
        with self._lock:
            return Counted(self._bounds_s, tuple(self._counts), self._sum_s)
