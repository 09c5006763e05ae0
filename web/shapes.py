"""The shapes of what the API answers, as JSON Schemas (2020-12): for the OpenAPI document and its tests.

They say what views.py makes; tests/web hold every answer of the API against them.
"""

from collections.abc import Mapping
from typing import Any

from roadmark.executor.model import CheckpointKind, RollbackState
from roadmark.executor.states import PhaseState, Status, TaskStatus, WaitKind

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """A pointer to a named shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema) -> Schema:
    """The shape, or null."""
    if set(schema) == {"type"}:
        return {"type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema) -> Schema:
    """A list of a shape."""
    return {"type": "array", "items": items}


def exactly(**properties: Schema) -> Schema:
    """An object with exactly these properties, all of them there."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def page_of(name: str, **more: Schema) -> Schema:
    """A page of a list."""
    return exactly(**more, items=array(ref(name)), next=or_null(_TEXT))


def _one_of(values: Any) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}
_NUMBER: Schema = {"type": "number"}
_YES_NO: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_ANY_OBJECT: Schema = {"type": "object"}

_MIGRATION_BRIEF: dict[str, Schema] = {
    "id": _TEXT,
    "task_id": _TEXT,
    "status": ref("Status"),
    "phase": _WHOLE,
    "phase_count": _WHOLE,
    "attempt": _WHOLE,
    "max_attempts": _WHOLE,
    "agent": _TEXT,
    "branch": or_null(_TEXT),
    "base_commit": or_null(_TEXT),
    "published_commit": or_null(_TEXT),
    "reason": or_null(_TEXT),
    "version": _WHOLE,
    "started_by": _TEXT,
    "due_at": or_null(_MOMENT),
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
    "finished_at": or_null(_MOMENT),
}
_MIGRATION: dict[str, Schema] = {
    **_MIGRATION_BRIEF,
    "title": _TEXT,
    "progress": ref("Progress"),
    "wait": or_null(ref("Wait")),
    "phases": array(ref("PhaseRun")),
    "attempts": array(ref("Attempt")),
    "checkpoints": array(ref("Checkpoint")),
    "rollbacks": array(ref("Rollback")),
}
_TASK_SUMMARY: dict[str, Schema] = {
    "id": _TEXT,
    "title": _TEXT,
    "type": _TEXT,
    "category": or_null(_TEXT),
    "priority": _TEXT,
    "status": _one_of(TaskStatus),
    "estimated_hours": or_null(_NUMBER),
    "source_path": _TEXT,
    "executable": _YES_NO,
    "automation_level": _TEXT,
    "revision": _WHOLE,
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
}
_STANDING: dict[str, Schema] = {"id": _TEXT, "status": ref("Status"), "version": _WHOLE}

SHAPES: Mapping[str, Schema] = {
    "Status": _one_of(Status),
    "Progress": exactly(done=_WHOLE, total=_WHOLE, percent={"type": "integer", "minimum": 0, "maximum": 100}),
    "Wait": exactly(
        id=_TEXT,
        kind=_one_of(WaitKind),
        phase=_WHOLE,
        attempt=_WHOLE,
        prompt=_TEXT,
        keywords=array(_TEXT),
        asked_at=_MOMENT,
        deadline_at=_MOMENT,
        tries=_WHOLE,
        max_tries=_WHOLE,
    ),
    "PhaseRun": exactly(
        phase=_WHOLE,
        name=_TEXT,
        state=_one_of(PhaseState),
        attempts_used=_WHOLE,
        feedback=or_null(_TEXT),
        checkpoint_id=or_null(_TEXT),
        published_commit=or_null(_TEXT),
        started_at=or_null(_MOMENT),
        finished_at=or_null(_MOMENT),
    ),
    "Attempt": exactly(
        id=_TEXT,
        phase=_WHOLE,
        number=_WHOLE,
        agent=_TEXT,
        outcome=or_null(_TEXT),
        reason=or_null(_TEXT),
        evidence=or_null(_ANY_OBJECT),
        used=_YES_NO,
        checkpoint_id=or_null(_TEXT),
        tokens_in=or_null(_WHOLE),
        tokens_out=or_null(_WHOLE),
        cost_usd=or_null(_NUMBER),
        peak_memory_bytes=or_null(_WHOLE),
        started_at=_MOMENT,
        ended_at=or_null(_MOMENT),
    ),
    "Checkpoint": exactly(
        id=_TEXT,
        name=_TEXT,
        kind=_one_of(CheckpointKind),
        phase=_WHOLE,
        attempt=_WHOLE,
        tree=_TEXT,
        commit=_TEXT,
        not_covered=array(_TEXT),
        at=_MOMENT,
    ),
    "Rollback": exactly(
        id=_TEXT,
        migration_id=_TEXT,
        checkpoint_id=_TEXT,
        safety_checkpoint_id=or_null(_TEXT),
        undoes=or_null(_TEXT),
        state=_one_of(RollbackState),
        reason=_TEXT,
        actor=_TEXT,
        trigger=_TEXT,
        result=or_null(_ANY_OBJECT),
        requested_at=_MOMENT,
        finished_at=or_null(_MOMENT),
    ),
    "Plan": exactly(
        to=ref("Checkpoint"),
        steps=array(_TEXT),
        untouched=array(_TEXT),
        irreversible=array(_TEXT),
        files=array(
            exactly(
                status=_TEXT,
                path=_TEXT,
                old_path=or_null(_TEXT),
                added=or_null(_WHOLE),
                removed=or_null(_WHOLE),
            )
        ),
        boxes=array(_TEXT),
        conflicts=array(_TEXT),
        clashes=array(_TEXT),
        dependents=array(exactly(task_id=_TEXT, title=_TEXT, migration_id=_TEXT)),
        branch=or_null(_TEXT),
        version=_WHOLE,
    ),
    "MigrationBrief": exactly(**_MIGRATION_BRIEF),
    "MigrationTitled": exactly(**_MIGRATION_BRIEF, title=_TEXT),
    "MigrationStatus": exactly(**_MIGRATION_BRIEF, title=_TEXT, progress=ref("Progress")),
    "Migration": exactly(**_MIGRATION),
    "Explanation": exactly(reasons=array(_TEXT)),
    "MigrationPage": page_of("MigrationTitled"),
    "MigrationBriefPage": page_of("MigrationBrief"),
    "StatusPage": page_of(
        "MigrationStatus", counts={"type": "object", "additionalProperties": {"type": "integer"}}
    ),
    "Answered": exactly(outcome=_one_of(("accepted", "sent_back")), **_MIGRATION),
    "RollbackShown": exactly(dry_run={"const": True}, plan=ref("Plan")),
    "RollbackAccepted": exactly(
        dry_run={"const": False}, plan=ref("Plan"), rollback=ref("Rollback"), **_STANDING
    ),
    "UndoAccepted": exactly(rollback=ref("Rollback"), **_STANDING),
    "Finding": exactly(
        code=_TEXT,
        severity=_one_of(("error", "warning", "info")),
        line=_WHOLE,
        column=_WHOLE,
        message=_TEXT,
        hint=or_null(_TEXT),
    ),
    "TaskSummary": exactly(**_TASK_SUMMARY),
    "TaskLine": exactly(
        **_TASK_SUMMARY,
        progress=ref("Progress"),
        migration=or_null(ref("MigrationBrief")),
        problems=exactly(errors=_WHOLE, warnings=_WHOLE),
    ),
    "TaskPage": page_of("TaskLine"),
    "Box": exactly(
        text=_TEXT,
        mark=_one_of((" ", "x", "~", "-", "/")),
        key=_TEXT,
        line=_WHOLE,
        optional=_YES_NO,
        done_by=or_null(_TEXT),
        done_at=or_null(_MOMENT),
    ),
    "Phase": exactly(
        name=_TEXT,
        hours=or_null(_NUMBER),
        number=or_null(_TEXT),
        ordinal=_WHOLE,
        items=array(ref("Box")),
    ),
    "DeclaredFile": exactly(path=_TEXT, to=or_null(_TEXT), purpose=_TEXT, line=_WHOLE, phase=or_null(_WHOLE)),
    "Task": exactly(
        **{name: shape for name, shape in _TASK_SUMMARY.items() if name != "automation_level"},
        project_id=_TEXT,
        metadata=_ANY_OBJECT,
        phases=array(ref("Phase")),
        files=exactly(
            **{name: array(ref("DeclaredFile")) for name in ("create", "modify", "delete", "move")}
        ),
        risks=array(exactly(level=or_null(_TEXT), text=_TEXT, mitigation=or_null(_TEXT), line=_WHOLE)),
        success_criteria=array(exactly(text=_TEXT, line=_WHOLE)),
        success_indicators=array(exactly(text=_TEXT, line=_WHOLE)),
        dependencies=array(_TEXT),
        automation=exactly(
            automation_level=_TEXT,
            confirmation_required=_YES_NO,
            max_attempts=_WHOLE,
            git_branch_required=_YES_NO,
            new_chat_required=_YES_NO,
        ),
        context=_ANY_OBJECT,
        sections=_ANY_OBJECT,
        problems=array(ref("Finding")),
        source_type=_TEXT,
        format=_TEXT,
        content_sha256=_TEXT,
        migration=or_null(ref("MigrationBrief")),
        progress=ref("Progress"),
    ),
    "SpecProblems": exactly(task=ref("TaskSummary"), source_path=_TEXT, problems=array(ref("Finding"))),
    "SpecProblemsPage": page_of("SpecProblems"),
    "InboxItem": exactly(
        migration_id=_TEXT, task_id=_TEXT, title=_TEXT, phase_count=_WHOLE, wait=ref("Wait")
    ),
    "InboxPage": page_of("InboxItem"),
}

_EVENT: dict[str, Schema] = {
    "seq": _WHOLE,
    "at": _MOMENT,
    "actor": _TEXT,
    "kind": _TEXT,
    "task_id": or_null(_TEXT),
    "migration_id": or_null(_TEXT),
    "phase": or_null(_WHOLE),
    "attempt": or_null(_WHOLE),
    "from_status": or_null(_TEXT),
    "to_status": or_null(_TEXT),
    "detail": _ANY_OBJECT,
}

_PROBLEM: dict[str, Schema] = {"type": _TEXT, "title": _TEXT, "status": _WHOLE, "detail": _TEXT}
_FURTHER: dict[str, Schema] = {
    "errors": array(exactly(pointer=_TEXT, detail=_TEXT)),
    "needs": _TEXT,
    "request_id": _TEXT,
    "migration_id": _TEXT,
    "migration_status": ref("Status"),
    "move": _TEXT,
    "version": _WHOLE,
    "keywords": array(_TEXT),
    "tries_left": _WHOLE,
    "problems": array(_TEXT),
    "known": array(_TEXT),
    "matches": array(_TEXT),
}

_SCHEDULE: Mapping[str, Schema] = {
    "id": _TEXT,
    "task_id": _TEXT,
    "cron": _TEXT,
    "agent": or_null(_TEXT),
    "created_by": _TEXT,
    "created_at": _MOMENT,
    "due_at": _MOMENT,
    "last_due_at": or_null(_MOMENT),
    "last_migration_id": or_null(_TEXT),
    "last_refusal": or_null(_TEXT),
}

JOURNAL_SHAPES: Mapping[str, Schema] = {
    "Event": exactly(**_EVENT),
    "EventPage": page_of("Event"),
    "SentEvent": {
        "type": "object",
        "description": "A server-sent event. One named `reset` has no more than `seq` in its `data`.",
        "properties": {
            "id": _TEXT,
            "event": _TEXT,
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": ref("Event")},
        },
    },
    "AuditEntry": exactly(**_EVENT, hash=_TEXT),
    "AuditPage": page_of("AuditEntry"),
    "WebhookMessage": exactly(
        type=_TEXT, timestamp=_MOMENT, data=exactly(**_EVENT, title=or_null(_TEXT), url=or_null(_TEXT))
    ),
    "Schedule": exactly(**_SCHEDULE),
    "ScheduleTitled": exactly(**_SCHEDULE, title=_TEXT),
    "SchedulePage": page_of("ScheduleTitled"),
    "Webhook": exactly(
        name=_TEXT, url=_TEXT, events=array(_TEXT), pending=_WHOLE, delivered=_WHOLE, given_up=_WHOLE
    ),
    "WebhookPage": page_of("Webhook"),
    "WebhookTest": exactly(endpoint=_TEXT, kind=_TEXT),
    "Delivery": exactly(
        id=_TEXT,
        seq=_WHOLE,
        kind=_TEXT,
        state=_one_of(("pending", "delivered", "given_up")),
        tries=array(exactly(at=_MOMENT, status=or_null(_WHOLE), error=or_null(_TEXT), took_ms=_WHOLE)),
        due_at=or_null(_MOMENT),
        created_at=_MOMENT,
    ),
    "DeliveryPage": page_of("Delivery"),
    "ReplyTaken": exactly(
        outcome=_one_of(("accepted", "sent_back")), migration_id=_TEXT, status=ref("Status")
    ),
    "ReplyIgnored": exactly(outcome=_one_of(("ignored",))),
    "SlackMessage": exactly(
        response_type=_one_of(("in_channel", "ephemeral")), replace_original=_YES_NO, text=_TEXT
    ),
    "AnyObject": _ANY_OBJECT,
    "AddressPage": exactly(items=array(_TEXT), next=or_null(_TEXT)),
    "Exposition": {"type": "string", "description": "The text format of Prometheus, 0.0.4."},
    "Health": {
        **exactly(status=_one_of(("ok", "failing"))),
        "properties": {
            "status": _one_of(("ok", "failing")),
            "checks": {"type": "object", "additionalProperties": _one_of(("ok", "failing"))},
        },
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457. Which of the further members there are depends on the type.",
        "properties": {**_PROBLEM, **_FURTHER},
        "required": list(_PROBLEM),
        "additionalProperties": False,
    },
}
