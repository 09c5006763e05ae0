"""Values that are kept for as long as what they were made from stays the same."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class Kept:
    """At most so many values, each with the mark that it was made under; the longest unused go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

    def get(self, key: Hashable, mark: Hashable, make: Callable[[], Value]) -> Value:
        """The value that was made under this mark, else a fresh one.

        The mark must have been read before `make` reads: then no value is older than its mark says.
        """
        with self._lock:
            held = self._held.get(key)
            if held is not None and held[0] == mark:
                self._held.move_to_end(key)
                found: Value = held[1]
                return found
        value = make()
        with self._lock:
            self._held[key] = (mark, value)
            self._held.move_to_end(key)
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return value
