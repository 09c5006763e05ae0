"""Plays the service, in forks of one process so that a start is quick: `roadmark` as it is but for one thing.

Each line on the standard input holds a folder, a number and the arguments, with tabs between them. The fork
kills itself as that many places are passed: before and after each commit, and before and after each start of
a process. As long as a hook that is waited for (`outside/armed-ACT`) has not begun, no place is counted.
How it ended is printed: 0, a code, or the signal below zero.
"""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import roadmark.cli.audit
import roadmark.cli.serve  # noqa: F401 - what the forks need is imported once
from roadmark.cli.main import main
from sqlalchemy.engine.default import DefaultDialect

Act = Callable[..., Any]


def die_at(fatal: int) -> None:
    """Have this process end at that place, as if the power went there."""
    passed = itertools.count(1)

    def pass_by() -> None:
        if not any(Path("outside").glob("armed-*")) and next(passed) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def between(act: Act) -> Act:
        def watched(*arguments: Any, **named: Any) -> Any:
            pass_by()
            result = act(*arguments, **named)
            pass_by()
            return result

        return watched

    setattr(DefaultDialect, "do_commit", between(DefaultDialect.do_commit))  # noqa: B010
    name = "_execute_child"
    setattr(subprocess.Popen, name, between(getattr(subprocess.Popen, name)))


def play(folder: str, fatal: int, arguments: list[str]) -> None:
    """Be the program, from its first instruction to its end."""
    os.chdir(folder)
    log = os.open(Path(folder) / "service.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    die_at(fatal)
    main(arguments, standalone_mode=False)


def serve_lines() -> None:
    """One fork a line."""
    for line in sys.stdin:
        folder, fatal, *arguments = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            try:
                play(folder, int(fatal), arguments)
            except SystemExit as end:
                os._exit(int(end.code or 0))
            os._exit(0)
        tell("began", child)
        tell("ended", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def tell(what: str, number: int) -> None:
    """A line to whoever gave the order."""
    sys.stdout.write(f"{what} {number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve_lines()
