"""``roadmark explain``: why something is not running."""

import click
from roadmark.cli.opening import Where, fail, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.explain import explain
from roadmark.executor.store.reading import Reading


@click.command("explain")
@click.argument("task")
@state_options
def explain_command(task: str, where: Where) -> None:
    """Say why TASK (an id, a file, a title or a migration's id) is not running."""
    settings = settings_from(where)
    try:
        source = Reading(settings.state_dir, settings.database_url)
    except RoadmarkError as error:
        fail(error)
    try:
        for reason in explain(source, settings, task):
            click.echo(safe(reason))
    except RoadmarkError as error:
        fail(error)
    finally:
        source.close()
