"""Questions to a person: how one is opened, and what an accepted answer changes."""

import uuid
from datetime import timedelta
from typing import assert_never

from roadmark.executor.events import SYSTEM
from roadmark.executor.model import Migration, PhaseRun, Wait
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.states import Move, PhaseState, WaitKind
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.waits import WaitRepository


def ask(transaction: Transaction, migration: Migration, kind: WaitKind, prompt: str) -> Migration:
    """Open the question, or open it again after a pause, and let the migration wait for a person."""
    waits = WaitRepository(transaction.connection)
    policy = migration.policy
    deadline = transaction.now + timedelta(seconds=policy.wait_s)
    standing = waits.open_of(migration.id)
    if standing is None:
        wait = Wait(
            id=str(uuid.uuid4()),
            migration_id=migration.id,
            phase=migration.phase,
            attempt=migration.attempt,
            kind=kind,
            prompt=prompt,
            keywords=policy.keywords,
            tries=0,
            max_tries=policy.max_confirmation_attempts,
            asked_at=transaction.now,
            deadline_at=deadline,
            closed_at=None,
            outcome=None,
        )
        waits.open(wait)
        transaction.record(event_of(migration, "wait.opened", detail=_shown(wait)))
    else:
        waits.extend(standing, deadline)
    return make_move(transaction, migration, Move.ASK)


def close(
    transaction: Transaction, migration: Migration, wait: Wait, outcome: str, actor: str = SYSTEM
) -> bool:
    """Close the question; False where somebody else did."""
    if not WaitRepository(transaction.connection).close(wait, outcome, transaction.now):
        return False
    detail = {"wait": wait.id, "kind": wait.kind.value, "outcome": outcome}
    transaction.record(event_of(migration, "wait.closed", actor=actor, detail=detail))
    return True


def confirm(transaction: Transaction, wait: Wait) -> None:
    """Apply a yes to the phase that was asked about; a start concerns the migration alone."""
    migrations = MigrationRepository(transaction.connection)
    match wait.kind:
        case WaitKind.START:
            return
        case WaitKind.BEGIN:
            migrations.change_phase(wait.migration_id, wait.phase, cleared=True)
        case WaitKind.CONFIRM | WaitKind.QUESTION:
            migrations.change_phase(wait.migration_id, wait.phase, state=PhaseState.CONFIRMED)
        case _:
            assert_never(wait.kind)


def send_back(transaction: Transaction, run: PhaseRun, feedback: str) -> int:
    """The phase is to be done again, with this said to the agent; gives the attempts used so far."""
    used = run.attempts_used + 1
    MigrationRepository(transaction.connection).change_phase(
        run.migration_id, run.phase, state=PhaseState.PENDING, feedback=feedback, attempts_used=used
    )
    return used


def _shown(wait: Wait) -> dict[str, object]:
    return {
        "wait": wait.id,
        "kind": wait.kind.value,
        "keywords": list(wait.keywords),
        "deadline_at": wait.deadline_at.isoformat(),
    }
