"""What /proc says about a tree of processes: who is in it, what memory and processor time it takes."""

import os
import select
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from roadmark.executor.workspace.environment import MIGRATION_VARIABLE, STATE_VARIABLE

T = TypeVar("T")
PROC = Path("/proc")
SWEEP_S = 10.0
PAUSE_S = 0.01
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a tree of processes takes now."""

    processes: int
    memory_bytes: int
    cpu_s: float


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, parents first."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children(waiting.pop())
        found.extend(below)
        waiting.extend(below)
    return found


def usage(pid: int, limit_bytes: int | None = None) -> Usage:
    """Memory and processor time of all below `pid`.

    Memory is the sum of resident sizes; where that passes the limit, shared pages are counted by share (PSS).
    """
    pids = descendants(pid)
    memory_bytes = sum(map(_resident_bytes, pids))
    if limit_bytes is not None and memory_bytes > limit_bytes:
        memory_bytes = sum(map(_proportional_bytes, pids))
    return Usage(processes=len(pids), memory_bytes=memory_bytes, cpu_s=sum(map(_cpu_s, pids)))


def sweep(marker: str, migration: str | None = None) -> tuple[int, ...]:
    """Kill every process that carries ROADMARK_STATE=marker (and ROADMARK_MIGRATION, where given).

    For the start after a crash. Returns the killed; waits until they are gone, ten seconds at most.
    """
    wanted = {f"{STATE_VARIABLE}={marker}".encode()}
    if migration is not None:
        wanted.add(f"{MIGRATION_VARIABLE}={migration}".encode())
    return kill_carriers(wanted)


def sweep_migration(migration: str) -> tuple[int, ...]:
    """Kill every process on this machine that works on the migration, for whichever service it does."""
    return kill_carriers({f"{MIGRATION_VARIABLE}={migration}".encode()})


def kill_carriers(wanted: Collection[bytes]) -> tuple[int, ...]:
    """Kill every process whose environment holds all wanted `NAME=value` entries, but our parents."""
    spared = {os.getpid(), *_ancestors(os.getpid())}
    killed: set[int] = set()
    deadline = time.monotonic() + SWEEP_S
    while time.monotonic() < deadline:
        found = [pid for pid in _all() if pid not in spared and _carries(pid, wanted)]
        if not found:
            break
        for pid in found:
            _kill_carrier(pid, wanted)
        killed.update(found)
        time.sleep(PAUSE_S)
    return tuple(sorted(killed))


def signal_all(pids: Collection[int], number: signal.Signals) -> None:
    """Send a signal to each; those gone already are fine."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def open_pidfd(pid: int) -> int | None:
    """A descriptor of the process, readable once it has ended; None where it or the means is missing."""
    with suppress(OSError, AttributeError):
        return os.pidfd_open(pid)
    return None


def kill_by(pidfd: int) -> None:
    """SIGKILL to the process of a pidfd; one that is gone already is fine."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def await_end(pidfd: int, timeout_s: float) -> bool:
    """Whether the process of a pidfd ended in time."""
    return bool(select.select([pidfd], [], [], timeout_s)[0])


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    fields = _stat(pid)
    return bool(fields) and fields[0] not in ("Z", "X")


def _kill_carrier(pid: int, wanted: Collection[bytes]) -> None:
    """Kill by pidfd, after a second look: the number may have gone to somebody else meanwhile."""
    pidfd = open_pidfd(pid)
    if pidfd is not None:
        if _carries(pid, wanted):
            kill_by(pidfd)
        os.close(pidfd)


def _carries(pid: int, wanted: Collection[bytes]) -> bool:
    with suppress(OSError):
        return set(wanted).issubset((PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    return False


def _all() -> Iterator[int]:
    return (int(name) for name in os.listdir(PROC) if name.isdigit())


def children(pid: int) -> list[int]:
    """The children of all threads of a process: the kernel's list where it keeps one, else a look at all."""
    found: list[int] = []
    try:
        for thread in os.listdir(PROC / str(pid) / "task"):
            found.extend(map(int, (PROC / str(pid) / "task" / thread / "children").read_text().split()))
    except (FileNotFoundError, ProcessLookupError):
        if not (PROC / "self" / "task" / str(os.getpid()) / "children").exists():
            return [other for other in _all() if _parent(other) == pid]
    return found


def _ancestors(pid: int) -> Iterator[int]:
    while (pid := _parent(pid)) > 0:
        yield pid


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _cpu_s(pid: int) -> float:
    """Processor time of the process and of the children it has waited for."""
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / _TICKS_A_SECOND if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; empty where the process is gone."""
    return _read(PROC / str(pid) / "stat", lambda text: text.rpartition(")")[2].split(), [])


def _resident_bytes(pid: int) -> int:
    return _read(PROC / str(pid) / "statm", lambda text: int(text.split()[1]) * _PAGE_BYTES, 0)


def _proportional_bytes(pid: int) -> int:
    def read(text: str) -> int:
        return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))

    return _read(PROC / str(pid) / "smaps_rollup", read, 0)


def _read(path: Path, parse: Callable[[str], T], gone: T) -> T:
    try:
        return parse(path.read_text(errors="replace"))
    except (OSError, IndexError, ValueError):
        return gone
