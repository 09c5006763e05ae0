"""``roadmark schedule``: tasks that are started by cron."""

import json
from datetime import datetime

import click
from roadmark.cli.opening import Where, actor, settings_from, state_options
from roadmark.cli.plain_text import safe, table
from roadmark.cli.working import opened
from roadmark.executor.store.rows import pack
from roadmark.executor.store.schedules import ScheduleRow


@click.group("schedule")
def schedule_group() -> None:
    """List and remove schedules; 'roadmark run TASK --cron EXPRESSION' adds one."""


@schedule_group.command("ls")
@state_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def ls_command(where: Where, as_json: bool) -> None:  # noqa: FBT001
    """List the schedules, the next one first; times are this machine's."""
    with opened(settings_from(where)) as service:
        rows = service.schedules.all()
    if as_json:
        items = [{**pack(row.schedule), "title": row.title} for row in rows]
        click.echo(json.dumps({"schema": 1, "items": items}, default=str))
    elif not rows:
        click.echo("No schedules. 'roadmark run TASK --cron \"0 2 * * *\"' adds one.")
    else:
        click.echo(table(("ID", "CRON", "NEXT", "LAST", "TITLE", "FILE"), map(_cells, rows)))
        for row in rows:
            if row.schedule.last_refusal:
                click.echo(f"{row.schedule.id[:8]} was skipped last: {safe(row.schedule.last_refusal)}")


@schedule_group.command("rm")
@click.argument("schedule")
@state_options
def rm_command(schedule: str, where: Where) -> None:
    """Remove SCHEDULE (an id, or its beginning); what it started goes on."""
    with opened(settings_from(where)) as service:
        removed = service.schedules.remove(schedule, actor())
        click.echo(f"schedule {removed.id[:8]} is removed")


def _cells(row: ScheduleRow) -> tuple[str, ...]:
    schedule = row.schedule
    return (
        schedule.id[:8],
        schedule.cron,
        local(schedule.due_at),
        local(schedule.last_due_at) if schedule.last_due_at else "never",
        row.title,
        row.source_path,
    )


def local(moment: datetime) -> str:
    """A moment in this machine's own time."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
