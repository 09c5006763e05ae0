"""Locks between threads and processes: a file, held by flock."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from roadmark.executor.workspace.errors import LockTimeout

FIRST_PAUSE_S = 0.002
LONGEST_PAUSE_S = 0.05


@contextmanager
def hold(path: Path, timeout_s: float) -> Iterator[int]:
    """Hold the lock; yields its descriptor.

    A flock belongs to the open file, so threads of one process exclude each other like processes do. A child
    that inherits the descriptor keeps the lock until it ends too: git that outlives a killed service still
    keeps the next one out.

    Raises: LockTimeout.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, path, timeout_s)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, timeout_s: float) -> None:
    deadline, pause_s = time.monotonic() + timeout_s, FIRST_PAUSE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockTimeout(path, timeout_s) from None
        else:
            return
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
