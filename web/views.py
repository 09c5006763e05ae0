"""Rows as JSON: the shapes of the public contract, said once (docs/api.md, openapi.py)."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from roadmark.executor.model import (
    Attempt,
    Checkpoint,
    JournalEntry,
    Migration,
    PhaseRun,
    Rollback,
    SpecProblem,
    TaskFile,
    TaskItem,
    Wait,
)
from roadmark.executor.rollback import Plan
from roadmark.executor.store.tasks import FleetRow, TaskSummary
from roadmark.executor.store.waits import InboxRow
from roadmark.executor.tracker import MigrationView, Progress, TaskView
from roadmark.web.problems import Refused

Json = dict[str, Any]

ACTIONS = ("create", "modify", "delete", "move")


def stamp(moment: datetime | None) -> str | None:
    """A moment as RFC 3339 in UTC."""
    return (
        moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
    )


def progress(value: Progress) -> Json:
    """Boxes of the phases."""
    return {"done": value.done, "total": value.total, "percent": value.percent}


def progress_of(done: int, total: int) -> Json:
    """Boxes of the phases, from their counts."""
    return progress(Progress(done, total))


def migration_brief(migration: Migration) -> Json:
    """What a list says of a migration, without its children."""
    return {
        "id": migration.id,
        "task_id": migration.task_id,
        "status": migration.status,
        "phase": migration.phase,
        "phase_count": migration.phase_count,
        "attempt": migration.attempt,
        "max_attempts": migration.policy.max_attempts,
        "agent": migration.agent,
        "branch": migration.branch,
        "base_commit": migration.base_commit,
        "published_commit": migration.published_commit,
        "reason": migration.reason,
        "version": migration.version,
        "started_by": migration.started_by,
        "due_at": stamp(migration.due_at),
        "created_at": stamp(migration.created_at),
        "updated_at": stamp(migration.updated_at),
        "finished_at": stamp(migration.finished_at),
    }


def migration_full(view: MigrationView) -> Json:
    """A migration with everything that belongs to it."""
    return {
        **migration_brief(view.migration),
        "title": view.title,
        "progress": progress(view.progress),
        "wait": wait_open(view.wait) if view.wait else None,
        "phases": [phase_run(run) for run in view.phases],
        "attempts": [attempt(row) for row in view.attempts],
        "checkpoints": [checkpoint(row) for row in view.checkpoints],
        "rollbacks": [rollback(row) for row in view.rollbacks],
    }


def wait_open(wait: Wait) -> Json:
    """An open question."""
    return {
        "id": wait.id,
        "kind": wait.kind,
        "phase": wait.phase,
        "attempt": wait.attempt,
        "prompt": wait.prompt,
        "keywords": list(wait.keywords),
        "asked_at": stamp(wait.asked_at),
        "deadline_at": stamp(wait.deadline_at),
        "tries": wait.tries,
        "max_tries": wait.max_tries,
    }


def phase_run(run: PhaseRun) -> Json:
    """A phase of a migration."""
    return {
        "phase": run.phase,
        "name": run.name,
        "state": run.state,
        "attempts_used": run.attempts_used,
        "feedback": run.feedback,
        "checkpoint_id": run.checkpoint_id,
        "published_commit": run.published_commit,
        "started_at": stamp(run.started_at),
        "finished_at": stamp(run.finished_at),
    }


def attempt(row: Attempt) -> Json:
    """An attempt, without its nonce and prompt."""
    return {
        "id": row.id,
        "phase": row.phase,
        "number": row.number,
        "agent": row.agent,
        "outcome": row.outcome,
        "reason": row.reason,
        "evidence": row.evidence,
        "used": row.used,
        "checkpoint_id": row.checkpoint_id,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "cost_usd": row.cost_usd,
        "peak_memory_bytes": row.peak_memory_bytes,
        "started_at": stamp(row.started_at),
        "ended_at": stamp(row.ended_at),
    }


def checkpoint(row: Checkpoint) -> Json:
    """A kept state."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "phase": row.phase,
        "attempt": row.attempt,
        "tree": row.tree,
        "commit": row.commit_id,
        "not_covered": list(row.not_covered),
        "at": stamp(row.at),
    }


def rollback(row: Rollback) -> Json:
    """A rollback with what it did."""
    return {
        "id": row.id,
        "migration_id": row.migration_id,
        "checkpoint_id": row.checkpoint_id,
        "safety_checkpoint_id": row.safety_checkpoint_id,
        "undoes": row.undoes,
        "state": row.state,
        "reason": row.reason,
        "actor": row.actor,
        "trigger": row.trigger,
        "result": row.result,
        "requested_at": stamp(row.requested_at),
        "finished_at": stamp(row.finished_at),
    }


def plan(value: Plan) -> Json:
    """What a rollback would do."""
    return {
        "to": checkpoint(value.checkpoint),
        "steps": list(value.steps),
        "untouched": list(value.untouched),
        "irreversible": list(value.irreversible),
        "files": [
            {
                "status": delta.status,
                "path": delta.path,
                "old_path": delta.old_path,
                "added": delta.added,
                "removed": delta.removed,
            }
            for delta in value.files
        ],
        "boxes": list(value.boxes),
        "conflicts": list(value.conflicts),
        "clashes": list(value.clashes),
        "dependents": [
            {"task_id": one.task_id, "title": one.title, "migration_id": one.migration_id}
            for one in value.dependents
        ],
        "branch": value.branch,
        "version": value.version,
    }


def fleet_line(row: FleetRow) -> Json:
    """A task in a list, with where its migration stands."""
    return {
        **task_summary(row.task),
        "progress": progress_of(row.items_done, row.items_total),
        "migration": migration_brief(row.migration) if row.migration else None,
        "problems": {"errors": row.errors, "warnings": row.warnings},
    }


def task_summary(task: TaskSummary) -> Json:
    """A task without its text."""
    return {
        "id": task.id,
        "title": task.title,
        "type": task.type,
        "category": task.category,
        "priority": task.priority,
        "status": task.status,
        "estimated_hours": task.estimated_hours,
        "source_path": task.source_path,
        "executable": task.executable,
        "automation_level": task.automation_level,
        "revision": task.revision,
        "created_at": stamp(task.created_at),
        "updated_at": stamp(task.updated_at),
    }


def task_full(view: TaskView, migration: Migration | None) -> Json:
    """A task with everything that its spec gave it."""
    task = view.task
    sections = task.sections
    return {
        "id": task.id,
        "project_id": task.project_id,
        "title": task.title,
        "type": task.type,
        "category": task.category,
        "priority": task.priority,
        "status": task.status,
        "estimated_hours": task.estimated_hours,
        "metadata": task.metadata,
        "phases": [_phase(view, ordinal) for ordinal in range(1, len(view.phases) + 1)],
        "files": files_by_action(view.files),
        "risks": [
            {"level": r.level, "text": r.text, "mitigation": r.mitigation, "line": r.line} for r in view.risks
        ],
        "success_criteria": _lines(sections, "success_criteria"),
        "success_indicators": _lines(sections, "success_indicators"),
        "dependencies": list(view.dependencies),
        "automation": {
            "automation_level": task.automation_level,
            "confirmation_required": task.confirmation_required,
            "max_attempts": task.max_attempts,
            "git_branch_required": task.git_branch_required,
            "new_chat_required": task.new_chat_required,
        },
        "context": task.context,
        "sections": sections,
        "problems": [spec_problem(row) for row in view.problems],
        "executable": task.executable,
        "source_type": task.source_type,
        "source_path": task.source_path,
        "format": task.format,
        "content_sha256": task.content_sha256,
        "revision": task.revision,
        "migration": migration_brief(migration) if migration else None,
        "progress": progress(view.progress),
        "created_at": stamp(task.created_at),
        "updated_at": stamp(task.updated_at),
    }


def files_by_action(files: Sequence[TaskFile]) -> Json:
    """The declared files: create, modify, delete, move."""
    by_action: Json = {action: [] for action in ACTIONS}
    for row in files:
        by_action.setdefault(row.action, []).append(
            {
                "path": row.path,
                "to": row.to_path,
                "purpose": row.purpose,
                "line": row.line,
                "phase": row.phase,
            }
        )
    return by_action


def spec_problem(row: SpecProblem) -> Json:
    """A finding in a spec."""
    return {
        "code": row.code,
        "severity": row.severity,
        "line": row.line,
        "column": row.column,
        "message": row.message,
        "hint": row.hint,
    }


def inbox_row(row: InboxRow) -> Json:
    """An open question with what it is about."""
    return {
        "migration_id": row.wait.migration_id,
        "task_id": row.task_id,
        "title": row.title,
        "phase_count": row.phase_count,
        "wait": wait_open(row.wait),
    }


def event(entry: JournalEntry) -> Json:
    """A thing that happened, as the live stream and the audit list tell it."""
    return {
        "seq": entry.seq,
        "at": stamp(entry.at),
        "actor": entry.actor,
        "kind": entry.kind,
        "task_id": entry.task_id,
        "migration_id": entry.migration_id,
        "phase": entry.phase,
        "attempt": entry.attempt,
        "from_status": entry.from_status,
        "to_status": entry.to_status,
        "detail": entry.detail,
    }


def cursor(edge: str | int) -> str:
    """An opaque mark of where a page ended."""
    return base64.urlsafe_b64encode(str(edge).encode()).decode().rstrip("=")


def cursor_edge(given: str | None) -> str | None:
    """What a cursor marks. Raises: Refused where it is none of ours."""
    if given is None:
        return None
    try:
        edge = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    except ValueError as error:
        raise Refused("malformed", "cursor is not one that was given out") from error
    if not 0 < len(edge) <= 64:
        raise Refused("malformed", "cursor is not one that was given out")
    return edge


def _phase(view: TaskView, ordinal: int) -> Json:
    phase = view.phases[ordinal - 1]
    return {
        "name": phase.name,
        "hours": phase.hours,
        "number": phase.number,
        "ordinal": phase.ordinal,
        "items": [_item(item) for item in view.items_of(phase.ordinal)],
    }


def _item(item: TaskItem) -> Json:
    return {
        "text": item.text,
        "mark": item.mark,
        "key": item.key,
        "line": item.line,
        "optional": item.optional,
        "done_by": item.done_by,
        "done_at": stamp(item.done_at),
    }


def _lines(sections: Mapping[str, Any], name: str) -> list[Any]:
    found = sections.get(name)
    return list(found) if isinstance(found, list) else []
