"""MigrationRepository: migrations, their phases and attempts, over the caller's connection.

Every change of status is one guarded UPDATE: it counts only if the row is still as the caller saw it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from roadmark.executor.errors import Conflict, LeaseLost, MoveRefused, NotFound
from roadmark.executor.model import Attempt, Migration, PhaseRun
from roadmark.executor.states import ENDED, WORKING, Move, Status, after
from roadmark.executor.store import tables as t
from roadmark.executor.store.known import known
from roadmark.executor.store.rows import pack, plain, unpack
from roadmark.executor.store.statements import (
    Answer,
    Command,
    Query,
    insert_all,
    insert_into,
    select_by,
    update_by,
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What attempts took: how many, tokens in and out, US dollars, as far as the agents tell."""

    attempts: int
    tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class _Identified:
    """That there is such a row."""

    id: str


_BY_ID = Query(Migration, select_by(t.migrations, "id"))
_PHASE = Query(PhaseRun, select_by(t.phase_runs, "migration_id", "phase"))
_PHASES = Query(PhaseRun, select_by(t.phase_runs, "migration_id").order_by(t.phase_runs.c.phase))
_OPEN_ATTEMPT = Query(_Identified, select_by(t.attempts, "id").where(t.attempts.c.ended_at.is_(None)))
_ATTEMPTS = Query(
    Attempt,
    select_by(t.attempts, "migration_id").order_by(
        t.attempts.c.started_at, t.attempts.c.phase, t.attempts.c.number
    ),
)
_CLOSING = Command(
    sa.update(t.attempts).where(t.attempts.c.id == sa.bindparam("its_id"), t.attempts.c.ended_at.is_(None))
)
_RENEWAL = Command(
    sa.update(t.migrations).where(
        t.migrations.c.id == sa.bindparam("its_id"),
        t.migrations.c.fence == sa.bindparam("its_fence"),
        t.migrations.c.lease_until.is_not(None),
    )
)
RELEASED: Mapping[str, Any] = MappingProxyType({"lease_owner": None, "lease_until": None})
"""The columns of a migration that nobody works on."""


class MigrationRepository:
    """Reads and writes migrations."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection, self._known = connection, known(connection)

    def insert(self, migration: Migration, phase_runs: Collection[PhaseRun]) -> None:
        """A new migration with a row for each of its phases."""
        insert_into(t.migrations).queue(self._connection, pack(migration))
        insert_all(self._connection, t.phase_runs, [pack(run) for run in phase_runs])

    def pin_spec(self, sha256: str, content: str) -> None:
        """Keep the text that a migration goes by; the same text is kept once."""
        there = sa.select(t.pinned_specs.c.sha256).where(t.pinned_specs.c.sha256 == sha256)
        if self._connection.execute(there).first() is None:
            insert_into(t.pinned_specs).queue(self._connection, {"sha256": sha256, "content": content})

    def pinned_spec(self, sha256: str) -> str:
        """The text of this hash. Raises: NotFound."""
        query = sa.select(t.pinned_specs.c.content).where(t.pinned_specs.c.sha256 == sha256)
        content = self._connection.execute(query).scalar()
        if content is None:
            raise NotFound("pinned spec", sha256)
        return str(content)

    def get(self, migration_id: str) -> Migration:
        """The migration. Raises: NotFound."""
        migration = self._known.migration(migration_id)
        if migration is None:
            migration = _BY_ID.first(self._connection, its_id=migration_id)
            if migration is None:
                raise NotFound("migration", migration_id)
            self._known.note(migration)
        return migration

    def held(self, migration_id: str, fence: int) -> Migration:
        """The migration, if the lease with this fence still holds. Raises: LeaseLost, NotFound."""
        migration = self.get(migration_id)
        if migration.fence != fence:
            raise LeaseLost(migration_id, fence)
        return migration

    def of_task(self, task_id: str) -> list[Migration]:
        """All migrations of a task, the newest first."""
        c = t.migrations.c
        query = sa.select(t.migrations).where(c.task_id == task_id).order_by(c.created_at.desc(), c.id)
        return [unpack(Migration, row) for row in self._connection.execute(query)]

    def page(self, before: str | None, limit: int, statuses: Collection[Status] = ()) -> list[Migration]:
        """At most `limit` migrations older than the one named, the newest first."""
        c = t.migrations.c
        query = sa.select(t.migrations).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
        if before is not None:
            edge = self.get(before).created_at
            query = query.where(sa.or_(c.created_at < edge, sa.and_(c.created_at == edge, c.id < before)))
        if statuses:
            query = query.where(c.status.in_(list(statuses)))
        return [unpack(Migration, row) for row in self._connection.execute(query)]

    def with_status(self, statuses: Collection[Status]) -> list[Migration]:
        """All migrations in one of the statuses, the oldest first."""
        c = t.migrations.c
        query = sa.select(t.migrations).where(c.status.in_(list(statuses))).order_by(c.created_at, c.id)
        return [unpack(Migration, row) for row in self._connection.execute(query)]

    def count_by_status(self) -> dict[Status, int]:
        """How many migrations stand where; statuses without any are left out."""
        c = t.migrations.c
        rows = self._connection.execute(sa.select(c.status, sa.func.count()).group_by(c.status))
        return {Status(status): count for status, count in rows}

    def due(self, status: Status, now: datetime) -> list[Migration]:
        """Migrations in this status whose due time has passed."""
        c = t.migrations.c
        query = sa.select(t.migrations).where(c.status == status, c.due_at <= now)
        return [unpack(Migration, row) for row in self._connection.execute(query)]

    def move(self, migration: Migration, move: Move, at: datetime, **changes: Any) -> Migration:
        """Make the move, set the further columns, and give the migration back as it is then.

        A lease is over where the work is, and the time of the end is kept.

        Raises: MoveRefused where the table of moves does not know it, Conflict where the row moved on.
        """
        to = after(migration.status, move)
        if to is None:
            raise MoveRefused(migration.id, migration.status, move)
        released = {} if {migration.status, to} <= WORKING else RELEASED
        finished = {"finished_at": at} if to in ENDED and migration.finished_at is None else {}
        return self._guarded(migration, at, {**released, **finished, **changes, "status": to})

    def change(self, migration: Migration, at: datetime, **changes: Any) -> Migration:
        """Set columns without a move. Raises: Conflict where the row moved on."""
        return self._guarded(migration, at, changes)

    def renew(self, migration_id: str, fence: int, until: datetime) -> None:
        """Have the lease with this fence hold until then, if it still holds; nobody's view becomes stale."""
        key = {"its_id": migration_id, "its_fence": fence}
        self._known.forget(migration_id)
        _RENEWAL.queue(self._connection, {"lease_until": until, **key})

    def phase_runs(self, migration_id: str) -> list[PhaseRun]:
        """The phases in order."""
        return self.ask_phase_runs(migration_id)()

    def ask_phase_runs(self, migration_id: str) -> Answer[list[PhaseRun]]:
        """Ask for `phase_runs`, to be waited for later."""
        runs = self._known.runs.get(migration_id, {})
        if runs and len(runs) == self.get(migration_id).phase_count:
            return lambda: [runs[phase] for phase in sorted(runs)]
        asked = _PHASES.ask_all(self._connection, its_migration_id=migration_id)

        def answer() -> list[PhaseRun]:
            found = asked()
            self._known.runs[migration_id] = {run.phase: run for run in found}
            return found

        return answer

    def phase_run(self, migration_id: str, phase: int) -> PhaseRun:
        """One phase. Raises: NotFound."""
        run = _PHASE.first(self._connection, its_migration_id=migration_id, its_phase=phase)
        if run is None:
            raise NotFound("phase", f"{migration_id}:{phase}")
        return run

    def change_phase(self, migration_id: str, phase: int, **changes: Any) -> None:
        """Set columns of one phase."""
        values = {name: plain(value) for name, value in changes.items()}
        key = {"its_migration_id": migration_id, "its_phase": phase}
        update_by(t.phase_runs, "migration_id", "phase").queue(self._connection, values | key)
        runs = self._known.runs.get(migration_id, {})
        if phase in runs:
            runs[phase] = replace(runs[phase], **changes)

    def insert_attempt(self, attempt: Attempt) -> None:
        """A new attempt, before its process."""
        insert_into(t.attempts).queue(self._connection, pack(attempt))

    def close_attempt(self, attempt_id: str, ended_at: datetime, **values: Any) -> None:
        """Close an open attempt with its verdict; one that was closed already is left as it is."""
        packed = {name: plain(value) for name, value in values.items()}
        _CLOSING.queue(self._connection, packed | {"ended_at": ended_at, "its_id": attempt_id})

    def change_attempt(self, attempt_id: str, **values: Any) -> None:
        """Set columns of an attempt."""
        packed = {name: plain(value) for name, value in values.items()}
        update_by(t.attempts, "id").queue(self._connection, packed | {"its_id": attempt_id})

    def ask_is_open(self, attempt_id: str) -> Answer[bool]:
        """Ask whether the attempt has no end yet, to be waited for later."""
        asked = _OPEN_ATTEMPT.ask(self._connection, its_id=attempt_id)
        return lambda: asked() is not None

    def attempts(self, migration_id: str) -> list[Attempt]:
        """All attempts in the order in which they began."""
        return _ATTEMPTS.all(self._connection, its_migration_id=migration_id)

    def spent(
        self, migration_id: str | None = None, task_id: str | None = None, since: datetime | None = None
    ) -> Spent:
        """What the attempts took, of one migration, of one task, or since a moment."""
        c = t.attempts.c
        tokens = sa.func.coalesce(c.tokens_in, 0) + sa.func.coalesce(c.tokens_out, 0)
        query = sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(tokens), 0),
            sa.func.coalesce(sa.func.sum(c.cost_usd), 0.0),
        )
        if migration_id is not None:
            query = query.where(c.migration_id == migration_id)
        if task_id is not None:
            query = query.where(
                c.migration_id.in_(sa.select(t.migrations.c.id).where(t.migrations.c.task_id == task_id))
            )
        if since is not None:
            query = query.where(c.started_at >= since)
        attempts, used_tokens, cost_usd = self._connection.execute(query).one()
        return Spent(attempts, int(used_tokens), cost_usd)

    def open_attempts(self) -> list[Attempt]:
        """Attempts without an end: at a start, those that a crash interrupted."""
        query = sa.select(t.attempts).where(t.attempts.c.ended_at.is_(None))
        return [unpack(Attempt, row) for row in self._connection.execute(query)]

    def _guarded(self, migration: Migration, at: datetime, changes: dict[str, Any]) -> Migration:
        """Nobody needs to wait for the update's answer: a row that this transaction has seen stays so."""
        present = self.get(migration.id)
        if (present.status, present.version) != (migration.status, migration.version):
            raise Conflict(migration.id, migration.version, present.version)
        changes |= {"version": migration.version + 1, "updated_at": at}
        values = {name: plain(value) for name, value in changes.items()}
        seen = {
            "its_id": migration.id,
            "its_status": migration.status.value,
            "its_version": migration.version,
        }
        update_by(t.migrations, "id", "status", "version").queue(self._connection, values | seen)
        changed = replace(present, **changes)
        self._known.note(changed)
        return changed
