"""What needs a person: one list, from which the inbox, the count and the fleet's first lines come."""

from dataclasses import dataclass
from datetime import datetime

from roadmark.executor.model import Migration, Wait
from roadmark.executor.states import Status
from roadmark.executor.store.waits import InboxRow
from roadmark.executor.tracker import MigrationTracker


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
    asked, stuck = tracker.needs_person()
    return [*(_asked_need(row) for row in asked), *(_stuck_need(row.migration, row.title) for row in stuck)]


def _asked_need(row: InboxRow) -> Need:
    return Need(
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
