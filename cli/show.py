"""``roadmark show``: a task and its latest migration."""

import json

import click
from roadmark.cli.opening import Where, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.cli.reading import reading
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
        migration = tracker.migration(view.task.migration_id) if view.task.migration_id else None
        if as_json:
            click.echo(json.dumps(_values(view, migration), default=str))
        else:
            click.echo("\n".join([*_task_lines(view), *(_migration_lines(migration) if migration else [])]))


def _values(view: TaskView, migration: MigrationView | None) -> dict[str, object]:
    return {
        "schema": 1,
        "task": pack(view.task),
        "problems": [pack(problem) for problem in view.problems],
        "migration": pack(migration.migration) if migration else None,
        "wait": pack(migration.wait) if migration and migration.wait else None,
        "checkpoints": [pack(checkpoint) for checkpoint in migration.checkpoints] if migration else [],
    }


def _task_lines(view: TaskView) -> list[str]:
    task, progress = view.task, view.progress
    hours = task.estimated_hours or "unknown"
    lines = [
        safe(task.title),
        f"  {task.id}  {safe(task.source_path)}, revision {task.revision}",
        f"  {task.type}, {task.category or 'no category'}, priority {task.priority}, {hours} hours",
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
