"""SituationRepository: what a migration's next step depends on, over the caller's connection."""

from dataclasses import dataclass

import sqlalchemy as sa
from roadmark.executor.errors import NotFound
from roadmark.executor.model import CheckpointKind, Migration, PhaseRun, Wait
from roadmark.executor.store import tables as t
from roadmark.executor.store.statements import Answer, Joined


@dataclass(frozen=True, slots=True)
class Start:
    """The checkpoint of the workspace as it was opened."""

    id: str


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
        self._connection = connection

    def ask(self, migration_id: str) -> Answer[Situation]:
        """Ask where the migration stands, to be waited for later. Raises then: NotFound."""
        asked = _SITUATION.ask(self._connection, its_id=migration_id)

        def answer() -> Situation:
            values = asked()
            if values is None:
                raise NotFound("migration", migration_id)
            return Situation(*values)

        return answer
