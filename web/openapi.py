"""The OpenAPI 3.1 document: one table of operations, the shapes, and the problems each may answer with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from roadmark.web import bodies
from roadmark.web.examples import Examples
from roadmark.web.problems import KINDS, MEDIA_TYPE
from roadmark.web.shapes import JOURNAL_SHAPES, SHAPES, Schema, ref

OPEN = ""
"""The scope of what needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that the API can be asked."""

    method: str
    path: str
    id: str
    summary: str
    scope: str
    answers: Mapping[int, str]
    body: str | None = None
    body_required: bool = True
    query: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    takes: str = "application/json"
    media_type: str = "application/json"


_QUERY: Mapping[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": bodies.MAX_PAGE, "default": bodies.DEFAULT_PAGE},
    "cursor": {"type": "string", "description": "`next` of the page before."},
    "status": {"type": "string", "description": "Only migrations in this status; several with commas."},
    "id": {"type": "string", "description": "Only this migration."},
    "after": {"type": "integer", "description": "Go on behind this sequence number."},
    "migration_id": {"type": "string", "description": "Only what is about this migration."},
    "task_id": {"type": "string", "description": "Only what is about this task."},
}
_PAGED = ("limit", "cursor")
_ALL_SHAPES: Mapping[str, Any] = {**SHAPES, **JOURNAL_SHAPES, **bodies.SCHEMAS}
_SHOWN = ("application/json", "application/x-www-form-urlencoded")
_ANSWERED = ("unauthenticated", "forbidden", "not-found", "no-open-wait", "ambiguous", "unavailable")
_STEERED = ("not-found", "move-refused", "conflict", "stale", "too-large", "not-json", "invalid")
_ORDERED = ("malformed", "not-json", "invalid", "too-large", "timeout", "key-reused", "in-flight", "too-many")


def _steer(name: str, summary: str, *problems: str) -> Operation:
    return Operation(
        method="post",
        path=f"/api/migration/{{id}}/{name}",
        id=f"{name}Migration",
        summary=summary,
        scope="run",
        answers={200: "Migration"},
        body="Nothing",
        body_required=False,
        problems=(*_STEERED, *problems),
    )


OPERATIONS = (
    Operation(
        method="get",
        path="/api/tasks",
        id="listTasks",
        summary="Tasks in the order of their files.",
        scope="read",
        answers={200: "TaskPage"},
        query=_PAGED,
        problems=("malformed",),
    ),
    Operation(
        method="get",
        path="/api/tasks/{id}",
        id="getTask",
        summary="A task with everything that its spec says.",
        scope="read",
        answers={200: "Task"},
        problems=("not-found",),
    ),
    Operation(
        method="get",
        path="/api/tasks/{id}/migrations",
        id="listMigrationsOfTask",
        summary="All migrations of a task, the newest first.",
        scope="read",
        answers={200: "MigrationBriefPage"},
        problems=("not-found",),
    ),
    Operation(
        method="post",
        path="/api/tasks/{id}/tick",
        id="tickBox",
        summary="Tick or untick a box, in the row and in the file.",
        scope="run",
        answers={200: "Task"},
        body="Tick",
        problems=("not-found",),
    ),
    Operation(
        method="get",
        path="/api/specs/problems",
        id="listSpecProblems",
        summary="Every spec that has findings, with them.",
        scope="read",
        answers={200: "SpecProblemsPage"},
    ),
    Operation(
        method="get",
        path="/api/inbox",
        id="listInbox",
        summary="The open questions, the earliest deadline first.",
        scope="read",
        answers={200: "InboxPage"},
    ),
    Operation(
        method="post",
        path="/api/migration",
        id="startMigration",
        summary="Start a migration of a task.",
        scope="run",
        answers={202: "Migration"},
        body="Start",
        problems=("not-found", "ambiguous", "already-running", "refused", "spec-not-executable"),
    ),
    Operation(
        method="get",
        path="/api/migration",
        id="listMigrations",
        summary="Migrations, the newest first.",
        scope="read",
        answers={200: "MigrationPage"},
        query=(*_PAGED, "status"),
        problems=("malformed", "not-found"),
    ),
    Operation(
        method="get",
        path="/api/migration/status",
        id="getStatus",
        summary="Where every task's migration stands, with counts; or, with `id`, one migration.",
        scope="read",
        answers={200: "StatusPage|Migration", 304: ""},
        query=(*_PAGED, "id"),
        problems=("malformed", "not-found"),
    ),
    Operation(
        method="get",
        path="/api/migration/{id}",
        id="getMigration",
        summary="A migration with everything that belongs to it. Carries an ETag.",
        scope="read",
        answers={200: "Migration", 304: ""},
        problems=("not-found",),
    ),
    Operation(
        method="get",
        path="/api/migration/{id}/events",
        id="listMigrationEvents",
        summary="What happened to a migration, the newest first.",
        scope="read",
        answers={200: "EventPage"},
        query=_PAGED,
        problems=("malformed", "not-found"),
    ),
    Operation(
        method="get",
        path="/api/migration/{id}/explanation",
        id="explainMigration",
        summary="Why it is not running, in sentences.",
        scope="read",
        answers={200: "Explanation"},
        problems=("not-found", "ambiguous"),
    ),
    Operation(
        method="get",
        path="/api/tasks/{id}/explanation",
        id="explainTask",
        summary="Why the task's latest migration is not running, in sentences.",
        scope="read",
        answers={200: "Explanation"},
        problems=("not-found", "ambiguous"),
    ),
    Operation(
        method="post",
        path="/api/migration/{id}/reply",
        id="reply",
        summary="Answer the open question: 200 where it was taken, 422 where it stays open.",
        scope="reply",
        answers={200: "Answered"},
        body="ReplyText",
        problems=("not-found", "no-open-wait", "reply-unclear", "stale"),
    ),
    Operation(
        method="post",
        path="/api/migration/{id}/extend",
        id="extendWait",
        summary="Give the open question a fresh deadline.",
        scope="reply",
        answers={200: "Wait"},
        body="Nothing",
        body_required=False,
        problems=("not-found", "no-open-wait"),
    ),
    _steer("pause", "Hold it back; a running attempt is finished first."),
    _steer("resume", "Let a paused or rolled-back migration go on."),
    _steer("retry", "Grant a failed, blocked or quarantined migration a fresh round of attempts."),
    _steer("cancel", "End it; workspace and checkpoints are kept.", "version-missing"),
    Operation(
        method="post",
        path="/api/migration/rollback",
        id="rollBack",
        summary="Go back to a checkpoint; with `dry_run` only say what would be done.",
        scope="rollback",
        answers={200: "RollbackShown", 202: "RollbackAccepted"},
        body="RollbackOrderOf",
        problems=(
            "not-found",
            "checkpoint-unknown",
            "reason-missing",
            "conflicts-undecided",
            "refused",
            *_STEERED,
        ),
    ),
    Operation(
        method="post",
        path="/api/migration/{id}/rollback",
        id="rollBackMigration",
        summary="The same, with the migration in the path.",
        scope="rollback",
        answers={200: "RollbackShown", 202: "RollbackAccepted"},
        body="RollbackOrder",
        problems=(
            "not-found",
            "checkpoint-unknown",
            "reason-missing",
            "conflicts-undecided",
            "refused",
            *_STEERED,
            "version-missing",
        ),
    ),
    Operation(
        method="post",
        path="/api/migration/{id}/undo",
        id="undoRollback",
        summary="Take the last rollback back.",
        scope="rollback",
        answers={202: "UndoAccepted"},
        body="UndoOrder",
        body_required=False,
        problems=("not-found", "reason-missing", "conflicts-undecided", "move-refused"),
    ),
    Operation(
        method="get",
        path="/api/schedules",
        id="listSchedules",
        summary="The tasks that are started by cron, the next one first.",
        scope="read",
        answers={200: "SchedulePage"},
    ),
    Operation(
        method="post",
        path="/api/schedules",
        id="addSchedule",
        summary="Start a task at these times from now on.",
        scope="run",
        answers={201: "Schedule"},
        body="ScheduleOrder",
        problems=("not-found", "ambiguous", "cron-wrong"),
    ),
    Operation(
        method="post",
        path="/api/schedules/{id}/remove",
        id="removeSchedule",
        summary="Drop a schedule; what it started goes on.",
        scope="run",
        answers={200: "Schedule"},
        body="Nothing",
        body_required=False,
        problems=("not-found",),
    ),
    Operation(
        method="get",
        path="/api/events",
        id="streamEvents",
        summary="The journal as server-sent events; goes on behind `Last-Event-ID` or `after`.",
        scope="read",
        answers={200: "SentEvent"},
        query=("after", "migration_id", "task_id"),
        problems=("malformed",),
        media_type="text/event-stream",
    ),
    Operation(
        method="get",
        path="/api/audit",
        id="listAudit",
        summary="The hash-chained journal in pages, the newest first.",
        scope="read",
        answers={200: "AuditPage"},
        query=(*_PAGED, "migration_id", "task_id"),
        problems=("malformed",),
    ),
    Operation(
        method="get",
        path="/api/webhooks",
        id="listWebhooks",
        summary="The webhooks that the operator set up, with how many messages are on the way.",
        scope="admin",
        answers={200: "WebhookPage"},
    ),
    Operation(
        method="get",
        path="/api/webhooks/{id}/deliveries",
        id="listDeliveries",
        summary="The messages of a webhook with every try, the newest first.",
        scope="admin",
        answers={200: "DeliveryPage"},
        query=_PAGED,
        problems=("malformed", "not-found"),
    ),
    Operation(
        method="post",
        path="/api/webhooks/{id}/test",
        id="testWebhook",
        summary="Send the webhook a test message; the log of deliveries tells how it went.",
        scope="admin",
        answers={202: "WebhookTest"},
        body="Nothing",
        body_required=False,
        problems=("not-found",),
    ),
    Operation(
        method="post",
        path="/hooks/reply",
        id="replyBySignature",
        summary="A reply from another program, signed after Standard Webhooks; the same message counts once.",
        scope=OPEN,
        answers={200: "ReplyTaken"},
        body="SignedReply",
        problems=(*_ANSWERED, "reply-unclear"),
        headers=("webhook-id", "webhook-timestamp", "webhook-signature"),
    ),
    Operation(
        method="post",
        path="/hooks/slack",
        id="replyFromSlack",
        summary="A slash command or a button of Slack's; what is refused is said to the sender, with 200.",
        scope=OPEN,
        answers={200: "SlackMessage"},
        body="SlackForm",
        problems=("unauthenticated", "not-found", "unavailable"),
        headers=("X-Slack-Request-Timestamp", "X-Slack-Signature"),
        takes="application/x-www-form-urlencoded",
    ),
    Operation(
        method="post",
        path="/hooks/github",
        id="replyFromGitHub",
        summary="A comment on GitHub with a line `/roadmark CODE REPLY`; other events are ignored.",
        scope=OPEN,
        answers={200: "ReplyTaken|ReplyIgnored"},
        body="GitHubEvent",
        problems=(*_ANSWERED, "reply-unclear"),
        headers=("X-GitHub-Event", "X-Hub-Signature-256"),
    ),
    Operation(
        method="get",
        path="/api/openapi.json",
        id="getOpenApi",
        summary="This document.",
        scope="read",
        answers={200: "AnyObject"},
    ),
    Operation(
        method="get",
        path="/schemas/",
        id="listSchemas",
        summary="The addresses of all JSON Schemas.",
        scope="read",
        answers={200: "AddressPage"},
    ),
    Operation(
        method="get",
        path="/schemas/{name}",
        id="getSchema",
        summary="One JSON Schema (2020-12).",
        scope="read",
        answers={200: "AnyObject"},
        problems=("not-found",),
        media_type="application/schema+json",
    ),
    Operation(
        method="get",
        path="/metrics",
        id="getMetrics",
        summary="Figures for Prometheus.",
        scope="read",
        answers={200: "Exposition"},
        media_type="text/plain",
    ),
    Operation(
        method="get",
        path="/livez",
        id="live",
        summary="Whether the process answers.",
        scope=OPEN,
        answers={200: "Health"},
    ),
    Operation(
        method="get",
        path="/readyz",
        id="ready",
        summary="Whether it can work: named checks.",
        scope=OPEN,
        answers={200: "Health", 503: "Health"},
    ),
)


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Roadmark",
            "version": _version(),
            "description": "Markdown specs, carried out by coding agents under a person's eye.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "webhooks": {"event": {"post": _OUTGOING}},
        "components": {
            "schemas": dict(_ALL_SHAPES),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`roadmark auth token` makes one.",
                }
            },
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_headers(operation)],
        "responses": {**_answers(operation), **_problems(operation)},
    }
    if operation.scope == OPEN:
        described["security"] = []
    else:
        described["description"] = f"Needs the scope `{operation.scope}`."
    if operation.body is not None:
        content = _content(operation.takes, ref(operation.body))
        described["requestBody"] = {"required": operation.body_required, "content": content}
    return described


def _answers(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, names in operation.answers.items():
        shapes = [ref(name) for name in names.split("|") if name]
        answers[str(status)] = {"description": _STATUS_WORDS[status]}
        if shapes:
            schema = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
            answers[str(status)]["content"] = _content(operation.media_type, schema)
    return answers


def _content(media_type: str, schema: Schema) -> dict[str, Any]:
    """A body of this shape, with an example where it is one that people read."""
    content: dict[str, Any] = {"schema": schema}
    if media_type in _SHOWN:
        content["example"] = Examples(_ALL_SHAPES).of(schema)
    return {media_type: content}


def _problems(operation: Operation) -> dict[str, Any]:
    """The problems by status; those that every operation of its kind may have are added."""
    slugs = [*operation.problems]
    if operation.scope != OPEN:
        slugs += ["unauthenticated", "forbidden", "too-many"]
    if operation.method == "post":
        slugs += [*_ORDERED, "cross-site"]
    by_status: dict[int, list[str]] = {}
    for slug in dict.fromkeys(slugs):
        by_status.setdefault(KINDS[slug].status, []).append(slug)
    return {
        str(status): {
            "description": "; ".join(f"`{slug}`: {KINDS[slug].title}" for slug in found),
            "content": {MEDIA_TYPE: {"schema": ref("Problem")}},
        }
        for status, found in sorted(by_status.items())
    }


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [{"name": name, "in": "query", "schema": _QUERY[name]} for name in operation.query]


def _headers(operation: Operation) -> list[dict[str, Any]]:
    names = []
    if operation.method == "post" and operation.path.startswith("/api/"):
        names.append("Idempotency-Key")
    if "stale" in operation.problems:
        names.append("If-Match")
    if 304 in operation.answers:
        names.append("If-None-Match")
    if operation.media_type == "text/event-stream":
        names.append("Last-Event-ID")
    signed = [_header(name, required=True) for name in operation.headers]
    return [*signed, *(_header(name, required=False) for name in names)]


def _header(name: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}}


_OUTGOING: Schema = {
    "summary": "What a webhook is sent, signed after Standard Webhooks.",
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ],
    "requestBody": {"content": _content("application/json", ref("WebhookMessage"))},
    "responses": {"2XX": {"description": "Delivered; anything else is tried again."}},
}

_STATUS_WORDS = {
    200: "Done.",
    201: "Made.",
    202: "Accepted, and durable.",
    304: "It is what you have.",
    503: "Something fails.",
}


def _version() -> str:
    try:
        return version("roadmark")
    except PackageNotFoundError:
        return "0"
