"""Holds what the writer knows of migrations against their rows, as each of its transactions begins."""

import pytest
import sqlalchemy as sa
from roadmark.executor.model import CheckpointKind, Migration, PhaseRun, Wait
from roadmark.executor.store import tables as t
from roadmark.executor.store.known import Known, Start
from roadmark.executor.store.rows import unpack


def check_all_knowledge(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a transaction fails where something known is not what the rows say."""
    refresh = Known.refresh

    def refresh_and_check(self: Known, connection: sa.Connection, ids: set[str]) -> None:
        refresh(self, connection, ids)
        for outdated in _outdated(self, connection):
            raise AssertionError(f"the writer knows {outdated[0]}, the rows say {outdated[1]}")

    monkeypatch.setattr(Known, "refresh", refresh_and_check)


def _outdated(known: Known, connection: sa.Connection) -> list[tuple[object, object]]:
    pairs: list[tuple[object, object]] = []
    if known.head is not None:
        newest = sa.select(sa.func.max(t.migration_tracking.c.seq))
        pairs.append((known.head.seq, connection.execute(newest).scalar()))
    numbered = {task_id: number for number, task_id in connection.execute(sa.select(t.journal_tasks))}
    pairs += [(number, numbered.get(task_id)) for task_id, number in known.numbers.items()]
    for migration_id in set(known.runs) | set(known.waits) | set(known.starts):
        pairs += _pairs(known, connection, migration_id)
    return [pair for pair in pairs if pair[0] != pair[1]]


def _pairs(known: Known, connection: sa.Connection, migration_id: str) -> list[tuple[object, object]]:
    rows = connection.execute(sa.select(t.migrations).where(t.migrations.c.id == migration_id))
    migrations = [unpack(Migration, row) for row in rows]
    pairs: list[tuple[object, object]] = [(known.migration(migration_id) or migrations[0], migrations[0])]
    where = t.phase_runs.c.migration_id == migration_id
    runs = {
        row.phase: unpack(PhaseRun, row) for row in connection.execute(sa.select(t.phase_runs).where(where))
    }
    pairs += [(run, runs[phase]) for phase, run in known.runs.get(migration_id, {}).items()]
    if migration_id in known.waits:
        is_open = sa.and_(t.waits.c.migration_id == migration_id, t.waits.c.closed_at.is_(None))
        waits = [unpack(Wait, row) for row in connection.execute(sa.select(t.waits).where(is_open))]
        pairs.append((known.waits[migration_id], waits[0] if waits else None))
    if migration_id in known.starts:
        c = t.checkpoints.c
        first = sa.and_(c.migration_id == migration_id, c.kind == CheckpointKind.START)
        starts = [unpack(Start, row) for row in connection.execute(sa.select(t.checkpoints).where(first))]
        pairs.append((known.starts[migration_id], starts[0] if starts else None))
    return pairs
