"""``roadmark db``: the database as a whole: its schema, copies of it."""

from pathlib import Path

import click
from roadmark.cli.opening import Where, fail, settings_from, state_options
from roadmark.cli.working import opened
from roadmark.executor import upkeep
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.store.copying import Copied


@click.group("db")
def db_group() -> None:
    """Look after the database: its schema, backups, the way to PostgreSQL and back."""


@db_group.command("upgrade")
@state_options
def upgrade_command(where: Where) -> None:
    """Upgrade the database; opening it does that, too."""
    with opened(settings_from(where)) as service:
        click.echo(f"{service.store.place} is at revision {service.store.revision()}")


@db_group.command("current")
@state_options
def current_command(where: Where) -> None:
    """Say which revision the database has, and change nothing."""
    try:
        click.echo(upkeep.revision(settings_from(where)))
    except RoadmarkError as error:
        fail(error)


@db_group.command("downgrade")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@state_options
def downgrade_command(revision: str, yes: bool, where: Where) -> None:  # noqa: FBT001
    """Take the schema back to REVISION, for an older Roadmark. What came after it is lost."""
    settings = settings_from(where)
    if not yes:
        click.confirm(
            f"What {upkeep.place(settings)} got after revision {revision} is lost. Go on?", abort=True
        )
    try:
        upkeep.downgrade(settings, revision)
    except RoadmarkError as error:
        fail(error)
    click.echo(f"{upkeep.place(settings)} is at revision {revision}; this Roadmark would upgrade it again")


@db_group.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@state_options
def backup_command(file: Path, where: Where) -> None:
    """Copy the rows into FILE, a new file of SQLite, also while a service works."""
    settings = settings_from(where)
    try:
        copied = upkeep.back_up(settings, file)
    except RoadmarkError as error:
        fail(error)
    click.echo(f"{_said(copied)} from {upkeep.place(settings)} to {file}")


@db_group.command("copy")
@click.option("--to", "kind", type=click.Choice(upkeep.KINDS), required=True, help="Where the rows shall be.")
@state_options
def copy_command(kind: str, where: Where) -> None:
    """Copy the rows from the state directory to the database of the settings, or back.

    Stop the service first. What they are copied to must be empty or not there.
    """
    settings = settings_from(where)
    try:
        copied = upkeep.copy_to(settings, kind)
    except RoadmarkError as error:
        fail(error)
    click.echo(f"{_said(copied)} to {kind}; what they were copied from is as it was")


def _said(copied: Copied) -> str:
    return f"{copied.rows} rows copied, the journal to entry {copied.head.seq} with hash {copied.head.hash}"
