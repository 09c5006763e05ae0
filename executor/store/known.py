"""What the writer knows of migrations: read once, kept up with each change, good until somebody else commits.

While a transaction lasts nobody else writes. So what it read, and changed itself, need not be read again; and
where the database says that nobody else has committed since, that holds from one transaction to the next.
Whatever changes these rows goes through the repositories, which note it here, or through Core, and then
everything is forgotten; so it is when a transaction, or a part of one, is undone.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import sqlalchemy as sa
from roadmark.executor.model import Migration, PhaseRun, Wait
from roadmark.executor.store import database
from roadmark.executor.store import tables as t
from roadmark.executor.store.among import Among
from roadmark.executor.store.statements import Answer, Query
from sqlalchemy import event

MOST = 512
"""So many migrations, and tasks, are known from one transaction to the next; with more all are forgotten."""

_KNOWN = "roadmark.known"


@dataclass(frozen=True, slots=True)
class Start:
    """The checkpoint of the workspace as it was opened."""

    id: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the journal's chain."""

    seq: int
    hash: str


_BY_IDS = Query(Migration, sa.select(t.migrations).where(Among(t.migrations.c.id, "ids")))


@dataclass(slots=True)
class Known:
    """Rows by the id of their migration. What is missing is not known; None is known to be none."""

    runs: dict[str, dict[int, PhaseRun]] = field(default_factory=dict)
    """By the number of the phase; all are known where there are as many as the migration has phases."""
    waits: dict[str, Wait | None] = field(default_factory=dict)
    starts: dict[str, Start | None] = field(default_factory=dict)
    head: Head | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    """What the journal calls tasks, by their ids: nobody changes that, so that only a failure undoes it."""
    _migrations: dict[str, Migration] = field(default_factory=dict)
    _coming: Answer[list[Migration]] | None = None
    _mark: object = None

    def migration(self, migration_id: str) -> Migration | None:
        """The migration, where it is known; waits for what was asked ahead."""
        if self._coming is not None:
            for migration in self._coming():
                self._migrations.setdefault(migration.id, migration)
            self._coming = None
        return self._migrations.get(migration_id)

    def note(self, migration: Migration) -> None:
        """The migration is like this now: it was read, or changed."""
        self._migrations[migration.id] = migration

    def forget(self, migration_id: str) -> None:
        """The migration changes now, so that it must be read again."""
        if self.migration(migration_id) is not None:
            del self._migrations[migration_id]

    def forget_all(self) -> None:
        """Everything must be read again."""
        self._coming = self.head = None
        for rows in (self._migrations, self.runs, self.waits, self.starts):
            rows.clear()

    def refresh(self, connection: sa.Connection, ids: Collection[str]) -> None:
        """Forget what somebody else may have changed, and ask for those migrations that are not known."""
        mark = database.mark_of_others(connection)
        if mark is None or mark != self._mark or len(self._migrations) > MOST:
            self.forget_all()
        if len(self.numbers) > MOST:
            self.numbers.clear()
        self._mark = mark
        missing = [migration_id for migration_id in ids if migration_id not in self._migrations]
        if missing:
            self._coming = _BY_IDS.ask_all(connection, ids=missing)


def known(connection: sa.Connection) -> Known:
    """What is known here; outside of the writer nothing is, from one call to the next."""
    found: Known | None = connection.info.get(_KNOWN)
    return Known() if found is None else found


@contextmanager
def knowing(connection: sa.Connection) -> Iterator[Known]:
    """What the writer knows, for one transaction from before its begin until after its end.

    It is all forgotten where the transaction fails.
    """
    knowledge: Known = connection.info.setdefault(_KNOWN, Known())
    try:
        yield knowledge
    except BaseException:
        knowledge.forget_all()
        knowledge.numbers.clear()
        raise


def forget_what_core_changes(engine: sa.Engine) -> None:
    """From now on, forget everything where rows are to be changed by other means than our own commands."""

    @event.listens_for(engine, "before_cursor_execute")
    def forget(connection: sa.Connection, _cursor: object, statement: str, *_others: object) -> None:
        if not statement.startswith("SELECT"):
            known(connection).forget_all()
