"""RetentionRepository: migrations whose files were given up, over the caller's connection."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.model import Migration
from roadmark.executor.states import ENDED
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import unpack
from roadmark.executor.store.statements import insert_into


@dataclass(frozen=True, slots=True)
class Retired:
    """A migration whose workspace and logs are given up, and its checkpoints where they are not kept."""

    migration_id: str
    at: datetime
    checkpoints_kept: bool


_ENDED = t.migrations.c.status.in_(sorted(ENDED))


class RetentionRepository:
    """Reads and writes what retention gave up."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def old(self, before: datetime) -> list[Migration]:
        """Migrations that are over, rest since before this moment, and were not given up as they are now."""
        m, r = t.migrations.c, t.retired_migrations.c
        query = (
            sa.select(t.migrations)
            .outerjoin(t.retired_migrations, r.migration_id == m.id)
            .where(_ENDED, m.updated_at < before, sa.or_(r.at.is_(None), r.at < m.updated_at))
            .order_by(m.updated_at, m.id)
        )
        return [unpack(Migration, row) for row in self._connection.execute(query)]

    def given_up(self) -> list[Retired]:
        """Those that rest as they were given up: what is still there of their files may be deleted."""
        m, r = t.migrations.c, t.retired_migrations.c
        query = (
            sa.select(t.retired_migrations)
            .join(t.migrations, m.id == r.migration_id)
            .where(_ENDED, m.updated_at <= r.at)
            .order_by(r.at, r.migration_id)
        )
        return [unpack(Retired, row) for row in self._connection.execute(query)]

    def give_up(self, retired: Retired) -> None:
        """Note it; nothing works with the files from then on."""
        c = t.retired_migrations.c
        self._connection.execute(
            sa.delete(t.retired_migrations).where(c.migration_id == retired.migration_id)
        )
        row = {
            "migration_id": retired.migration_id,
            "at": retired.at,
            "checkpoints_kept": retired.checkpoints_kept,
        }
        insert_into(t.retired_migrations).queue(self._connection, row)

    def dropped_at(self, migration_id: str) -> datetime | None:
        """When the migration's checkpoints were given up, if they were."""
        c = t.retired_migrations.c
        query = sa.select(c.at).where(c.migration_id == migration_id, c.checkpoints_kept.is_(False))
        moment: datetime | None = self._connection.execute(query).scalar()
        return moment
