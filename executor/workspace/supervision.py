"""How a contained tree of processes is asked to end, killed, and heard of: one way a sandbox mode."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from roadmark.executor.workspace import process_tree

NOT_STARTED = 127
FIRST_SIGNAL_STATUS = 128
END_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a program ended: by its status or by a signal."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        return f"exit status {self.code}" if self.signal is None else f"signal {self.signal}"


class Supervisor(Protocol):
    """What stands between us and the program; `pid` is the outermost process, which we started."""

    def ask(self, pid: int, grace_s: float) -> None:
        """Ask every process of the tree to end."""
        ...

    def kill(self, pid: int) -> None:
        """End every process of the tree; the outermost ends when none is left."""
        ...

    def exit_of(self, status: int) -> Exit:
        """How the program ended, given the status of the outermost process; called once."""
        ...


class Bubblewrapped:
    """bwrap outside, its init inside the process namespace: when that one dies, the kernel kills the rest.

    bwrap itself ends as soon as the program does, a moment before its init, so the end is the init's.
    """

    def __init__(self, init: int | None) -> None:
        self._init = init
        self._pidfd = None if init is None else process_tree.open_pidfd(init)

    def ask(self, pid: int, grace_s: float) -> None:  # noqa: ARG002 - the caller keeps the time
        """SIGTERM to all but bwrap's own two processes."""
        if self._init is not None:
            process_tree.signal_all(process_tree.descendants(self._init), signal.SIGTERM)

    def kill(self, pid: int) -> None:
        """SIGKILL to init. The kernel lets it end only after everything in its namespace is dead."""
        if self._pidfd is not None:
            process_tree.kill_by(self._pidfd)
        else:
            process_tree.signal_all([pid], signal.SIGKILL)

    def exit_of(self, status: int) -> Exit:
        """bwrap passes the program's status on, as shells do: 128 and the signal's number."""
        if self._pidfd is not None:
            process_tree.kill_by(self._pidfd)
            process_tree.await_end(self._pidfd, END_S)
            os.close(self._pidfd)
            self._pidfd = None
        if status < 0:
            return Exit(signal=-status)
        if status > FIRST_SIGNAL_STATUS and status - FIRST_SIGNAL_STATUS in signal.valid_signals():
            return Exit(signal=status - FIRST_SIGNAL_STATUS)
        return Exit(code=status)


class Guarded:
    """A guard process at the end of a life-line; a token in the environment finds what escapes it."""

    def __init__(self, life_line: int, status: int, token: bytes) -> None:
        self._life_line: int | None = life_line
        self._status, self._token = status, token

    def ask(self, pid: int, grace_s: float) -> None:  # noqa: ARG002 - the guard knows its own
        """Give the order; the guard keeps the grace as well."""
        if self._life_line is not None:
            with suppress(BrokenPipeError):
                os.write(self._life_line, f"T{grace_s:f}\n".encode())

    def kill(self, pid: int) -> None:  # noqa: ARG002 - the guard knows its own
        """Cut the life-line."""
        if self._life_line is not None:
            os.close(self._life_line)
            self._life_line = None

    def exit_of(self, status: int) -> Exit:
        """What the guard said. One that was killed says nothing: its orphans are hunted by their token."""
        self.kill(0)
        said = os.read(self._status, 64).decode().split()
        os.close(self._status)
        if not said:
            process_tree.kill_carriers({self._token})
            return Exit(signal=-status if status < 0 else signal.SIGKILL)
        match said[0]:
            case "exit":
                return Exit(code=int(said[1]))
            case "signal":
                return Exit(signal=int(said[1]))
            case _:
                return Exit(code=NOT_STARTED)
