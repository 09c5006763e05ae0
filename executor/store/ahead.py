"""Migrations as they are in the transaction of a batch: read in one question, and known after each change.

While the transaction lasts nobody else writes. So what it read, and changed itself, need not be read again.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from roadmark.executor.model import Migration
from roadmark.executor.store import tables as t
from roadmark.executor.store.statements import Answer, Query
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

_STRINGS = sa.JSON().with_variant(postgresql.ARRAY(sa.String), "postgresql")
_AHEAD = "roadmark.ahead"


class _Among(sa.ColumnElement[bool]):
    """Whether a column is one of the strings of the parameter."""

    inherit_cache = False
    type = sa.Boolean()
    _is_implicitly_boolean = True

    def __init__(self, column: sa.Column[str], parameter: str) -> None:
        self.column = column
        self.strings = sa.bindparam(parameter, type_=_STRINGS)


@compiles(_Among)
def _among_in_sqlite(among: _Among, compiler: SQLCompiler, **named: Any) -> str:
    listed = sa.func.json_each(among.strings).table_valued("value")
    return str(compiler.process(among.column.in_(sa.select(listed.c.value)), **named))


@compiles(_Among, "postgresql")
def _among_in_postgresql(among: _Among, compiler: SQLCompiler, **named: Any) -> str:
    return str(compiler.process(among.column == sa.any_(among.strings), **named))


_BY_IDS = Query(Migration, sa.select(t.migrations).where(_Among(t.migrations.c.id, "ids")))


class _Ahead:
    """What was asked for, once it is there, and what was noted since."""

    def __init__(self, answer: Answer[list[Migration]]) -> None:
        self._answer = answer

    @cached_property
    def known(self) -> dict[str, Migration]:
        """The migrations by their ids."""
        return {migration.id: migration for migration in self._answer()}


@contextmanager
def reading_ahead(connection: sa.Connection, ids: Collection[str]) -> Iterator[None]:
    """Until its end, which is that of the transaction, these migrations are `known`."""
    asked = _BY_IDS.ask_all(connection, ids=list(ids)) if ids else list
    connection.info[_AHEAD] = _Ahead(asked)
    try:
        yield
    finally:
        connection.info.pop(_AHEAD, None)


def known(connection: sa.Connection, migration_id: str) -> Migration | None:
    """The migration as it is in this transaction, where that is known."""
    ahead = connection.info.get(_AHEAD)
    return None if ahead is None else ahead.known.get(migration_id)


def note(connection: sa.Connection, migration: Migration) -> None:
    """The migration is like this now: it was read, or changed."""
    ahead = connection.info.get(_AHEAD)
    if ahead is not None:
        ahead.known[migration.id] = migration


def forget(connection: sa.Connection, migration_id: str) -> None:
    """The migration changes now, so that it must be read again."""
    ahead = connection.info.get(_AHEAD)
    if ahead is not None:
        ahead.known.pop(migration_id, None)


def forget_all(connection: sa.Connection) -> None:
    """A part of the transaction was undone, so that everything must be read again."""
    ahead = connection.info.get(_AHEAD)
    if ahead is not None:
        ahead.known.clear()
