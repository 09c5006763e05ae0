"""StandingRepository: how long a migration stood where, from the journal, over the caller's connection."""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.states import Status
from roadmark.executor.store import tables as t
from roadmark.executor.store.journal import of_migration

_STARTED = "migration.started"


class StandingRepository:
    """Reads moves."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def moves(self, migration_id: str) -> list[tuple[datetime, Status]]:
        """When the migration came into which status, in order; the first is its start."""
        return list(self._moves(migration_id))

    def _moves(self, migration_id: str) -> Iterator[tuple[datetime, Status]]:
        c = t.migration_tracking.c
        query = (
            sa.select(c.at, c.to_status)
            .where(of_migration(migration_id), sa.or_(c.to_status.is_not(None), c.kind == _STARTED))
            .order_by(c.seq)
        )
        for at, to_status in self._connection.execute(query):
            yield at, Status(to_status or Status.QUEUED)
