"""SituationRepository: what a migration's next step depends on, over the caller's connection."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from roadmark.executor.errors import NotFound
from roadmark.executor.model import CheckpointKind, Migration, PhaseRun, Wait
from roadmark.executor.store import tables as t
from roadmark.executor.store.known import Start, known
from roadmark.executor.store.statements import Answer, Joined


@dataclass(frozen=True, slots=True)
class Situation:
    """A migration, its present phase, its open question, and its first checkpoint."""

    migration: Migration
    run: PhaseRun
    wait: Wait | None
    start: Start | None


_migration = t.migrations.c
_SITUATION = Joined(
    [(Migration, t.migrations), (PhaseRun, t.phase_runs), (Wait, t.waits), (Start, t.checkpoints)],
    sa.select(t.migrations)
    .where(_migration.id == sa.bindparam("its_id", type_=_migration.id.type))
    .select_from(
        t.migrations.join(
            t.phase_runs,
            sa.and_(t.phase_runs.c.migration_id == _migration.id, t.phase_runs.c.phase == _migration.phase),
        )
        .outerjoin(t.waits, sa.and_(t.waits.c.migration_id == _migration.id, t.waits.c.closed_at.is_(None)))
        .outerjoin(
            t.checkpoints,
            sa.and_(
                t.checkpoints.c.migration_id == _migration.id,
                t.checkpoints.c.kind == sa.literal_column(f"'{CheckpointKind.START.value}'"),
            ),
        )
    ),
)


class SituationRepository:
    """Reads situations."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection, self._known = connection, known(connection)

    def ask(self, migration_id: str) -> Answer[Situation]:
        """Ask where the migration stands, to be waited for later. Raises then: NotFound."""
        if self.known(migration_id) is None:
            asked = _SITUATION.ask(self._connection, its_id=migration_id)
            return lambda: self._noted(migration_id, asked())
        return lambda: self.known(migration_id) or self.ask(migration_id)()

    def known(self, migration_id: str) -> Situation | None:
        """The situation, where the writer knows it already."""
        rows = self._known
        if migration_id not in rows.waits or migration_id not in rows.starts:
            return None
        migration = rows.migration(migration_id)
        run = None if migration is None else rows.runs.get(migration_id, {}).get(migration.phase)
        if migration is None or run is None:
            return None
        return Situation(migration, run, rows.waits[migration_id], rows.starts[migration_id])

    def _noted(self, migration_id: str, values: tuple[Any, ...] | None) -> Situation:
        if values is None:
            raise NotFound("migration", migration_id)
        situation = Situation(*values)
        self._known.note(situation.migration)
        self._known.runs.setdefault(migration_id, {})[situation.run.phase] = situation.run
        self._known.waits[migration_id], self._known.starts[migration_id] = situation.wait, situation.start
        return situation
