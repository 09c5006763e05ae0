"""``roadmark history``: what was done and undone, by whom and why."""

import json

import click
from roadmark.cli.opening import Where, settings_from, state_options
from roadmark.cli.plain_text import safe, table
from roadmark.cli.reading import reading
from roadmark.executor.acts import acts_of
from roadmark.executor.model import JournalEntry
from roadmark.executor.places import Places, places_of
from roadmark.executor.tracker import NEWEST, MigrationView
from roadmark.executor.workspace.differences import patch_text

_QUIET = frozenset({"agent.output"})


@click.command("history")
@click.argument("task")
@state_options
@click.option("--limit", default=200, show_default=True, help="How many entries at the most.")
@click.option("--patch", "with_patch", is_flag=True, help="What each phase and rollback changed, as patches.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def history_command(
    task: str,
    where: Where,
    limit: int,
    with_patch: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show the journal of TASK, the oldest entry first; with --patch what each act did to the files."""
    settings = settings_from(where)
    with reading(settings) as tracker:
        task_id = tracker.find_task(task)
        if with_patch:
            places = places_of(settings)
            for run in reversed(tracker.migrations_of(task_id)):
                _show_acts(places, tracker.migration(run.id))
            return
        newest_first = tracker.events_before(NEWEST, limit, task_id=task_id)
        entries = [entry for entry in reversed(newest_first) if entry.kind not in _QUIET]
        if as_json:
            values = [{name: getattr(entry, name) for name in JournalEntry.__slots__} for entry in entries]
            click.echo(json.dumps({"schema": 1, "items": values}, default=str))
        else:
            click.echo(table(("SEQ", "AT", "WHO", "WHAT", "DETAIL"), map(_cells, entries)))


def _show_acts(places: Places, view: MigrationView) -> None:
    for act in acts_of(view):
        click.echo(f"# {act.at:%Y-%m-%d %H:%M:%S} {safe(act.what)}, by {safe(act.by)}")
        if act.why:
            click.echo(f"# because: {safe(act.why)}")
        for check in act.checks:
            click.echo(
                f"# {'holds' if check['holds'] else 'WRONG'}  {check['name']}: {safe(check['detail'])}"
            )
        if act.since is not None and act.until is not None:
            click.echo(patch_text(places.of(view.migration.id), act.since.ref, act.until.ref))


def _cells(entry: JournalEntry) -> tuple[str, ...]:
    moved = f"{entry.from_status} > {entry.to_status}" if entry.to_status else ""
    reason = entry.detail.get("reason") or entry.detail.get("text") or ""
    place = f"phase {entry.phase}" if entry.phase else ""
    detail = ", ".join(part for part in (place, moved, safe(str(reason))) if part)
    return (str(entry.seq), f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.actor, entry.kind, detail)
