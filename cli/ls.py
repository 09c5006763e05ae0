"""``roadmark ls``: the tasks, a line each."""

import json

import click
from roadmark.cli.opening import Where, reading, settings_from, state_options
from roadmark.cli.plain_text import table
from roadmark.executor.store.tasks import FleetRow

_PAGE = 500


@click.command("ls")
@state_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def ls_command(where: Where, as_json: bool) -> None:  # noqa: FBT001
    """List the tasks with their state, phase and progress."""
    settings = settings_from(where)
    with reading(settings) as tracker:
        rows = tracker.fleet(limit=_PAGE)
        if as_json:
            click.echo(json.dumps({"schema": 1, "items": [_values(row) for row in rows]}))
        elif not rows:
            click.echo(f"No tasks yet. Put a spec into {settings.specs} and run 'roadmark serve'.")
        else:
            click.echo(table(("ID", "STATE", "PRIORITY", "PROGRESS", "TITLE", "FILE"), map(_cells, rows)))


def _cells(row: FleetRow) -> tuple[str, ...]:
    return (
        row.task.id[:8],
        _state(row),
        row.task.priority,
        f"{row.items_done}/{row.items_total}",
        row.task.title,
        row.task.source_path,
    )


def _state(row: FleetRow) -> str:
    if row.migration is not None:
        return row.migration.status.value
    return row.task.status.value if row.task.executable else f"{row.errors} errors"


def _values(row: FleetRow) -> dict[str, object]:
    return {
        "id": row.task.id,
        "title": row.task.title,
        "state": _state(row),
        "priority": row.task.priority,
        "done": row.items_done,
        "total": row.items_total,
        "file": row.task.source_path,
        "migration": row.migration.id if row.migration else None,
        "reason": row.migration.reason if row.migration else None,
    }
