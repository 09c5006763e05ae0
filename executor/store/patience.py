"""Waits for a database whose server went away, for example because it is being started again."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

PATIENCE_S = 30.0
"""For so long a server may be away before a writer is told."""

_PAUSE_S = 0.1


class Away(Exception):
    """The server is away, as `reason` says, and nothing of what was to be done is kept."""

    def __init__(self, reason: Exception) -> None:
        self.reason = reason
        super().__init__(str(reason))


def patiently(work: Callable[[], Result], is_ending: Callable[[], bool]) -> Result:
    """What `work` gives, called again as long as it raises Away, unless that lasts or the end is asked for.

    Raises: the last Away; what else `work` raises.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return work()
        except Away:
            if is_ending() or time.monotonic() > until:
                raise
        time.sleep(_PAUSE_S)
