"""``roadmark db``: the schema of the database."""

import click
from roadmark.cli.opening import Where, settings_from, state_options
from roadmark.cli.working import opened


@click.group("db")
def db_group() -> None:
    """Bring the database to the present schema."""


@db_group.command("upgrade")
@state_options
def upgrade_command(where: Where) -> None:
    """Upgrade the database; opening it does that, too."""
    with opened(settings_from(where)) as service:
        click.echo(f"{service.store.place} is at revision {service.store.revision()}")


@db_group.command("current")
@state_options
def current_command(where: Where) -> None:
    """Say which revision the database has."""
    with opened(settings_from(where)) as service:
        click.echo(service.store.revision())
