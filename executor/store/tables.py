"""The tables, said once, for every database: SQLAlchemy Core, typed columns, constraints from states.py.

Source: design of the rows; the Alembic revisions must lead to exactly this (tests/store/test_schema.py).
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from roadmark.executor.model import CheckpointKind, RollbackState
from roadmark.executor.states import PhaseState, Status, TaskStatus, WaitKind
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment: stored in UTC, given back aware (SQLite itself forgets the zone, and keeps it as text)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[datetime | None], Any]:
        """Refuse a naive time: nobody could tell later which hour it meant."""
        return _text_of_moment if dialect.name == "sqlite" else _in_utc

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """Give the moment back with its zone."""
        del coltype
        return _moment_of_text if dialect.name == "sqlite" else _in_utc


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(f"naive time {value!r}: times in rows are UTC-aware")
    return value.astimezone(UTC)


@lru_cache(maxsize=1024)  # all rows of a batch have one moment, and deadlines are written again and again
def _text_of_moment(value: datetime | None) -> str | None:
    moment = _in_utc(value)
    return None if moment is None else moment.isoformat(" ", "microseconds").removesuffix("+00:00")


def _moment_of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, values: Iterable[StrEnum]) -> sa.CheckConstraint:
    """A CHECK that keeps `column` within an enum's values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


def _belongs_to(table: str, column: str) -> sa.Column[str]:
    return sa.Column(column, sa.String(36), sa.ForeignKey(f"{table}.id"), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


_COUNT = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
"""64 bits: SQLite has them anyway, and its keys are quick only where they are called INTEGER."""


def _yes_no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, UtcTime, nullable=False)


tasks = sa.Table(
    "tasks",
    metadata,
    _id(),
    _text("project_id"),
    _text("title"),
    _text("description"),
    _text("type"),
    sa.Column("category", sa.Text),
    _text("priority"),
    _text("status"),
    _text("source_type"),
    sa.Column("source_path", sa.Text, nullable=False, unique=True),
    _text("source_content"),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("estimated_hours", sa.Float),
    _text("format"),
    _text("content_sha256"),
    _number("revision"),
    _yes_no("executable"),
    _text("automation_level"),
    _yes_no("confirmation_required"),
    _number("max_attempts"),
    _yes_no("git_branch_required"),
    _yes_no("new_chat_required"),
    sa.Column("context", sa.JSON, nullable=False),
    sa.Column("sections", sa.JSON, nullable=False),
    sa.Column("migration_id", sa.String(36)),
    _moment("created_at"),
    _moment("updated_at"),
    _one_of("status", TaskStatus),
)

task_phases = sa.Table(
    "task_phases",
    metadata,
    sa.Column("task_id", sa.String(36), sa.ForeignKey("tasks.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Text),
    _text("name"),
    sa.Column("hours", sa.Float),
    _number("line"),
)

task_items = sa.Table(
    "task_items",
    metadata,
    sa.Column("task_id", sa.String(36), sa.ForeignKey("tasks.id"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("phase", sa.Integer),
    _text("section"),
    _text("text"),
    sa.Column("mark", sa.String(1), nullable=False),
    _yes_no("optional"),
    _number("line"),
    _number("depth"),
    sa.Column("done_by", sa.Text),
    sa.Column("done_at", UtcTime),
    sa.Column("removed_at", UtcTime),
)

task_files = sa.Table(
    "task_files",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _belongs_to("tasks", "task_id"),
    _text("action"),
    _text("path"),
    sa.Column("to_path", sa.Text),
    _text("purpose"),
    _number("line"),
    sa.Column("phase", sa.Integer),
    _yes_no("required"),
    sa.Index(None, "task_id"),
)

task_risks = sa.Table(
    "task_risks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _belongs_to("tasks", "task_id"),
    sa.Column("level", sa.Text),
    _text("text"),
    sa.Column("mitigation", sa.Text),
    _number("line"),
    sa.Index(None, "task_id"),
)

task_dependencies = sa.Table(
    "task_dependencies",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _belongs_to("tasks", "task_id"),
    _text("name"),
    sa.Index(None, "task_id"),
)

spec_problems = sa.Table(
    "spec_problems",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _belongs_to("tasks", "task_id"),
    _text("code"),
    _text("severity"),
    _number("line"),
    _number("column"),
    _text("message"),
    sa.Column("hint", sa.Text),
    sa.Index(None, "task_id"),
)

pinned_specs = sa.Table(
    "pinned_specs",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    _text("content"),
)

migrations = sa.Table(
    "migrations",
    metadata,
    _id(),
    _belongs_to("tasks", "task_id"),
    _text("status"),
    _number("phase"),
    _number("phase_count"),
    _number("attempt"),
    _text("agent"),
    sa.Column("policy", sa.JSON, nullable=False),
    _text("spec_sha256"),
    sa.Column("branch", sa.Text),
    sa.Column("base_commit", sa.Text),
    sa.Column("published_commit", sa.Text),
    _yes_no("start_confirmed"),
    sa.Column("reason", sa.Text),
    sa.Column("wanted", sa.Text),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", UtcTime),
    _number("fence"),
    sa.Column("due_at", UtcTime),
    _text("started_by"),
    _moment("created_at"),
    _moment("updated_at"),
    sa.Column("finished_at", UtcTime),
    _number("version"),
    _one_of("status", Status),
    sa.Index(None, "task_id"),
    sa.Index(None, "status", "due_at"),
)

phase_runs = sa.Table(
    "phase_runs",
    metadata,
    sa.Column("migration_id", sa.String(36), sa.ForeignKey("migrations.id"), primary_key=True),
    sa.Column("phase", sa.Integer, primary_key=True, autoincrement=False),
    _text("name"),
    _text("state"),
    _yes_no("cleared"),
    _number("attempts_used"),
    _number("questions_asked"),
    _number("chat_resumes"),
    _number("interruptions"),
    sa.Column("feedback", sa.Text),
    sa.Column("checkpoint_id", sa.String(36)),
    sa.Column("published_commit", sa.Text),
    sa.Column("started_at", UtcTime),
    sa.Column("finished_at", UtcTime),
    _one_of("state", PhaseState),
)

attempts = sa.Table(
    "attempts",
    metadata,
    _id(),
    _belongs_to("migrations", "migration_id"),
    _number("phase"),
    _number("number"),
    _text("agent"),
    _text("nonce"),
    _text("prompt"),
    sa.Column("session_id", sa.Text),
    _text("log_path"),
    sa.Column("outcome", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("evidence", sa.JSON),
    _yes_no("used"),
    sa.Column("checkpoint_id", sa.String(36)),
    sa.Column("tokens_in", _COUNT),
    sa.Column("tokens_out", _COUNT),
    sa.Column("cost_usd", sa.Float),
    sa.Column("peak_memory_bytes", sa.BigInteger),
    _moment("started_at"),
    sa.Column("ended_at", UtcTime),
    sa.UniqueConstraint("migration_id", "phase", "number"),
)

waits = sa.Table(
    "waits",
    metadata,
    _id(),
    _belongs_to("migrations", "migration_id"),
    _number("phase"),
    _number("attempt"),
    _text("kind"),
    _text("prompt"),
    sa.Column("keywords", sa.JSON, nullable=False),
    _number("tries"),
    _number("max_tries"),
    _moment("asked_at"),
    _moment("deadline_at"),
    sa.Column("closed_at", UtcTime),
    sa.Column("outcome", sa.Text),
    _one_of("kind", WaitKind),
    sa.Index(
        "uq_waits_one_open",
        "migration_id",
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    ),
    sa.Index(None, "deadline_at"),
)

replies = sa.Table(
    "replies",
    metadata,
    _id(),
    _belongs_to("waits", "wait_id"),
    _belongs_to("migrations", "migration_id"),
    _text("text"),
    _text("outcome"),
    _text("actor"),
    _text("via"),
    _moment("at"),
    sa.Index(None, "wait_id"),
)

checkpoints = sa.Table(
    "checkpoints",
    metadata,
    _id(),
    _belongs_to("migrations", "migration_id"),
    _text("name"),
    _text("kind"),
    _number("phase"),
    _number("attempt"),
    _text("ref"),
    _text("commit_id"),
    _text("tree"),
    sa.Column("not_covered", sa.JSON, nullable=False),
    sa.Column("position", sa.JSON, nullable=False),
    _moment("at"),
    _one_of("kind", CheckpointKind),
    sa.UniqueConstraint("migration_id", "name"),
)

migration_rollback = sa.Table(
    "migration_rollback",
    metadata,
    _id(),
    _belongs_to("migrations", "migration_id"),
    _belongs_to("checkpoints", "checkpoint_id"),
    sa.Column("safety_checkpoint_id", sa.String(36)),
    sa.Column("undoes", sa.String(36)),
    _text("state"),
    _text("reason"),
    _text("actor"),
    _text("trigger"),
    sa.Column("plan", sa.JSON, nullable=False),
    sa.Column("result", sa.JSON),
    _moment("requested_at"),
    sa.Column("finished_at", UtcTime),
    _one_of("state", RollbackState),
    sa.Index(None, "migration_id"),
)

journal_tasks = sa.Table(
    "journal_tasks",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("task_id", sa.String(36), nullable=False, unique=True),
)

migration_tracking = sa.Table(
    "migration_tracking",
    metadata,
    sa.Column("seq", _COUNT, primary_key=True, autoincrement=False),
    _moment("at"),
    _text("actor"),
    _text("kind"),
    sa.Column("task_id", sa.String(36)),
    sa.Column("task_number", sa.Integer),
    sa.Column("migration_id", sa.String(36)),
    sa.Column("phase", sa.Integer),
    sa.Column("attempt", sa.Integer),
    sa.Column("from_status", sa.Text),
    sa.Column("to_status", sa.Text),
    sa.Column("detail", sa.JSON, nullable=False),
    _text("previous_hash"),
    _text("hash"),
    sa.Index(None, "task_number", "seq"),
)

migration_metrics = sa.Table(
    "migration_metrics",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _text("name"),
    sa.Column("value", sa.Float, nullable=False),
    _text("unit"),
    sa.Column("migration_id", sa.String(36)),
    sa.Column("phase", sa.Integer),
    sa.Column("attempt", sa.Integer),
    _moment("at"),
    sa.Index(None, "migration_id"),
    sa.Index(None, "name", "at"),
)

tokens = sa.Table(
    "tokens",
    metadata,
    _id(),
    _text("name"),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("scopes", sa.JSON, nullable=False),
    _moment("created_at"),
    sa.Column("expires_at", UtcTime),
    sa.Column("last_used_at", UtcTime),
    sa.Column("revoked_at", UtcTime),
)

sign_in_links = sa.Table(
    "sign_in_links",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    _text("name"),
    sa.Column("scopes", sa.JSON, nullable=False),
    _moment("expires_at"),
    sa.Column("used_at", UtcTime),
)

web_sessions = sa.Table(
    "web_sessions",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    _text("name"),
    sa.Column("scopes", sa.JSON, nullable=False),
    _moment("created_at"),
    _moment("expires_at"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("caller", sa.Text, primary_key=True),
    _text("request_sha256"),
    sa.Column("status", sa.Integer),
    sa.Column("headers", sa.JSON),
    sa.Column("body", sa.Text),
    _moment("created_at"),
)

outbox_positions = sa.Table(
    "outbox_positions",
    metadata,
    sa.Column("endpoint", sa.String(80), primary_key=True),
    sa.Column("seq", _COUNT, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(),
    sa.Column("endpoint", sa.String(80), nullable=False),
    sa.Column("seq", _COUNT, nullable=False),
    _text("kind"),
    _text("payload"),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("tries", sa.JSON, nullable=False),
    sa.Column("due_at", UtcTime),
    _moment("created_at"),
    sa.UniqueConstraint("endpoint", "seq"),
    sa.Index(None, "endpoint", "state", "due_at"),
)

hook_receipts = sa.Table(
    "hook_receipts",
    metadata,
    sa.Column("source", sa.String(20), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("answer", sa.JSON),
    _moment("at"),
)

reply_links = sa.Table(
    "reply_links",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("wait_id", sa.String(36), nullable=False),
    sa.Column("migration_id", sa.String(36), nullable=False),
    _text("name"),
    _moment("made_at"),
)

schedules = sa.Table(
    "schedules",
    metadata,
    _id(),
    _belongs_to("tasks", "task_id"),
    _text("cron"),
    sa.Column("agent", sa.Text),
    _text("created_by"),
    _moment("created_at"),
    _moment("due_at"),
    sa.Column("last_due_at", UtcTime),
    sa.Column("last_migration_id", sa.String(36)),
    sa.Column("last_refusal", sa.Text),
    sa.Index(None, "due_at"),
)

wait_reminders = sa.Table(
    "wait_reminders",
    metadata,
    sa.Column("wait_id", sa.String(36), sa.ForeignKey("waits.id"), primary_key=True),
    _number("before_s"),
    _moment("deadline_at"),
)

retired_migrations = sa.Table(
    "retired_migrations",
    metadata,
    sa.Column("migration_id", sa.String(36), sa.ForeignKey("migrations.id"), primary_key=True),
    _moment("at"),
    _yes_no("checkpoints_kept"),
)
