"""Start programs, read their lines, and end every process that came of them.

All forks come from one thread that lives as long as the service, because the kernel's parent-death signal
fires when the forking *thread* ends. No thread is spent on a running program: whoever waits for its next line
does the reading, from both streams at once, so that a full pipe can block nobody.
"""

import os
import re
import secrets
import select
import shutil
import subprocess
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from signal import SIGKILL
from typing import IO, Final

from roadmark.executor.cores import run_as_the_process
from roadmark.executor.workspace import process_tree
from roadmark.executor.workspace.environment import build_environment
from roadmark.executor.workspace.errors import ProcessEnded, ProcessNotStarted, StillAlive
from roadmark.executor.workspace.life_line import MARK_VARIABLE, life_mark
from roadmark.executor.workspace.lines import Line, LineSplitter
from roadmark.executor.workspace.sandbox import Command, SandboxMode, bubblewrap, guarded
from roadmark.executor.workspace.supervision import Bubblewrapped, Exit, Guarded, Supervisor
from roadmark.executor.workspace.terminal_text import clean_line

__all__ = ["Child", "Command", "Completed", "Exit", "Line", "run", "spawn"]

TOKEN_VARIABLE = "ROADMARK_PROCESS"  # noqa: S105 - the name of a variable
READ_BYTES = 65536
BUFFER_BYTES = 16 * 1024 * 1024
WATCH_S = 1.0
BLIND_POLL_S = 0.05  # where the kernel has no pidfd
KILL_S = 10.0
RUN_GRACE_S = 2.0
WRITE_S = 60.0

_INIT = re.compile(rb'"child-pid": *([0-9]+)')

# One thread for the whole process: see above. It starts with the first program and ends with the interpreter.
FORKER: Final = ThreadPoolExecutor(1, "roadmark-forker", initializer=run_as_the_process)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A program that was run to its end."""

    exit: Exit
    output: str  # both streams as they came, cleaned; the last part where there was too much
    is_cut: bool
    timed_out: bool
    duration_s: float

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with status 0."""
        return not self.timed_out and self.exit.code == 0


class Child:
    """A running program with everything that it starts."""

    def __init__(self, command: Command, process: subprocess.Popen[bytes], supervisor: Supervisor) -> None:
        self._program, self._limit_bytes = command.argv[0], command.memory_limit_bytes
        self._process, self._supervisor = process, supervisor
        self._lock = threading.RLock()
        self._lines: deque[Line] = deque()
        self._buffered_bytes = 0
        self._writing = threading.Lock()
        self._open = _streams(process)
        self._pidfd = process_tree.open_pidfd(process.pid)
        self._exit: Exit | None = None
        self._watched_at = time.monotonic()
        self.peak_memory_bytes = 0
        self.memory_exceeded = False
        self.last_output_at = time.monotonic()

    @property
    def pid(self) -> int:
        """The outermost process: the sandbox's or the guard's."""
        return self._process.pid

    @property
    def ended(self) -> Exit | None:
        """How it ended, once it has and every line of it was given out; None before."""
        if self._lines:
            return None
        self._collect()
        return None if self._lines else self._exit

    def next_line(self, timeout_s: float) -> Line | None:
        """The next line of either stream; None when none came in time, or none will come (see `ended`)."""
        deadline, is_over = time.monotonic() + timeout_s, False
        while True:
            with self._lock:
                if self._lines:
                    line = self._lines.popleft()
                    self._buffered_bytes -= len(line.text)
                    return line
            if self._exit is not None or is_over:
                return None
            is_over = time.monotonic() >= deadline
            self._pump(deadline - time.monotonic())

    def write(self, data: bytes) -> None:
        """Write to the program's input, reading its output meanwhile.

        Raises: ProcessEnded when it no longer reads, or has not for a minute.
        """
        deadline, rest = time.monotonic() + WRITE_S, memoryview(data)
        with self._writing:
            while rest:
                written = self._write_some(rest)
                rest = rest[written:]
                if not written and time.monotonic() > deadline:
                    raise ProcessEnded(self._program)

    def close_input(self) -> None:
        """Say that no more input comes."""
        with self._lock:
            if self._process.stdin is not None:
                self._process.stdin.close()

    def usage(self) -> process_tree.Usage:
        """Memory and processor time of the tree now; a new peak is counted by share (PSS)."""
        counted_to = min(self.peak_memory_bytes, self._limit_bytes or self.peak_memory_bytes)
        used = process_tree.usage(self.pid, counted_to)
        self.peak_memory_bytes = max(self.peak_memory_bytes, used.memory_bytes)
        return used

    def wait(self, timeout_s: float) -> Exit | None:
        """Wait for the end; output that was not read is dropped. None where it still runs."""
        deadline = time.monotonic() + timeout_s
        while self.ended is None and (
            self.next_line(deadline - time.monotonic()) or time.monotonic() < deadline
        ):
            pass
        return self.ended

    def terminate(self, grace_s: float) -> Exit:
        """End the whole tree: SIGTERM, after the grace SIGKILL. Returns when nothing of it is alive.

        Lines that came before are still given out. Raises: StillAlive where the kernel does not let go.
        """
        if self._await_end(0.0) is None:
            self._supervisor.ask(self.pid, grace_s)
        if self._await_end(grace_s) is None:
            self._supervisor.kill(self.pid)
        if self._await_end(KILL_S) is None:
            process_tree.signal_all([self.pid, *process_tree.descendants(self.pid)], SIGKILL)
        ended = self._await_end(KILL_S)
        if ended is None:
            raise StillAlive([self.pid, *process_tree.descendants(self.pid)])
        return ended

    def _await_end(self, timeout_s: float) -> Exit | None:
        """Wait and read on, so that a program busy writing can end; what nobody will read is dropped."""
        deadline = time.monotonic() + timeout_s
        while True:
            is_last_look = time.monotonic() >= deadline
            self._pump(deadline - time.monotonic())
            with self._lock:
                if self._buffered_bytes > BUFFER_BYTES:
                    self._lines.clear()
                    self._buffered_bytes = 0
                if self._exit is not None or is_last_look:
                    return self._exit

    def _pump(self, timeout_s: float, writing: int | None = None) -> None:
        """Wait for output, the end, or room in the input, and take in what came."""
        with self._lock:
            if self._lines and writing is None:
                timeout_s = 0.0
            poll = self._poll(writing)
        ready = poll.poll(1000 * max(0.0, min(timeout_s, self._longest_wait_s())))
        with self._lock:
            for descriptor, _ in ready:
                if descriptor in self._open and not self._read(descriptor):
                    self._shut(descriptor)
        self._collect()
        self._watch()

    def _poll(self, writing: int | None) -> select.poll:
        poll = select.poll()
        if self._buffered_bytes <= BUFFER_BYTES:
            for descriptor in self._open:
                poll.register(descriptor, select.POLLIN)
        if self._pidfd is not None:
            poll.register(self._pidfd, select.POLLIN)
        if writing is not None:
            poll.register(writing, select.POLLOUT)
        return poll

    def _longest_wait_s(self) -> float:
        if self._exit is not None:
            return 0.0
        if self._pidfd is None:
            return BLIND_POLL_S
        return WATCH_S

    def _write_some(self, data: memoryview) -> int:
        self._pump(WATCH_S, writing=self._input())
        try:
            with self._lock:  # it is closed when the end is noticed, which may have been just now
                return os.write(self._input(), data)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise ProcessEnded(self._program) from None

    def _input(self) -> int:
        """The descriptor of the program's input. Raises: ProcessEnded where it is closed."""
        with self._lock:
            stdin = self._process.stdin
            if stdin is None or stdin.closed:
                raise ProcessEnded(self._program)
            return stdin.fileno()

    def _collect(self) -> None:
        """Notice the end: collect the process and read what it left in the pipes."""
        with self._lock:
            if self._exit is not None or self._process.poll() is None:
                return
            self._exit = self._supervisor.exit_of(self._process.returncode)
            for descriptor in list(self._open):
                while self._read(descriptor):
                    pass
                self._shut(descriptor)
            self.close_input()
            if self._pidfd is not None:
                os.close(self._pidfd)
                self._pidfd = None

    def _read(self, descriptor: int) -> bool:
        """Read once; False at the end of the stream."""
        try:
            data = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return self._exit is None  # after the end nothing more will come
        self._add(self._open[descriptor][1].feed(data))
        self.last_output_at = time.monotonic()
        return bool(data)

    def _shut(self, descriptor: int) -> None:
        pipe, splitter = self._open.pop(descriptor)
        pipe.close()
        self._add(splitter.finish())

    def _add(self, lines: list[Line]) -> None:
        self._lines.extend(lines)
        self._buffered_bytes += sum(len(line.text) for line in lines)

    def _watch(self) -> None:
        """Once a second: end the tree where it takes more memory than it may."""
        if self._limit_bytes is None or time.monotonic() - self._watched_at < WATCH_S:
            return
        self._watched_at = time.monotonic()
        if self._exit is None and self.usage().memory_bytes > self._limit_bytes:
            self.memory_exceeded = True
            self._supervisor.kill(self.pid)


def spawn(command: Command, sandbox: SandboxMode) -> Child:
    """Start a program, contained as the mode says.

    Raises: ProcessNotStarted.
    """
    token = f"{TOKEN_VARIABLE}={secrets.token_hex(16)}"
    environment = build_environment(os.environ, command.pass_through, command.environment)
    environment |= dict([token.split("=")])
    _check(command, environment["PATH"])
    start = _start_in_bubblewrap if sandbox is SandboxMode.BUBBLEWRAP else _start_under_guard
    try:
        return FORKER.submit(start, command, environment, token.encode()).result()
    except OSError as error:
        raise ProcessNotStarted(command.argv[0], error.strerror or str(error)) from None


def run(
    command: Command, sandbox: SandboxMode, *, timeout_s: float, output_limit_bytes: int = 1024 * 1024
) -> Completed:
    """Run a program to its end, or end it with all its children when the time is over.

    Raises: ProcessNotStarted.
    """
    started_at = time.monotonic()
    child = spawn(command, sandbox)
    kept: deque[str] = deque()
    size, is_cut = 0, False
    while (remaining := started_at + timeout_s - time.monotonic()) > 0 and child.ended is None:
        line = child.next_line(remaining)
        if line is not None:
            kept.append(clean_line(line.text))
            size, is_cut = size + len(kept[-1]) + 1, is_cut or line.truncated
        while size > output_limit_bytes:
            size, is_cut = size - len(kept.popleft()) - 1, True
    timed_out = child.ended is None
    return Completed(
        exit=child.terminate(RUN_GRACE_S if timed_out else 0.0),
        output="\n".join(kept),
        is_cut=is_cut,
        timed_out=timed_out,
        duration_s=time.monotonic() - started_at,
    )


def _check(command: Command, path: str) -> None:
    program = command.argv[0]
    if not command.cwd.is_dir():
        raise ProcessNotStarted(program, f"there is no folder {command.cwd} to start it in")
    if shutil.which(command.cwd / program if "/" in program else program, path=path) is None:
        raise ProcessNotStarted(program, "there is no such program in PATH; install it or correct its name")


def _start_in_bubblewrap(command: Command, environment: dict[str, str], _token: bytes) -> Child:
    environment |= {MARK_VARIABLE: life_mark()}
    told, info = os.pipe()
    with open(told, "rb") as file:
        with open(info, "wb"):
            process = _popen(command, bubblewrap(command, info), environment, (info,))
        init = _INIT.search(file.read())  # bwrap closes it once it has told, or when it fails
    return Child(command, process, Bubblewrapped(int(init[1]) if init else None))


def _start_under_guard(command: Command, environment: dict[str, str], token: bytes) -> Child:
    life_line, held = os.pipe()
    status, said = os.pipe()
    try:
        process = _popen(command, guarded(life_line, said), environment, (life_line, said))
    except OSError:
        os.close(held)
        os.close(status)
        raise
    finally:
        os.close(life_line)
        os.close(said)
    return Child(command, process, Guarded(held, status, token))


def _popen(
    command: Command, contained_by: tuple[str, ...], environment: dict[str, str], passed: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (*contained_by, *command.argv),
        bufsize=0,
        stdin=subprocess.PIPE if command.stdin == "pipe" else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=command.cwd,
        env=environment,
        pass_fds=passed,
        start_new_session=True,
    )


def _streams(process: subprocess.Popen[bytes]) -> dict[int, tuple[IO[bytes], LineSplitter]]:
    """The pipes by descriptor, none of them blocking from now on."""
    assert process.stdout is not None  # noqa: S101 - given above
    assert process.stderr is not None  # noqa: S101 - given above
    for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
        os.set_blocking(pipe.fileno(), False)
    return {
        process.stdout.fileno(): (process.stdout, LineSplitter("stdout")),
        process.stderr.fileno(): (process.stderr, LineSplitter("stderr")),
    }
