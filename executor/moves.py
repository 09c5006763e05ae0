"""One move of a migration: the guarded update, the task's status and the journal row, in one transaction."""

from collections.abc import Mapping
from typing import Any

from roadmark.executor.events import SYSTEM, Event
from roadmark.executor.model import Migration
from roadmark.executor.states import TASK_STATUS_OF, Move
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.tasks import TaskRepository


def make_move(
    transaction: Transaction, migration: Migration, move: Move, *, actor: str = SYSTEM, **changes: Any
) -> Migration:
    """Make the move and give the migration back as it is then; `reason` is kept only where it is given.

    Raises: MoveRefused, Conflict.
    """
    changes.setdefault("reason", None)
    changes.setdefault("due_at", None)
    moved = MigrationRepository(transaction.connection).move(migration, move, transaction.now, **changes)
    TaskRepository(transaction.connection).update(
        moved.task_id, status=TASK_STATUS_OF[moved.status], updated_at=transaction.now
    )
    transaction.record(
        Event(
            kind="migration.moved",
            actor=actor,
            task_id=moved.task_id,
            migration_id=moved.id,
            phase=moved.phase,
            attempt=moved.attempt,
            from_status=migration.status,
            to_status=moved.status,
            detail={"move": move.value, "reason": moved.reason},
        )
    )
    return moved


def event_of(
    migration: Migration, kind: str, *, actor: str = SYSTEM, detail: Mapping[str, Any] | None = None
) -> Event:
    """An event about a migration as it is now."""
    return Event(
        kind=kind,
        actor=actor,
        task_id=migration.task_id,
        migration_id=migration.id,
        phase=migration.phase,
        attempt=migration.attempt,
        detail=detail or {},
    )
