"""What needs a person: one list, from which the inbox, the count and the fleet's first lines come."""

from dataclasses import dataclass
from datetime import datetime

from roadmark.executor.model import Migration, Wait
from roadmark.executor.states import Status
from roadmark.executor.tracker import MigrationTracker

_STUCK = (Status.QUARANTINED, Status.BLOCKED, Status.FAILED)
_MOST_STUCK = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A migration that goes no further without a person; `wait` is its question, None where it is stuck."""

    task_id: str
    title: str
    migration_id: str
    status: Status
    phase: int
    phase_count: int
    wait: Wait | None
    reason: str | None
    since: datetime


def needs_person(tracker: MigrationTracker) -> list[Need]:
    """The open questions, the earliest deadline first, then what is stuck, the newest first."""
    return [*_questions(tracker), *_stuck(tracker)]


def _questions(tracker: MigrationTracker) -> list[Need]:
    return [
        Need(
            task_id=row.task_id,
            title=row.title,
            migration_id=row.wait.migration_id,
            status=Status.WAITING,
            phase=row.wait.phase,
            phase_count=row.phase_count,
            wait=row.wait,
            reason=None,
            since=row.wait.asked_at,
        )
        for row in tracker.inbox()
    ]


def _stuck(tracker: MigrationTracker) -> list[Need]:
    found = tracker.migrations(None, _MOST_STUCK, _STUCK)
    lines = [(migration, tracker.fleet_row(migration.task_id)) for migration in found]
    return [
        _stuck_need(migration, line.task.title)
        for migration, line in lines
        if line.task.migration_id == migration.id
    ]


def _stuck_need(migration: Migration, title: str) -> Need:
    return Need(
        task_id=migration.task_id,
        title=title,
        migration_id=migration.id,
        status=migration.status,
        phase=migration.phase,
        phase_count=migration.phase_count,
        wait=None,
        reason=migration.reason,
        since=migration.updated_at,
    )
