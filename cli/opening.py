"""What the commands over a state directory share: their options, the settings, ending with an error."""

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from roadmark.executor.config import Settings, load_settings
from roadmark.executor.errors import (
    Ambiguous,
    CheckpointUnknown,
    ConfigurationWrong,
    Conflict,
    CronWrong,
    NotFound,
    RoadmarkError,
)

Result = TypeVar("Result")

OK, FAILED, USAGE, MISSING, DENIED, WAITING, MOVED = 0, 1, 2, 3, 4, 5, 6
"""Exit codes, as cli/main.py lists them."""

_CODES: tuple[tuple[type[RoadmarkError], int], ...] = (
    (NotFound, MISSING),
    (Ambiguous, MISSING),
    (CheckpointUnknown, MISSING),
    (Conflict, MOVED),
    (ConfigurationWrong, USAGE),
    (CronWrong, USAGE),
)


@dataclass(frozen=True, slots=True)
class Where:
    """What was said on the command line about the folders; None where nothing was."""

    state_dir: Path | None
    specs: Path | None
    repo: Path | None


def state_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Add --state-dir, --specs and --repo, given to the command together as `where`."""

    @functools.wraps(command)
    def call(state_dir: Path | None, specs: Path | None, repo: Path | None, **others: object) -> Result:
        return command(where=Where(state_dir, specs, repo), **others)

    for option in (
        click.option("--state-dir", type=click.Path(path_type=Path), help="Where the state is kept."),
        click.option("--specs", type=click.Path(path_type=Path), help="The folder of specs."),
        click.option("--repo", type=click.Path(path_type=Path), help="The git repository to work on."),
    ):
        call = option(call)
    return call


def settings_from(where: Where, **flags: object) -> Settings:
    """The settings in this folder. Ends the program with 2 where they are wrong."""
    try:
        return load_settings(Path.cwd(), os.environ, {**asdict(where), **flags})
    except RoadmarkError as error:
        fail(error)


def fail(error: RoadmarkError) -> NoReturn:
    """Say what happened on stderr and end with the error's code."""
    click.echo(f"roadmark: {error}", err=True)
    sys.exit(next((code for kind, code in _CODES if isinstance(error, kind)), FAILED))


def actor() -> str:
    """Who gives orders on this terminal."""
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "terminal"
