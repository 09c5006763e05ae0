"""Waits for the end of the service beside it, then kills what the service's sandboxes left behind.

    python -I -S survivors.py <NAME=value>        the life-line on standard input

Bubblewrap dies with its parent, but only once it has asked the kernel for that: a sandbox that is still being
set up when the service is killed would stand and run for ever. All that carries NAME=value in the environment
it was started with is killed, until nothing of the kind has turned up for a while.

Standard library only and no import of roadmark: it starts in a few milliseconds and runs from its file.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

PAUSE_S = 0.02
QUIET_S = 0.5
"""A start that the service's end caught half way carries the mark by then."""
LONGEST_S = 30.0
OTHERS = 1024
"""Descriptors below this that the service left open are closed, so that nobody waits for ours."""


def main(mark: bytes) -> int:
    """Return when the service and all that carried its mark are gone."""
    if os.fork():
        return 0  # whoever ends all children of the service does not end this one
    os.chdir("/")
    os.closerange(3, OTHERS)
    while os.read(0, 64):
        pass
    kill_carriers(mark)
    return 0


def kill_carriers(mark: bytes) -> None:
    """Kill until it is quiet."""
    now = time.monotonic()
    quiet_at, given_up_at = now + QUIET_S, now + LONGEST_S
    while now < min(quiet_at, given_up_at):
        for pid in carriers(mark):
            quiet_at = now + QUIET_S
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(PAUSE_S)
        now = time.monotonic()


def carriers(mark: bytes) -> Iterator[int]:
    """The processes that were started with the mark."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
            if mark in file.read().split(b"\0"):
                yield int(name)


if __name__ == "__main__":
    sys.exit(main(os.fsencode(sys.argv[1])))
