"""``roadmark ls``: the tasks, a line each."""

import json

import click
from roadmark.cli.opening import Where, fail, settings_from, state_options
from roadmark.cli.plain_text import table
from roadmark.executor.config import Settings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.store.listing import ListedTask, list_tasks


@click.command("ls")
@state_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def ls_command(where: Where, as_json: bool) -> None:  # noqa: FBT001
    """List the tasks with their state, phase and progress."""
    settings = settings_from(where)
    tasks = _listed(settings)
    if as_json:
        click.echo(json.dumps({"schema": 1, "items": [_values(task) for task in tasks]}))
    elif not tasks:
        click.echo(f"No tasks yet. Put a spec into {settings.specs} and run 'roadmark serve'.")
    else:
        click.echo(table(("ID", "STATE", "PRIORITY", "PROGRESS", "TITLE", "FILE"), map(_cells, tasks)))


def _listed(settings: Settings) -> list[ListedTask]:
    try:
        return list_tasks(settings.state_dir) if not settings.database_url else _of_server(settings)
    except RoadmarkError as error:
        fail(error)


def _of_server(settings: Settings) -> list[ListedTask]:
    from roadmark.executor.store.listing_of_server import list_tasks_of
    from roadmark.executor.store.reading import Reading

    source = Reading(settings.state_dir, settings.database_url)
    try:
        return list_tasks_of(source)
    finally:
        source.close()


def _cells(task: ListedTask) -> tuple[str, ...]:
    return (
        task.id[:8],
        _state(task),
        task.priority,
        f"{task.items_done}/{task.items_total}",
        task.title,
        task.source_path,
    )


def _state(task: ListedTask) -> str:
    if task.migration_status is not None:
        return task.migration_status
    return task.status if task.executable else f"{task.errors} errors"


def _values(task: ListedTask) -> dict[str, object]:
    return {
        "id": task.id,
        "title": task.title,
        "state": _state(task),
        "priority": task.priority,
        "done": task.items_done,
        "total": task.items_total,
        "file": task.source_path,
        "migration": task.migration_id,
        "reason": task.reason,
    }
