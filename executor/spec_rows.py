"""A Spec as the rows of its task: the task itself and everything that belongs to it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from roadmark.executor.model import SpecProblem, Task, TaskFile, TaskItem, TaskPhase, TaskRisk
from roadmark.executor.states import TaskStatus
from roadmark.executor.store.tasks import Children
from roadmark.ingest.files_of_phase import PhaseFiles
from roadmark.ingest.revision import ItemMatch, KnownItem, match_items
from roadmark.ingest.rows import task_values
from roadmark.ingest.spec import Checkbox, Entry, Field, FileChange, Group, Spec

DEFAULT_LEVEL = "semi_auto"
DEFAULT_MAX_ATTEMPTS = 3


_STATUS = {
    "completed": TaskStatus.COMPLETED,
    "in_progress": TaskStatus.IN_PROGRESS,
    "cancelled": TaskStatus.CANCELLED,
}


def status_of(said: str, known: Task | None) -> TaskStatus:
    """As its migration says where there was one, else as its files say; what they block is pending here."""
    if known is not None and known.migration_id is not None:
        return known.status
    return _STATUS.get(said, TaskStatus.PENDING)


def task_of(
    spec: Spec,
    *,
    text: str,
    sha256: str,
    project: str,
    now: datetime,
    status: TaskStatus,
    known: Task | None,
) -> Task:
    """The task's row; a known task keeps its identity and its history."""
    values = task_values(spec)
    automation = spec.automation
    return Task(
        id=known.id if known else str(uuid.uuid4()),
        project_id=known.project_id if known else project,
        title=values.title,
        description=values.description,
        type=values.type,
        category=values.category,
        priority=values.priority,
        status=status,
        source_type=values.source_type,
        source_path=spec.path,
        source_content=text,
        metadata=dict(values.metadata),
        estimated_hours=values.estimated_hours,
        format=spec.format,
        content_sha256=sha256,
        revision=known.revision + 1 if known else 1,
        executable=spec.can_execute,
        automation_level=automation.automation_level or DEFAULT_LEVEL,
        confirmation_required=_stated(automation.confirmation_required, otherwise=True),
        max_attempts=automation.max_attempts or DEFAULT_MAX_ATTEMPTS,
        git_branch_required=_stated(automation.git_branch_required, otherwise=True),
        new_chat_required=_stated(
            automation.new_chat_required, spec.context.requires_new_chat, otherwise=True
        ),
        context=dict(spec.context.values),
        sections=sections_of(spec),
        migration_id=known.migration_id if known else None,
        created_at=known.created_at if known else now,
        updated_at=now,
    )


def children_of(
    spec: Spec,
    assigned: Sequence[PhaseFiles],
    task_id: str,
    known_items: Sequence[TaskItem],
    now: datetime,
) -> Children:
    """The child rows; what was done stays done, and what was done and left the file stays in the history."""
    return Children(
        phases=tuple(_phases(spec, task_id)),
        items=_items(spec, task_id, known_items, now),
        files=tuple(_files(spec, assigned, task_id)),
        risks=tuple(
            TaskRisk(
                task_id=task_id, level=risk.level, text=risk.text, mitigation=risk.mitigation, line=risk.line
            )
            for risk in spec.risks
        ),
        dependencies=spec.dependencies,
        problems=problems_of(spec, task_id),
    )


def problems_of(spec: Spec, task_id: str) -> tuple[SpecProblem, ...]:
    """The findings as rows."""
    return tuple(
        SpecProblem(
            task_id=task_id,
            code=problem.code,
            severity=problem.severity.value,
            line=problem.line,
            column=problem.column,
            message=problem.message,
            hint=problem.hint or None,
        )
        for problem in spec.problems
    )


def sections_of(spec: Spec) -> dict[str, Any]:
    """What the task page shows beside rows of their own: lists of texts, fields and groups."""
    return {
        "overview": _fields(spec.overview),
        "requirements": _fields(spec.requirements.other),
        "code_standards": _fields(spec.code_standards),
        "security": _entries(spec.security),
        "performance": _fields(spec.performance),
        "testing": _groups(spec.testing),
        "documentation": _groups(spec.documentation),
        "deployment": {
            "pre": _entries(spec.deployment.pre),
            "during": _entries(spec.deployment.during),
            "post": _entries(spec.deployment.post),
        },
        "rollback_plan": _entries(spec.rollback_plan),
        "success_criteria": _entries(spec.success_criteria),
        "success_indicators": _entries(spec.success_indicators),
        "references": _fields(spec.references),
    }


def _entries(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    return [{"text": entry.text, "line": entry.line} for entry in entries]


def _fields(fields: Sequence[Field]) -> list[dict[str, Any]]:
    return [
        {
            "label": field.label,
            "value": field.value,
            "line": field.line,
            "entries": [e.text for e in field.entries],
        }
        for field in fields
    ]


def _groups(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [
        {"title": group.title, "line": group.line, "entries": [e.text for e in group.entries]}
        for group in groups
    ]


def _phases(spec: Spec, task_id: str) -> list[TaskPhase]:
    return [
        TaskPhase(
            task_id=task_id,
            ordinal=ordinal,
            number=phase.number or None,
            name=phase.name,
            hours=phase.hours,
            line=phase.line,
        )
        for ordinal, phase in enumerate(spec.phases, 1)
    ]


def _items(spec: Spec, task_id: str, known_items: Sequence[TaskItem], now: datetime) -> tuple[TaskItem, ...]:
    phase_of = {box.key: ordinal for ordinal, phase in enumerate(spec.phases, 1) for box in phase.items}
    boxes = tuple({box.key: box for box in spec.items}.values())
    standing = [item for item in known_items if item.removed_at is None]
    match = match_items([KnownItem(item.key, item.section, item.text) for item in standing], boxes)
    by_key = {item.key: item for item in standing}
    before = {new: by_key[old] for old, new in match.kept.items()}
    present = [_item(box, task_id, phase_of.get(box.key), before.get(box.key), now) for box in boxes]
    return (*present, *_history(known_items, match, boxes, now))


def _history(
    known_items: Sequence[TaskItem], match: ItemMatch, boxes: Sequence[Checkbox], now: datetime
) -> Iterator[TaskItem]:
    """Items that were done and are no longer in the file; one that came back is no longer of the past."""
    present = {box.key for box in boxes}
    gone = set(match.removed)
    for item in known_items:
        was_done = item.mark == "x" and (item.removed_at is not None or item.key in gone)
        if was_done and item.key not in present:
            yield replace(item, removed_at=item.removed_at or now)


def _item(box: Checkbox, task_id: str, phase: int | None, known: TaskItem | None, now: datetime) -> TaskItem:
    mark, done_by, done_at = box.mark, None, None
    if known is not None and known.mark == "x" and (box.mark == "x" or _was_carried_out(known)):
        mark, done_by, done_at = "x", known.done_by, known.done_at
    elif box.mark == "x":
        done_by, done_at = "the file", now
    return TaskItem(
        task_id=task_id,
        key=box.key,
        phase=phase,
        section=box.section,
        text=box.text,
        mark=mark,
        optional=box.optional,
        line=box.line,
        depth=box.depth,
        done_by=done_by,
        done_at=done_at,
        removed_at=None,
    )


def _was_carried_out(item: TaskItem) -> bool:
    """Whether a migration landed it: an edit of the text does not undo work, a rollback does."""
    return item.done_by is not None and item.done_by.startswith("agent ")


def _files(spec: Spec, assigned: Sequence[PhaseFiles], task_id: str) -> list[TaskFile]:
    required, expected = _phases_of_files(assigned)
    kinds: Mapping[str, tuple[FileChange, ...]] = {
        "create": spec.files.create,
        "modify": spec.files.modify,
        "delete": spec.files.delete,
        "move": spec.files.move,
    }
    return [
        TaskFile(
            task_id=task_id,
            action=action,
            path=change.path,
            to_path=change.target,
            purpose=change.purpose,
            line=change.line,
            phase=required.get(change.line, expected.get(change.line)),
            required=change.line in required,
        )
        for action, changes in kinds.items()
        for change in changes
    ]


def _phases_of_files(assigned: Sequence[PhaseFiles]) -> tuple[dict[int, int], dict[int, int]]:
    """By the line of a declared file: the phase that names it, and the phase whose words fit it best."""
    required: dict[int, int] = {}
    expected: dict[int, int] = {}
    for ordinal, files in enumerate(assigned, 1):
        for change in files.required:
            required.setdefault(change.line, ordinal)
        for change in files.expected:
            expected.setdefault(change.line, ordinal)
    return required, expected


def _stated(*opinions: bool | None, otherwise: bool) -> bool:
    """The first opinion that the spec states."""
    return next((opinion for opinion in opinions if opinion is not None), otherwise)
