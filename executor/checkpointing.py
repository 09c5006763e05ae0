"""Takes a checkpoint and keeps its row: the tree in the vault, the migration's place in the database."""

import uuid
from collections.abc import Mapping, Sequence

from roadmark.executor.model import Checkpoint, CheckpointKind, Migration
from roadmark.executor.moves import event_of
from roadmark.executor.positions import Position
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.lane import Transaction
from roadmark.executor.workspace.checkpoints import Record, records
from roadmark.executor.workspace.place import Place, enter
from roadmark.executor.workspace.rewriting import Snapshot

ATTEMPT_TRAILER = "Roadmark-Attempt"
"""The mark in a checkpoint's message by which finished work is recognised after a crash."""


def marker(migration_id: str, phase: int, number: int) -> str:
    """The value of the attempt's mark."""
    return f"{migration_id}:{phase}:{number}"


def attempt_trailers(migration_id: str, phase: int, number: int) -> Mapping[str, str]:
    """What an attempt's checkpoint carries."""
    return {ATTEMPT_TRAILER: marker(migration_id, phase, number)}


def find_record(place: Place, mark: str) -> Record | None:
    """The checkpoint that carries this attempt's mark, with everything that is written on it."""
    with enter(place) as room:
        return next((one for one in records(room) if one.trailers.get(ATTEMPT_TRAILER) == mark), None)


def keep_checkpoint(
    transaction: Transaction,
    migration: Migration,
    name: str,
    kind: CheckpointKind,
    snapshot: Snapshot,
    position: Position,
) -> Checkpoint:
    """The checkpoint's row, made once: a repeated call gives the row that is there."""
    known = CheckpointRepository(transaction.connection).at_ref(migration.id, snapshot.ref)
    return known or make_checkpoint(transaction, migration, name, kind, snapshot, position)


def make_checkpoint(
    transaction: Transaction,
    migration: Migration,
    name: str,
    kind: CheckpointKind,
    snapshot: Snapshot,
    position: Position,
) -> Checkpoint:
    """The checkpoint's row, where there is none yet."""
    checkpoint = Checkpoint(
        id=str(uuid.uuid4()),
        migration_id=migration.id,
        name=name,
        kind=kind,
        phase=0 if kind is CheckpointKind.START else migration.phase,
        attempt=migration.attempt,
        ref=snapshot.ref,
        commit_id=snapshot.commit,
        tree=snapshot.tree,
        not_covered=snapshot.not_covered,
        position=position.as_json(),
        at=transaction.now,
    )
    CheckpointRepository(transaction.connection).insert(checkpoint)
    detail = {"checkpoint": checkpoint.id, "name": name, "tree": snapshot.tree, "kind": kind.value}
    transaction.record(event_of(migration, "checkpoint.taken", detail=detail))
    return checkpoint


def beginning_of_phase(checkpoints: Sequence[Checkpoint], phase: int) -> Checkpoint:
    """Where a phase began: the end of the one before it that landed last, else the start."""
    ends = [one for one in checkpoints if one.kind is CheckpointKind.PHASE and one.phase < phase]
    return max(ends, key=lambda one: (one.phase, one.at)) if ends else checkpoints[0]
