"""What an agent's process may see: its own home, its workspace, and how it is signed in."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from roadmark.executor.agents.base import Brief
from roadmark.executor.agents.preset import Preset
from roadmark.executor.workspace.files import open_folder
from roadmark.executor.workspace.sandbox import Command


def link_sign_in(names: Sequence[str], person: Path, home: Path) -> None:
    """Link the files by which the person's agent is signed in into the agent's own home.

    Links and not copies: a secret stays in one place, and a sign-out is a sign-out. An earlier attempt may
    have changed that home: nothing is made through its links, nor where it laid something in the way.
    """
    open_folder(home)
    for name in names:
        source, target = person / name, home / name
        if source.exists() and not os.path.lexists(target) and _is_within(target.parent, home):
            with suppress(OSError):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(source)


def _is_within(folder: Path, home: Path) -> bool:
    """Whether the folder lies in the home, without a link on the way."""
    return Path(os.path.realpath(folder)) == Path(os.path.realpath(home)) / folder.relative_to(home)


def command_for(
    argv: tuple[str, ...],
    brief: Brief,
    *,
    preset: Preset,
    env_pass: tuple[str, ...],
    readable: tuple[Path, ...],
    stdin: Literal["null", "pipe"],
    memory_limit_bytes: int | None,
) -> Command:
    """The command of an agent's process: the workspace and its home writable, our own state hidden."""
    own_home = {} if "HOME" in env_pass else {"HOME": str(brief.home)}
    return Command(
        argv=argv,
        cwd=brief.workspace,
        environment={**preset.environment, **brief.environment, **own_home},
        pass_through=(*preset.env_pass, *env_pass),
        writable=(brief.workspace, brief.home),
        readable=(*readable, *_repository(brief), *_programs(argv)),
        hidden=(brief.place.state_dir,),
        stdin=stdin,
        memory_limit_bytes=memory_limit_bytes,
    )


def _repository(brief: Brief) -> tuple[Path, ...]:
    """The user's git folder: the workspace borrows objects from it, and /tmp is hidden otherwise."""
    repository = brief.place.repository
    git_dir = repository / ".git"
    return (git_dir if git_dir.is_dir() else repository,)


def _programs(argv: Sequence[str]) -> tuple[Path, ...]:
    """Files that the arguments name: a script of the person's may lie where the sandbox hides things."""
    return tuple(path for path in map(Path, argv) if path.is_absolute() and path.is_file())
