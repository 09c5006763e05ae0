"""Which cores the engine's threads run on: one that they share. What they start runs on any.

The interpreter lets one of its threads run at a time, and the writer lane and the slots hand over to each
other with every order. Waking up a thread on another core takes longer than most of what it is woken up for.
Source: docs/decisions/0020; sched_setaffinity(2), which Linux has and others do not.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache


def share_a_core() -> None:
    """Keep the calling thread on the core that all who call this share."""
    cores = sorted(_at_first())
    _bind({cores[os.getpid() % len(cores)]} if cores else set())


def use_every_core() -> None:
    """Let the calling thread run anywhere again, and what is started by it."""
    _bind(_at_first())


@contextmanager
def every_core() -> Iterator[None]:
    """Until its end the calling thread may run anywhere, and so may programs that it starts."""
    bound = _now()
    use_every_core()
    try:
        yield
    finally:
        _bind(bound)


def _now() -> set[int]:
    """The cores of the calling thread; none where the system does not tell."""
    return os.sched_getaffinity(0) if sys.platform == "linux" else set()


_at_first = cache(_now)
"""The cores of the process. Asked for the first time before any thread is bound."""


def _bind(cores: set[int]) -> None:
    """A core that was taken away, or a container that forbids to choose, leaves the thread where it is."""
    if sys.platform == "linux" and cores != _now():
        with suppress(OSError):
            os.sched_setaffinity(0, cores)
