"""How the engine's threads are scheduled: they share a core and do not interrupt each other.

The interpreter lets one of its threads run at a time, and the writer lane and the slots hand over to each
other with every order. Waking up a thread on another core takes longer than most of what it is woken up for;
and one that is woken up on the same core must not interrupt the lane, only to wait for the interpreter.
What these threads start is scheduled as the process was.

Source: docs/decisions/0020; sched_setaffinity(2), sched(7). Linux has these, others do not.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class _Scheduling:
    cores: frozenset[int]
    policy: int


def share_a_core() -> None:
    """Keep the calling thread on the core that all who call this share."""
    if sys.platform == "linux":
        _schedule(_Scheduling(_shared_core(), _now().policy))


def share_a_core_and_give_way() -> None:
    """`share_a_core`; once woken up, wait until the running thread waits itself or has had its share."""
    if sys.platform == "linux":
        _schedule(_Scheduling(_shared_core(), os.SCHED_BATCH))


def run_as_the_process() -> None:
    """Let the calling thread run anywhere and at once again, and what is started by it."""
    if sys.platform == "linux":
        _schedule(_at_first())


@contextmanager
def running_as_the_process() -> Iterator[None]:
    """`run_as_the_process` until the end, for a program that is started within."""
    before = _now()
    run_as_the_process()
    try:
        yield
    finally:
        _schedule(before)


def _now() -> _Scheduling:
    """How the calling thread is scheduled; nothing where the system does not tell."""
    if sys.platform != "linux":
        return _Scheduling(frozenset(), 0)
    return _Scheduling(frozenset(os.sched_getaffinity(0)), os.sched_getscheduler(0))


_at_first = cache(_now)
"""How the process was scheduled. Asked for the first time before anything is changed."""


def _shared_core() -> frozenset[int]:
    """By the process's number: two services are not sure to meet."""
    cores = sorted(_at_first().cores)
    return frozenset({cores[os.getpid() % len(cores)]})


def _schedule(wanted: _Scheduling) -> None:
    """A core that was taken away, or a container that forbids it, leaves the thread as it is."""
    if sys.platform != "linux":
        return
    now = _now()
    with suppress(OSError):
        if wanted.cores != now.cores:
            os.sched_setaffinity(0, wanted.cores)
        if wanted.policy != now.policy:
            os.sched_setscheduler(0, wanted.policy, os.sched_param(0))
