"""What a started process may see and do: bubblewrap where it works, else a guard process that only ends it.

With bubblewrap the file system is read only but for what the command names, and the whole tree lives in a
process namespace that dies with us. With the guard nothing hides or write-protects files; the status page and
`roadmark doctor` say so.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

from roadmark.executor.workspace import guard
from roadmark.executor.workspace.calling import TimedOut, call
from roadmark.executor.workspace.life_line import MARK_VARIABLE

PROBE_TIMEOUT_S = 10.0
PRIVATE_TMP = "/tmp"  # noqa: S108 - an empty one, for the process alone
_DEVICES = "/dev"

# What programs need of /run, which otherwise holds sockets to break out by (docker, dbus, agents of ssh).
NEEDED_OF_RUN = (
    "/run/current-system",
    "/run/systemd/resolve",
    "/run/NetworkManager/resolv.conf",
    "/run/resolvconf",
    "/run/connman",
)


class SandboxMode(StrEnum):
    """How processes are contained."""

    BUBBLEWRAP = "bubblewrap"
    """Namespaces: read-only files, private /tmp, nothing survives."""
    GUARD = "guard"
    """No containment of files; a guard process ends the whole tree."""


@dataclass(frozen=True, slots=True)
class SandboxProbe:
    """What this machine can do, and why."""

    kind: SandboxMode
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to start. `environment` comes on top of the allow-list; set HOME there."""

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    pass_through: tuple[str, ...] = ()
    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    stdin: Literal["null", "pipe"] = "null"
    network: Literal["shared", "none"] = "shared"
    memory_limit_bytes: int | None = None


def probe_sandbox(wanted: str = "auto") -> SandboxProbe:
    """Try out what there is: `auto`, or one of the modes (the guard is what is left where a probe fails)."""
    if wanted == SandboxMode.GUARD:
        return SandboxProbe(SandboxMode.GUARD, "set in the configuration; files outside are not protected")
    program = shutil.which("bwrap")
    if program is None:
        return SandboxProbe(
            SandboxMode.GUARD, "bubblewrap (bwrap) is not installed; install it to protect files"
        )
    true = Command(argv=("true",), cwd=Path("/"), network="none")
    try:
        tried = call((*bubblewrap(true), "true"), timeout_s=PROBE_TIMEOUT_S)
    except (OSError, TimedOut) as error:
        return SandboxProbe(SandboxMode.GUARD, f"{program} could not be run: {error}")
    if tried.returncode:
        why = tried.stderr.decode(errors="replace").strip()[-300:]
        return SandboxProbe(
            SandboxMode.GUARD, f"{program} does not work here: {why}; see docs/troubleshooting.md"
        )
    return SandboxProbe(SandboxMode.BUBBLEWRAP, f"{program} with namespaces for processes and files")


def bubblewrap(command: Command, info: int | None = None) -> tuple[str, ...]:
    """The arguments up to the program: later mounts lie over earlier ones.

    `info` is the descriptor that bwrap tells the process id of its init on.
    """
    return (
        shutil.which("bwrap") or "bwrap",
        "--die-with-parent",
        "--new-session",
        *(() if info is None else ("--info-fd", str(info))),
        *("--unsetenv", MARK_VARIABLE),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *(("--unshare-net",) if command.network == "none" else ()),
        *("--cap-drop", "ALL"),
        *("--ro-bind", "/", "/"),
        *("--dev", _DEVICES),
        *("--proc", "/proc"),
        *("--tmpfs", PRIVATE_TMP),
        *_mounts(command),
        *("--chdir", str(command.cwd.resolve())),
        "--",
    )


def guarded(life_line: int, status: int) -> tuple[str, ...]:
    """The arguments up to the program for a guard process with these descriptors."""
    return (sys.executable, "-I", "-S", guard.__file__, str(life_line), str(status))


def _mounts(command: Command) -> Iterator[str]:
    if os.path.isdir("/run"):
        yield from ("--tmpfs", "/run")
        for path in NEEDED_OF_RUN:
            yield from ("--ro-bind-try", path, path)
    for hidden in map(Path.resolve, command.hidden):
        if hidden.is_dir():
            yield from ("--tmpfs", str(hidden))
        elif hidden.exists():
            yield from ("--ro-bind", "/dev/null", str(hidden))
    yield from _program(command)
    for readable in map(Path.resolve, command.readable):
        yield from ("--ro-bind-try", str(readable), str(readable))
    for writable in map(Path.resolve, command.writable):
        yield from ("--bind", str(writable), str(writable))


def _program(command: Command) -> Iterator[str]:
    """What a program needs that lies where the process has folders of its own, /tmp and /dev.

    Its file, or what it is installed with (venv, node_modules).
    """
    program = Path(shutil.which(command.argv[0], path=command.environment.get("PATH")) or command.argv[0])
    if any(map(program.is_relative_to, (PRIVATE_TMP, _DEVICES))) and program.is_file():
        needed = str(program.parent.parent if program.parent.name in ("bin", ".bin") else program)
        yield from ("--ro-bind", needed, needed)
