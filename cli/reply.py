"""``roadmark reply``: answer an open question."""

import click
from roadmark.cli.migrations import latest_migration
from roadmark.cli.opening import Where, actor, settings_from, state_options
from roadmark.cli.working import opened


@click.command("reply")
@click.argument("task")
@click.argument("text")
@state_options
def reply_command(task: str, text: str, where: Where) -> None:
    """Answer the open question of TASK with TEXT. Exit 1: it was unclear and stays open."""
    with opened(settings_from(where)) as service:
        answered = service.manager.reply(latest_migration(service, task), text, actor(), "command line")
        click.echo(f"{answered.outcome}; the migration is {answered.migration.status}")
