"""``roadmark run``: start a task and take it as far as it goes."""

import sys
from datetime import datetime

import click
from roadmark.cli.opening import FAILED, OK, WAITING, Where, actor, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.cli.schedule import local
from roadmark.cli.settling import settle
from roadmark.cli.working import opened
from roadmark.executor.errors import AlreadyRunning
from roadmark.executor.explain import explain
from roadmark.executor.states import Status


@click.command("run")
@click.argument("task")
@state_options
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="Not before this time of this machine; the service takes it up then.",
)
@click.option("--cron", help="Again and again, for example '0 2 * * 1-5', in this machine's own time.")
@click.option("--agent", help="The agent to use, by its name in the configuration.")
def run_command(task: str, where: Where, agent: str | None, at: datetime | None, cron: str | None) -> None:
    """Start TASK (an id, a file or a title), or go on with it, until it rests.

    Exit 0: completed; 5: it waits for a person; 1: anything else.
    """
    if cron is not None:
        _schedule(task, where, agent, cron)
        return
    with opened(settings_from(where, agent=agent)) as service:
        service.intake.rescan_settled()
        task_id = service.tracker.find_task(task)
        try:
            migration_id = service.manager.start(task_id, actor(), at=at.astimezone() if at else None).id
        except AlreadyRunning as standing:
            migration_id = standing.migration_id
        if at is not None:
            click.echo(
                f"migration {migration_id} is due at {at:%Y-%m-%d %H:%M}; a running service takes it up"
            )
            return
        migration = settle(service, migration_id)
        phases = f"phase {migration.phase} of {migration.phase_count}"
        click.echo(f"migration {migration.id} is {migration.status}, {phases}")
        if migration.reason:
            click.echo(f"reason: {safe(migration.reason)}")
        if migration.status is Status.QUEUED:
            for reason in explain(service.store, service.settings, migration.id):
                click.echo(safe(reason))
        wait = service.tracker.migration(migration.id).wait
        if wait is not None:
            words = ", ".join(safe(word) for word in wait.keywords)
            click.echo(f"{safe(wait.prompt)}\nAnswer: roadmark reply {task_id[:8]} WORD   (one of: {words})")
    sys.exit({Status.COMPLETED: OK, Status.WAITING: WAITING}.get(migration.status, FAILED))


def _schedule(task: str, where: Where, agent: str | None, cron: str) -> None:
    with opened(settings_from(where)) as service:
        service.intake.rescan_settled()
        schedule = service.schedules.add(service.tracker.find_task(task), cron, actor(), agent)
        next_time = local(schedule.due_at)
        click.echo(f"schedule {schedule.id[:8]} starts it at {next_time}; a running service takes it up")
