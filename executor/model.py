"""The rows that the house speaks of, as values. Times are UTC-aware, ids are UUID strings.

Source: the tables of store/tables.py; the columns and the fields have the same names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from roadmark.executor.states import PhaseState, Status, TaskStatus, WaitKind

Json = Mapping[str, Any]
"""A JSON object as it stands in a column."""


class CheckpointKind(StrEnum):
    """Why a checkpoint was taken."""

    START = "start"
    """The workspace as it was opened."""
    ATTEMPT = "attempt"
    """After an attempt that has not become a finished phase."""
    PHASE = "phase"
    """The end of a finished phase."""
    SAFETY = "safety"
    """Just before a rollback, so that it can be undone."""


class RollbackState(StrEnum):
    """How far a rollback has come."""

    REQUESTED = "requested"
    """Accepted, not finished; a restart goes on with it."""
    DONE = "done"
    """Restored and proved."""
    REFUSED = "refused"
    """It could not be done; nothing was changed. The reason is in `result`."""
    UNDONE = "undone"
    """Itself rolled back later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a spec asks for: the seed's columns, then ours."""

    id: str
    project_id: str
    title: str
    description: str
    type: str
    category: str | None
    priority: str
    status: TaskStatus
    source_type: str
    source_path: str
    source_content: str
    metadata: Json
    estimated_hours: float | None
    format: str
    content_sha256: str
    revision: int
    executable: bool
    automation_level: str
    confirmation_required: bool
    max_attempts: int
    git_branch_required: bool
    new_chat_required: bool
    context: Json
    sections: Json
    migration_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPhase:
    """A phase as the spec has it. `ordinal` counts from 1; `number` is what the heading says."""

    task_id: str
    ordinal: int
    number: str | None
    name: str
    hours: float | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskItem:
    """A checkbox. `phase` is the ordinal of its phase, None outside of the phases."""

    task_id: str
    key: str
    phase: int | None
    section: str
    text: str
    mark: str
    optional: bool
    line: int
    depth: int
    done_by: str | None
    done_at: datetime | None
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFile:
    """A file that the spec declares. `required` is true where its phase names it itself."""

    task_id: str
    action: str
    path: str
    to_path: str | None
    purpose: str
    line: int
    phase: int | None
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRisk:
    """A risk with its level and what is done about it."""

    task_id: str
    level: str | None
    text: str
    mitigation: str | None
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecProblem:
    """A finding in the spec, as `roadmark check` prints it."""

    task_id: str
    code: str
    severity: str
    line: int
    column: int
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a migration may do: the spec's wishes under the operator's limits, fixed at its start.

    `hooks`: NAME for one of every phase, PHASE:NAME for one of a single phase. `host_label`: what a host must
    have to carry it out; None for any host.
    """

    automation_level: str
    confirmation_required: bool
    keywords: tuple[str, ...]
    fallback_detection: bool
    max_attempts: int
    max_confirmation_attempts: int
    timeout_s: int
    wait_s: int
    retry_delay_s: float
    new_chat_required: bool
    on_failure: str
    branch: str | None
    hooks: tuple[str, ...] = ()
    host_label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One execution of a task. `phase` counts from 1; `version` rises with every change."""

    id: str
    task_id: str
    status: Status
    phase: int
    phase_count: int
    attempt: int
    agent: str
    policy: Policy
    spec_sha256: str
    branch: str | None
    base_commit: str | None
    published_commit: str | None
    start_confirmed: bool
    reason: str | None
    wanted: str | None
    lease_owner: str | None
    lease_until: datetime | None
    fence: int
    due_at: datetime | None
    started_by: str
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRun:
    """A phase within a migration."""

    migration_id: str
    phase: int
    name: str
    state: PhaseState
    cleared: bool
    attempts_used: int
    questions_asked: int
    chat_resumes: int
    interruptions: int
    feedback: str | None
    checkpoint_id: str | None
    published_commit: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of an agent on a phase; its row is there before its process. `ended_at` None: open."""

    id: str
    migration_id: str
    phase: int
    number: int
    agent: str
    nonce: str
    prompt: str
    session_id: str | None
    log_path: str
    outcome: str | None
    reason: str | None
    evidence: Json | None
    used: bool
    checkpoint_id: str | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    peak_memory_bytes: int | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A question to a person. `closed_at` None: open; a migration has at most one open wait."""

    id: str
    migration_id: str
    phase: int
    attempt: int
    kind: WaitKind
    prompt: str
    keywords: tuple[str, ...]
    tries: int
    max_tries: int
    asked_at: datetime
    deadline_at: datetime
    closed_at: datetime | None
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a person said to a wait, accepted or not. `outcome`: accepted, sent_back or unclear."""

    id: str
    wait_id: str
    migration_id: str
    text: str
    outcome: str
    actor: str
    via: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A task that is started by cron. `last_due_at` is the time that was taken last, whatever came of it."""

    id: str
    task_id: str
    cron: str
    agent: str | None
    created_by: str
    created_at: datetime
    due_at: datetime
    last_due_at: datetime | None
    last_migration_id: str | None
    last_refusal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A kept state: the tree in the vault, and where the migration stood (`position`)."""

    id: str
    migration_id: str
    name: str
    kind: CheckpointKind
    phase: int
    attempt: int
    ref: str
    commit_id: str
    tree: str
    not_covered: tuple[str, ...]
    position: Json
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """A rollback, from its acceptance to its proof."""

    id: str
    migration_id: str
    checkpoint_id: str
    safety_checkpoint_id: str | None
    undoes: str | None
    state: RollbackState
    reason: str
    actor: str
    trigger: str
    plan: Json
    result: Json | None
    requested_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A thing that happened. `seq` is its place in the chain and the id of the live event."""

    seq: int
    at: datetime
    actor: str
    kind: str
    task_id: str | None
    migration_id: str | None
    phase: int | None
    attempt: int | None
    from_status: str | None
    to_status: str | None
    detail: Json
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure: `value` in `unit`."""

    name: str
    value: float
    unit: str
    migration_id: str | None
    phase: int | None
    attempt: int | None
    at: datetime
