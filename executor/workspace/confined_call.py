"""Calls a function in a process of its own, with limits of time and memory that end only that process."""

import multiprocessing
import os
import pickle
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeVar

Result = TypeVar("Result")

_MEBIBYTE = 1024 * 1024
_ENDING_S = 1.0
"""A process whose pipe is closed is ending; its exit code says why."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a call may take: seconds of processor time, bytes of memory beyond an empty process."""

    cpu_s: int
    memory_bytes: int

    @property
    def wall_s(self) -> float:
        """How long it is waited for: a busy machine gives a process only a part of its time."""
        return 10.0 * self.cpu_s


class BoundReached(Exception):
    """The call met a limit; the message names it."""


def call_confined(work: Callable[[], Result], bounds: Bounds) -> Result:
    """What `work`, which can be pickled, gives. Raises: BoundReached."""
    # Not forked: the service has threads, whose locks a fork would copy as they happen to be.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(theirs, work, bounds), name="confined call")
    process.start()
    theirs.close()
    try:
        answer = _answer(ours, bounds)
    finally:
        process.join(_ENDING_S)
        process.kill()
        process.join()
        ours.close()
    if answer is None:
        raise BoundReached(_why(process.exitcode, bounds))
    result: Result = pickle.loads(answer)  # noqa: S301 - our own child's
    return result


def _answer(ours: Connection, bounds: Bounds) -> bytes | None:
    """What the child sends; None where it ends without, or takes too long."""
    if not ours.poll(bounds.wall_s):
        return None
    try:
        return ours.recv_bytes()
    except EOFError:
        return None


def _why(exitcode: int | None, bounds: Bounds) -> str:
    if exitcode == _OUT_OF_MEMORY:
        return f"it takes more than {bounds.memory_bytes // _MEBIBYTE} MiB of memory"
    if exitcode in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"it takes more than {bounds.cpu_s} s"
    return f"the process that read it ended with {exitcode}"


_OUT_OF_MEMORY = 12
"""The exit code of a child without memory. Source: ENOMEM."""


def _serve(theirs: Connection, work: Callable[[], object], bounds: Bounds) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime) + bounds.cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    most = _size_bytes() + bounds.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = pickle.dumps(work(), pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)  # an orderly end would need memory, too
    theirs.send_bytes(answer)
    theirs.close()


def _size_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
