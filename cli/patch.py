"""``roadmark patch``: the result as a patch."""

import click
from roadmark.cli.migrations import latest_migration
from roadmark.cli.opening import Where, settings_from, state_options
from roadmark.cli.working import opened
from roadmark.executor.workspace.differences import patch_text


@click.command("patch")
@click.argument("task")
@state_options
@click.option("--from", "begin", default="start", show_default=True, help="A checkpoint.")
@click.option("--to", "end", default=None, help="A checkpoint; without it the present state.")
def patch_command(task: str, where: Where, begin: str, end: str | None) -> None:
    """Print what TASK's migration changed, as a patch for `git apply`."""
    with opened(settings_from(where)) as service:
        migration_id = latest_migration(service, task)
        first = service.tracker.checkpoint(migration_id, begin)
        last = service.tracker.checkpoint(migration_id, end).ref if end else None
        service.exchange.look(migration_id)
        click.echo(patch_text(service.places.of(migration_id), first.ref, last), nl=False)
