"""CheckpointRepository: kept states, and the rollbacks to them, over the caller's connection."""

from typing import Any

import sqlalchemy as sa
from roadmark.executor.errors import CheckpointUnknown, NotFound
from roadmark.executor.model import Checkpoint, CheckpointKind, Rollback, RollbackState
from roadmark.executor.store import tables as t
from roadmark.executor.store.known import Start, known
from roadmark.executor.store.rows import pack, plain, unpack
from roadmark.executor.store.statements import Query, insert_into, select_by, update_by

_OF_MIGRATION = Query(
    Checkpoint,
    select_by(t.checkpoints, "migration_id").order_by(t.checkpoints.c.at, t.checkpoints.c.name),
)
_AT_REF = Query(Checkpoint, select_by(t.checkpoints, "migration_id", "ref"))
_BY_ID = Query(Checkpoint, select_by(t.checkpoints, "id"))
_ROLLBACKS = Query(
    Rollback,
    select_by(t.migration_rollback, "migration_id").order_by(
        t.migration_rollback.c.requested_at, t.migration_rollback.c.id
    ),
)


class CheckpointRepository:
    """Reads and writes checkpoints and rollbacks."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def insert(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint's row."""
        insert_into(t.checkpoints).queue(self._connection, pack(checkpoint))
        if checkpoint.kind is CheckpointKind.START:
            known(self._connection).starts[checkpoint.migration_id] = Start(checkpoint.id)

    def change(self, checkpoint_id: str, **values: Any) -> None:
        """Set columns of a checkpoint."""
        packed = {name: plain(value) for name, value in values.items()}
        update_by(t.checkpoints, "id").queue(self._connection, packed | {"its_id": checkpoint_id})

    def of_migration(self, migration_id: str) -> list[Checkpoint]:
        """The checkpoints of a migration in the order they were taken."""
        return _OF_MIGRATION.all(self._connection, its_migration_id=migration_id)

    def at_ref(self, migration_id: str, ref: str) -> Checkpoint | None:
        """The checkpoint that is kept under this ref of the vault."""
        return _AT_REF.first(self._connection, its_migration_id=migration_id, its_ref=ref)

    def get(self, checkpoint_id: str) -> Checkpoint:
        """A checkpoint by its id. Raises: NotFound."""
        checkpoint = _BY_ID.first(self._connection, its_id=checkpoint_id)
        if checkpoint is None:
            raise NotFound("checkpoint", checkpoint_id)
        return checkpoint

    def named(self, migration_id: str, wanted: str) -> Checkpoint:
        """A checkpoint by its id or its name. Raises: CheckpointUnknown."""
        known = self.of_migration(migration_id)
        for checkpoint in known:
            if wanted in (checkpoint.id, checkpoint.name):
                return checkpoint
        raise CheckpointUnknown(migration_id, wanted, [checkpoint.name for checkpoint in known])

    def insert_rollback(self, rollback: Rollback) -> None:
        """Keep a rollback from the moment it is accepted."""
        self._connection.execute(sa.insert(t.migration_rollback), pack(rollback))

    def change_rollback(self, rollback_id: str, **values: Any) -> None:
        """Set columns of a rollback."""
        packed = {name: plain(value) for name, value in values.items()}
        table = t.migration_rollback
        self._connection.execute(sa.update(table).where(table.c.id == rollback_id).values(packed))

    def rollback(self, rollback_id: str) -> Rollback:
        """A rollback by its id. Raises: NotFound."""
        table = t.migration_rollback
        row = self._connection.execute(sa.select(table).where(table.c.id == rollback_id)).first()
        if row is None:
            raise NotFound("rollback", rollback_id)
        return unpack(Rollback, row)

    def rollbacks(self, migration_id: str) -> list[Rollback]:
        """The rollbacks of a migration in order."""
        return _ROLLBACKS.all(self._connection, its_migration_id=migration_id)

    def requested_rollbacks(self) -> list[Rollback]:
        """Every rollback that is accepted and not finished."""
        table = t.migration_rollback
        query = sa.select(table).where(table.c.state == RollbackState.REQUESTED.value)
        return [unpack(Rollback, row) for row in self._connection.execute(query)]

    def open_rollback(self, migration_id: str) -> Rollback | None:
        """The accepted rollback that is not finished yet."""
        open_ones = [row for row in self.rollbacks(migration_id) if row.state is RollbackState.REQUESTED]
        return open_ones[-1] if open_ones else None
