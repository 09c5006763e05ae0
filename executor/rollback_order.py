"""Accepting rollbacks: the row, the journal, and the move towards it. A set of them goes one after the other.

The members of a set are accepted together. The first begins at once; whenever one is done, the next begins in
the same transaction, so that a crash never loses the rest. Where one is refused, the rest are too.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from roadmark.executor import questions
from roadmark.executor.errors import CheckpointsGone, MoveRefused
from roadmark.executor.events import SYSTEM, Event
from roadmark.executor.masking import mask
from roadmark.executor.model import Checkpoint, Migration, Rollback, RollbackState
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.positions import ask_position
from roadmark.executor.states import Move, Status, after
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.retention import RetentionRepository
from roadmark.executor.store.waits import WaitRepository
from roadmark.executor.workspace.merging import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants: why, and what becomes of files that others changed in the same lines.

    `follows` is the rollback of a set that must be done before this one begins.
    """

    reason: str
    actor: str
    undoes: str | None = None
    choices: Mapping[str, Choice] = field(default_factory=dict)
    follows: str | None = None


def accept(transaction: Transaction, migration: Migration, target: Checkpoint, order: Order) -> Rollback:
    """Keep the order and, unless it follows another, begin. Raises: CheckpointsGone, MoveRefused."""
    refuse_retired(transaction.connection, migration.id)
    checkpoints = CheckpointRepository(transaction.connection)
    if checkpoints.open_rollback(migration.id) is not None:
        raise MoveRefused(migration.id, migration.status, Move.ROLL_BACK)
    rollback = _new(transaction, migration, target, order)
    checkpoints.insert_rollback(rollback)
    transaction.record(_requested(migration, rollback, target))
    if order.follows is None:
        _begin(transaction, migration, order.actor)
    return rollback


def go_on(transaction: Transaction, done: Rollback) -> None:
    """Begin the rollback that waited for this one, where there is one."""
    following = _following(transaction, done)
    if following is None:
        return
    migration = MigrationRepository(transaction.connection).get(following.migration_id)
    try:
        _begin(transaction, migration, following.actor)
    except MoveRefused as error:
        _give_up(transaction, following, str(error))


def give_up_rest(transaction: Transaction, refused: Rollback) -> None:
    """Refuse whatever waited for this rollback; nothing of theirs was touched."""
    following = _following(transaction, refused)
    if following is not None:
        _give_up(transaction, following, f"rollback {refused.id}, which comes before it, was not done")


def choices_of(rollback: Rollback) -> Mapping[str, Choice]:
    """What was decided about files that others changed in the same lines."""
    return {path: Choice(choice) for path, choice in rollback.plan.get("choices", {}).items()}


def _following(transaction: Transaction, rollback: Rollback) -> Rollback | None:
    waiting = CheckpointRepository(transaction.connection).requested_rollbacks()
    return next((one for one in waiting if one.plan.get("follows") == rollback.id), None)


def _give_up(transaction: Transaction, rollback: Rollback, reason: str) -> None:
    migration = MigrationRepository(transaction.connection).get(rollback.migration_id)
    CheckpointRepository(transaction.connection).change_rollback(
        rollback.id, state=RollbackState.REFUSED, result={"reason": reason}, finished_at=transaction.now
    )
    detail = {"rollback": rollback.id, "reason": reason}
    transaction.record(event_of(migration, "rollback.refused", detail=detail))
    give_up_rest(transaction, rollback)


def _begin(transaction: Transaction, migration: Migration, actor: str) -> None:
    """Move towards the rollback: at once, or after the running agent is stopped."""
    if migration.status is not Status.RUNNING and (
        after(migration.status, Move.ROLL_BACK) is None or migration.status is Status.CANCELLING
    ):
        raise MoveRefused(migration.id, migration.status, Move.ROLL_BACK)
    wait = WaitRepository(transaction.connection).open_of(migration.id)
    if wait is not None:
        questions.close(transaction, migration, wait, "rolled_back", actor)
    if migration.status is Status.RUNNING:
        make_move(transaction, migration, Move.CANCEL, actor=actor, wanted="rollback")
    else:
        make_move(transaction, migration, Move.ROLL_BACK, actor=actor, wanted=None)


def _new(transaction: Transaction, migration: Migration, target: Checkpoint, order: Order) -> Rollback:
    before = ask_position(transaction.connection, migration)()
    return Rollback(
        id=str(uuid.uuid4()),
        migration_id=migration.id,
        checkpoint_id=target.id,
        safety_checkpoint_id=None,
        undoes=order.undoes,
        state=RollbackState.REQUESTED,
        reason=mask(order.reason.strip()),
        actor=order.actor,
        trigger="automatic" if order.actor == SYSTEM else "person",
        plan={
            "to": target.name,
            "before": before.as_json(),
            "choices": {path: choice.value for path, choice in order.choices.items()},
            "follows": order.follows,
        },
        result=None,
        requested_at=transaction.now,
        finished_at=None,
    )


def _requested(migration: Migration, rollback: Rollback, target: Checkpoint) -> Event:
    detail = {
        "rollback": rollback.id,
        "to": target.name,
        "reason": rollback.reason,
        "undoes": rollback.undoes,
        "choices": rollback.plan["choices"],
    }
    return event_of(migration, "rollback.requested", actor=rollback.actor, detail=detail)


def refuse_retired(connection: sa.Connection, migration_id: str) -> None:
    """Return where the migration's checkpoints are still kept. Raises: CheckpointsGone."""
    dropped_at = RetentionRepository(connection).dropped_at(migration_id)
    if dropped_at is not None:
        raise CheckpointsGone(migration_id, dropped_at)
