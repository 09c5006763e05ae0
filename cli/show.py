"""``roadmark show``: a task and its latest migration."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click
from roadmark.cli.opening import Where, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.cli.reading import reading
from roadmark.executor.criteria import Criterion, criteria_of
from roadmark.executor.run_figures import RunFigures
from roadmark.executor.store.rows import pack
from roadmark.executor.tracker import MigrationView, TaskView


@click.command("show")
@click.argument("task")
@state_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def show_command(
    task: str,
    where: Where,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show TASK (an id, its beginning, a file or a title): phases, boxes, problems, question, checkpoints."""
    with reading(settings_from(where)) as tracker:
        view = tracker.task(tracker.find_task(task))
        run = view.task.migration_id
        migration = tracker.migration(run) if run else None
        figures = tracker.figures(run, datetime.now(UTC)) if run else None
        criteria = criteria_of(view, migration)
        if as_json:
            click.echo(json.dumps(_values(view, migration, figures, criteria), default=str))
            return
        click.echo("\n".join([*_task_lines(view), *_criteria_lines(criteria)]))
        if migration and figures:
            click.echo("\n".join([*_migration_lines(migration), *_figure_lines(figures)]))


def _values(
    view: TaskView,
    migration: MigrationView | None,
    figures: RunFigures | None,
    criteria: Sequence[Criterion],
) -> dict[str, object]:
    return {
        "schema": 1,
        "task": pack(view.task),
        "problems": [pack(problem) for problem in view.problems],
        "migration": pack(migration.migration) if migration else None,
        "figures": asdict(figures) if figures else None,
        "criteria": [asdict(criterion) for criterion in criteria],
        "wait": pack(migration.wait) if migration and migration.wait else None,
        "checkpoints": [pack(checkpoint) for checkpoint in migration.checkpoints] if migration else [],
    }


def _task_lines(view: TaskView) -> list[str]:
    task, progress = view.task, view.progress
    hours = task.estimated_hours or "unknown"
    lines = [
        safe(task.title),
        f"  {task.id}  {safe(task.source_path)}, revision {task.revision}",
        safe(f"  {task.type}, {task.category or 'no category'}, priority {task.priority}, {hours} hours"),
        f"  {progress.done} of {progress.total} boxes of the phases are ticked ({progress.percent} %)",
    ]
    for problem in view.problems:
        place = f"{safe(task.source_path)}:{problem.line}:{problem.column}"
        lines.append(f"  {place}: {problem.code} {safe(problem.message)}")
    for phase in view.phases:
        items = view.items_of(phase.ordinal)
        done = sum(item.mark == "x" for item in items)
        lines.append(f"  phase {phase.ordinal}  {done}/{len(items)}  {safe(phase.name)}")
    return lines


def _criteria_lines(criteria: Sequence[Criterion]) -> list[str]:
    """What the spec calls success, each with what was measured about it."""
    lines = []
    for criterion in criteria:
        lines.append(f"  success: {safe(criterion.text)}")
        for support in criterion.supports:
            where = f"phase {support.phase}, attempt {support.attempt}"
            lines.append(f"    {where}: {safe(support.says)}")
    return lines


def _migration_lines(view: MigrationView) -> list[str]:
    migration = view.migration
    place = f"phase {migration.phase} of {migration.phase_count}, attempt {migration.attempt}"
    lines = [f"Migration {migration.id}: {migration.status}, {place}"]
    if migration.reason:
        lines.append(f"  reason: {safe(migration.reason)}")
    if migration.branch:
        tip = migration.published_commit or "nothing published yet"
        lines.append(f"  branch: {safe(migration.branch)} at {tip}")
    if view.wait:
        lines.append(f"  asks: {safe(view.wait.prompt)}")
        lines.append(f"  answer with one of: {', '.join(safe(word) for word in view.wait.keywords)}")
    lines += [f"  checkpoint {safe(checkpoint.name)}  {checkpoint.tree}" for checkpoint in view.checkpoints]
    return lines


def _figure_lines(figures: RunFigures) -> list[str]:
    """What it took, as far as it is known; times as hours, minutes and seconds."""
    times, estimate = figures.times, figures.estimated_hours
    share = figures.share_of_estimate
    against = f" of {estimate:g} h estimated ({share:.0%})" if estimate and share is not None else ""
    spans = (("waited", times.waiting_s), ("queued", times.queued_s), ("parked", times.parked_s))
    lines = [
        f"  worked {_length(times.working_s)}{against}",
        f"  {', '.join(f'{what} {_length(seconds)}' for what, seconds in spans)}",
        f"  {figures.attempts} attempts, of which {figures.attempts_used} count",
    ]
    if figures.tokens_out is not None:
        cost = "" if figures.cost_usd is None else f", US$ {figures.cost_usd:.2f}"
        lines.append(f"  {figures.tokens_in or 0} tokens read, {figures.tokens_out} written{cost}")
    if figures.peak_memory_bytes is not None:
        lines.append(f"  {figures.peak_memory_bytes / 1e6:.0f} MB of memory at its peak")
    return lines


def _length(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
