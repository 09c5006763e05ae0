"""The orders that wait for the writer: any thread puts some in, the writer takes all that are there."""

import threading
import time
from collections import deque
from typing import Generic, TypeVar

Order = TypeVar("Order")


class OrderQueue(Generic[Order]):
    """A queue whose one reader is woken up when as many orders are there as it waits for, and not by each."""

    def __init__(self) -> None:
        self._waiting: deque[Order] = deque()
        self._wanted = 1
        self._bell = threading.Lock()
        self._bell.acquire()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, order: Order) -> None:
        """Add an order. It is never held up."""
        self._waiting.append(order)
        if len(self._waiting) >= self._wanted:
            self._ring()

    def wait_for(self, count: int, most_s: float | None = None) -> bool:
        """Wait until so many orders are there, for so many seconds at the most; whether there is one."""
        self._wanted = count
        until = None if most_s is None else time.monotonic() + most_s
        while len(self._waiting) < count:
            left = -1.0 if until is None else until - time.monotonic()
            if until is not None and left <= 0:
                break
            self._bell.acquire(timeout=left)
        self._wanted = 1
        return bool(self._waiting)

    def take(self, most: int) -> list[Order]:
        """At most so many of the orders, the oldest first."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def _ring(self) -> None:
        """A lock that is free already was rung before."""
        try:
            self._bell.release()
        except RuntimeError:
            return
