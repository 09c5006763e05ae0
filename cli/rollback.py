"""``roadmark rollback`` and ``roadmark undo``."""

import sys

import click
from roadmark.cli.migrations import latest_migration
from roadmark.cli.opening import FAILED, OK, USAGE, Where, actor, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.cli.settling import settle
from roadmark.cli.working import opened
from roadmark.executor.model import RollbackState
from roadmark.executor.rollback import Plan
from roadmark.executor.service import Service


@click.command("rollback")
@click.argument("task")
@state_options
@click.option("--to", default="start", show_default=True, help="A checkpoint that 'roadmark show' lists.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--reason", default="", help="Why; it stands in the history.")
def rollback_command(
    task: str,
    where: Where,
    to: str,
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    reason: str,
) -> None:
    """Take TASK's migration back to a checkpoint: files, branch, boxes and rows together."""
    with opened(settings_from(where)) as service:
        migration_id = latest_migration(service, task)
        plan = service.rollbacks.preview(migration_id, to)
        click.echo(_preview(plan))
        if dry_run:
            sys.exit(OK)
        if not yes and not _agreed():
            click.echo("Nothing was changed. Give --yes to do it.", err=True)
            sys.exit(USAGE)
        service.rollbacks.request(migration_id, to, reason, actor(), plan.version)
        sys.exit(_report(service, migration_id))


@click.command("undo")
@click.argument("task")
@state_options
@click.option("--reason", required=True, help="Why; it stands in the history.")
def undo_command(task: str, where: Where, reason: str) -> None:
    """Undo the latest rollback of TASK's migration."""
    with opened(settings_from(where)) as service:
        migration_id = latest_migration(service, task)
        service.rollbacks.undo(migration_id, reason, actor())
        sys.exit(_report(service, migration_id))


def _agreed() -> bool:
    return sys.stdin.isatty() and click.confirm("Do it?", default=False, err=True)


def _report(service: Service, migration_id: str) -> int:
    migration = settle(service, migration_id)
    rollback = service.tracker.migration(migration_id).rollbacks[-1]
    click.echo(f"rollback {rollback.state}; the migration is {migration.status}")
    if rollback.result is not None:
        for name, value in rollback.result.items():
            if name != "checks":
                click.echo(f"  {name}: {safe(str(value))}")
        for check in rollback.result.get("checks", ()):
            click.echo(
                f"  {'holds' if check['holds'] else 'WRONG'}  {check['name']}: {safe(check['detail'])}"
            )
    return OK if rollback.state is RollbackState.DONE else FAILED


def _preview(plan: Plan) -> str:
    lines = [f"Roll back to checkpoint {plan.checkpoint.name}:"]
    lines += [f"  {number}. {safe(step)}" for number, step in enumerate(plan.steps, 1)]
    lines += [f"     {delta.status} {safe(delta.path)}" for delta in plan.files]
    lines += [f"     [ ] {safe(text)}" for text in plan.boxes]
    lines += [f"  conflict: {safe(path)} was changed on the branch since" for path in plan.conflicts]
    lines += [f"  not touched: {what}" for what in plan.untouched]
    lines += [f"  cannot be undone: {what}" for what in plan.irreversible]
    return "\n".join(lines)
