"""Where there is no sandbox: a small process between the service and one command, that lets nothing survive.

    python -I -S guard.py <life-line fd> <status fd> <program> [arguments...]

It is its descendants' subreaper, so daemons and setsid children come back to it. It ends all of them when the
command ends, when it is told to (`T<seconds>` on the life-line: SIGTERM, then SIGKILL), or when the life-line
closes because the service is dead. It exits when nothing of the tree is left, and says on the status pipe how
the command ended: `exit <code>`, `signal <number>` or `error <errno>`.

Standard library only and no import of roadmark: it starts in a few milliseconds and runs from its file.
"""

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

PR_SET_CHILD_SUBREAPER = 36
PAUSE_S = 0.002
QUICK_PASSES = 50
OURS_TO_IGNORE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)


class Guard:
    """One command and all that comes of it."""

    def __init__(self, command: int, life_line: int, woken: int) -> None:
        self._command, self._life_line, self._woken = command, life_line, woken
        self._ended: int | None = None

    def watch(self) -> None:
        """Return when the command has ended, the order to end it has run out, or the service is gone."""
        deadline = None
        while self._ended is None:
            wait_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._woken, self._life_line], [], [], wait_s)
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._reap()
            if self._life_line in ready:
                order = os.read(self._life_line, 64)
                if not order.startswith(b"T"):
                    return
                deadline = time.monotonic() + float(order[1:].split(b"\n")[0])
                send(descendants(os.getpid()), signal.SIGTERM)
            if deadline is not None and time.monotonic() >= deadline:
                return

    def end_all(self) -> None:
        """Kill the tree; returns when no child is left.

        Orphans become our children. One that forks and exits faster than all of /proc can be read is caught
        by killing our own children again and again between two looks at the whole.
        """
        while True:
            send(descendants(os.getpid()), signal.SIGKILL)
            for _ in range(QUICK_PASSES):
                send(own_children(), signal.SIGKILL)
                if not self._reap():
                    return
            time.sleep(PAUSE_S)

    def said(self) -> str:
        """How the command ended."""
        code = os.waitstatus_to_exitcode(self._ended or 0)
        return f"exit {code}" if code >= 0 else f"signal {-code}"

    def _reap(self) -> bool:
        """Collect every dead child; False when none is left at all, and then no descendant either."""
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self._command:
                    self._ended = found[1]
        except ChildProcessError:
            return False
        return True


def main(arguments: Sequence[str]) -> int:
    """Run the command under guard; returns the exit status of the guard itself."""
    life_line, status = int(arguments[0]), int(arguments[1])
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken = wake_on_child()
    for descriptor in (life_line, status):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - positional only
    try:
        command = start(arguments[2:])
    except OSError as error:
        os.write(status, f"error {error.errno}".encode())
        return 1
    guard = Guard(command, life_line, woken)
    guard.watch()
    guard.end_all()
    os.write(status, guard.said().encode())
    return 0


def wake_on_child() -> int:
    """A pipe that becomes readable when a child ends; the signals that would end us are ignored."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in OURS_TO_IGNORE:
        signal.signal(number, signal.SIG_IGN)
    return reading


def start(argv: Sequence[str]) -> int:
    """Start the command in a session of its own; our own ends of its pipes are let go."""
    restored = (*OURS_TO_IGNORE, signal.SIGCHLD)
    pid = os.posix_spawnp(argv[0], list(argv), os.environ, setsid=True, setsigdef=restored)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    return pid


def descendants(pid: int) -> set[int]:
    """Every process below `pid`, the dead ones that nobody has collected left out."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            state, parent = file.read().rpartition(b")")[2].split()[:2]
            if state != b"Z":
                children.setdefault(int(parent), []).append(int(name))
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found


def own_children() -> list[int]:
    """Our direct children, where the kernel keeps a list of them."""
    pid = os.getpid()
    with suppress(OSError), open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
        return [int(child) for child in file.read().split()]
    return []


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each; those gone already are fine."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
