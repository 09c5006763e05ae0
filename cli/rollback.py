"""``roadmark rollback`` and ``roadmark undo``."""

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import click
from roadmark.cli.migrations import latest_migration
from roadmark.cli.opening import FAILED, OK, USAGE, Where, actor, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.cli.settling import settle
from roadmark.cli.working import opened
from roadmark.executor.model import RollbackState
from roadmark.executor.rollback import Plan
from roadmark.executor.service import Service
from roadmark.executor.workspace.merging import Choice

Result = TypeVar("Result")


def choice_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """Add --keep, --take and --both, given to the command together as `choices`."""

    @functools.wraps(command)
    def call(keep: Sequence[str], take: Sequence[str], both: Sequence[str], **others: object) -> Result:
        said = {Choice.KEEP: keep, Choice.TAKE: take, Choice.BOTH: both}
        choices = {path: choice for choice, paths in said.items() for path in paths}
        return command(choices=choices, **others)

    for option in (
        click.option("--both", multiple=True, metavar="PATH", help="Keep theirs, put ours beside it."),
        click.option("--take", multiple=True, metavar="PATH", help="Take back what others changed too."),
        click.option("--keep", multiple=True, metavar="PATH", help="Leave what others changed as it is."),
    ):
        call = option(call)
    return call


@click.command("rollback")
@click.argument("task")
@state_options
@click.option("--to", default="start", show_default=True, help="A checkpoint that 'roadmark show' lists.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--reason", default="", help="Why; it stands in the history.")
@click.option("--with-dependents", is_flag=True, help="Take what depends on it back to its start first.")
@choice_options
def rollback_command(
    task: str,
    where: Where,
    to: str,
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    reason: str,
    with_dependents: bool,  # noqa: FBT001
    choices: Mapping[str, Choice],
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
        decided = _decided(plan, choices)
        before = [one.migration_id for one in plan.dependents] if with_dependents else []
        service.rollbacks.request(
            migration_id,
            to,
            reason,
            actor(),
            plan.version,
            choices=decided,
            with_dependents=with_dependents,
        )
        sys.exit(_report(service, [*before, migration_id]))


@click.command("undo")
@click.argument("task")
@state_options
@click.option("--reason", required=True, help="Why; it stands in the history.")
@choice_options
def undo_command(task: str, where: Where, reason: str, choices: Mapping[str, Choice]) -> None:
    """Undo the latest rollback of TASK's migration."""
    with opened(settings_from(where)) as service:
        migration_id = latest_migration(service, task)
        service.rollbacks.undo(migration_id, reason, actor(), choices)
        sys.exit(_report(service, [migration_id]))


def _agreed() -> bool:
    return sys.stdin.isatty() and click.confirm("Do it?", default=False, err=True)


def _decided(plan: Plan, choices: Mapping[str, Choice]) -> Mapping[str, Choice]:
    """What was said on the command line; at a terminal the rest is asked for, file by file."""
    if not sys.stdin.isatty():
        return choices
    kinds = click.Choice([choice.value for choice in Choice])
    asked = {path: click.prompt(safe(path), type=kinds) for path in plan.clashes if path not in choices}
    return {**choices, **{path: Choice(said) for path, said in asked.items()}}


def _report(service: Service, migration_ids: Sequence[str]) -> int:
    """Carry the rollbacks out in their order; what became of the last."""
    migration_id = migration_ids[-1]
    migration = settle(service, *migration_ids)
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
    lines += [f"  decide: {safe(path)} (--keep, --take or --both)" for path in plan.clashes]
    lines += [f"  depends on it: {safe(one.title)} (--with-dependents)" for one in plan.dependents]
    lines += [f"  not touched: {what}" for what in plan.untouched]
    lines += [f"  cannot be undone: {what}" for what in plan.irreversible]
    return "\n".join(lines)
