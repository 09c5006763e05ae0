"""Calls a program of ours, such as git, and waits for its end."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from roadmark.executor.cores import running_as_the_process

TimedOut = subprocess.TimeoutExpired
Called = subprocess.CompletedProcess[bytes]


def call(
    arguments: Sequence[str],
    *,
    timeout_s: float | None = None,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: BinaryIO | bytes = b"",
    held: tuple[int, ...] = (),
) -> Called:
    """What the program printed and ended with; it may run on any core.

    `stdin` is what it reads, `environment` all that it has, where one is given; `held` are descriptors that
    it keeps open. Raises: OSError where it cannot be started, TimedOut.
    """
    file, given = (None, stdin) if isinstance(stdin, bytes) else (stdin, None)
    with running_as_the_process():
        return subprocess.run(
            arguments,
            cwd=cwd,
            env=environment,
            stdin=file,
            input=given,
            capture_output=True,
            timeout=timeout_s,
            pass_fds=held,
            check=False,
        )
