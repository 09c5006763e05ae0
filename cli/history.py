"""``roadmark history``: what was done and undone, by whom and why."""

import json

import click
from roadmark.cli.opening import Where, settings_from, state_options
from roadmark.cli.plain_text import safe, table
from roadmark.cli.reading import reading
from roadmark.executor.model import JournalEntry
from roadmark.executor.tracker import NEWEST

_QUIET = frozenset({"agent.output"})


@click.command("history")
@click.argument("task")
@state_options
@click.option("--limit", default=200, show_default=True, help="How many entries at the most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def history_command(
    task: str,
    where: Where,
    limit: int,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show the journal of TASK, the oldest entry first."""
    with reading(settings_from(where)) as tracker:
        task_id = tracker.find_task(task)
        newest_first = tracker.events_before(NEWEST, limit, task_id=task_id)
        entries = [entry for entry in reversed(newest_first) if entry.kind not in _QUIET]
        if as_json:
            values = [{name: getattr(entry, name) for name in JournalEntry.__slots__} for entry in entries]
            click.echo(json.dumps({"schema": 1, "items": values}, default=str))
        else:
            click.echo(table(("SEQ", "AT", "WHO", "WHAT", "DETAIL"), map(_cells, entries)))


def _cells(entry: JournalEntry) -> tuple[str, ...]:
    moved = f"{entry.from_status} > {entry.to_status}" if entry.to_status else ""
    reason = entry.detail.get("reason") or entry.detail.get("text") or ""
    place = f"phase {entry.phase}" if entry.phase else ""
    detail = ", ".join(part for part in (place, moved, safe(str(reason))) if part)
    return (str(entry.seq), f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.actor, entry.kind, detail)
