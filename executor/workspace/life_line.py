"""What ties the sandboxes of this process to its life, also while bubblewrap is still setting one up."""

import functools
import os
import secrets
import sys

from roadmark.executor.workspace import survivors

MARK_VARIABLE = "ROADMARK_LIFE"
"""Bubblewrap's own processes keep it in the environment they began with; the program does not get it."""


@functools.cache
def life_mark() -> str:
    """The value of MARK_VARIABLE for what must not outlive this process.

    With the first call a small process starts that waits for our end, at a pipe that we hold until then; it
    is nobody's child. Raises: OSError.
    """
    value = secrets.token_hex(16)
    waiting, held = os.pipe()
    try:
        _start(waiting, f"{MARK_VARIABLE}={value}")
    except OSError:
        os.close(held)
        raise
    finally:
        os.close(waiting)
    return value


def _start(life_line: int, mark: str) -> None:
    argv = [sys.executable, "-I", "-S", survivors.__file__, mark]
    streams = [
        (os.POSIX_SPAWN_DUP2, life_line, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    os.waitpid(os.posix_spawn(sys.executable, argv, {}, file_actions=streams, setsid=True), 0)
