"""How statements reach PostgreSQL: one after the other without waiting for each answer, many rows by one.

Each way to the server and back costs more than most statements do; so what gives no rows is queued, and what
gives some is asked for before it is needed. Source: PostgreSQL, "Pipeline Mode"; docs/decisions/0017.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any, Self, cast

import psycopg
import sqlalchemy as sa
from psycopg.pq import PipelineStatus
from psycopg.sql import SQL, Identifier

Driver = psycopg.Connection[Any]
"""A connection as the driver has it."""

_NUL = "\\u0000"
"""As JSON has the character that PostgreSQL cannot hold."""


@contextmanager
def queueing(connection: sa.Connection) -> Iterator[None]:
    """Until its end, what goes through a `queue_cursor` is sent at once, and its answer is not waited for.

    Source: PostgreSQL, "Pipeline Mode"; the answers come with the next that is waited for.
    """
    with driver_of(connection).pipeline():
        yield


def queue_cursor(connection: sa.Connection) -> "Cursor":
    """A cursor that waits for an answer when rows are fetched, and not before."""
    return Cursor(driver_of(connection))


def insert_all(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    """New rows, all naming the same columns, by one statement: one for each would take much longer.

    False, and nothing done, where JSON has no word for one of the values.
    Source: PostgreSQL, "JSON Functions and Operators".
    """
    try:
        values = json.dumps([dict(row) for row in rows], allow_nan=False, ensure_ascii=False, default=_moment)
    except ValueError:
        return False
    if _NUL in values:
        return False
    queue_cursor(connection).execute(_insertion(table, tuple(rows[0])), [values])
    return True


@cache
def _insertion(table: sa.Table, columns: tuple[str, ...]) -> bytes:
    names = SQL(", ").join(map(Identifier, columns))
    known = SQL("INSERT INTO {0} ({1}) SELECT {1} FROM json_populate_recordset(NULL::{0}, %s::json)")
    return known.format(Identifier(table.name), names).as_bytes(None)


def _moment(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat()
    raise ValueError(f"JSON has no word for a {type(value).__name__}")


class Cursor(psycopg.Cursor[Any]):
    """A cursor that takes any text."""

    def execute(self, query: Any, params: Any = None, **named: Any) -> Self:
        """Carry it out, with a mark where the one character stood that cannot be held."""
        try:
            return super().execute(query, params, **named)
        except psycopg.DataError as error:
            if error.sqlstate is not None or params is None:
                raise
            return super().execute(query, _held(params), **named)

    def executemany(self, query: Any, params_seq: Iterable[Any], **named: Any) -> None:
        """Carry it out for each; with the same mark, whether it is needed or not."""
        super().executemany(query, [_held(params) for params in params_seq], **named)


class Prompt(Cursor):
    """A cursor that has its answer as soon as a statement was sent, also where others are queued."""

    def execute(self, query: Any, params: Any = None, **named: Any) -> Self:
        """Carry it out, and wait."""
        super().execute(query, params, **named)
        self._wait()
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **named: Any) -> None:
        """Carry all of them out, and wait."""
        super().executemany(query, params_seq, **named)
        self._wait()

    def _wait(self) -> None:
        if self.connection.info.pipeline_status is not PipelineStatus.OFF:
            with self.connection.pipeline():
                pass


def _held(params: Any) -> Any:
    """The parameters with text as it can be held."""
    if isinstance(params, Mapping):
        return {name: _held_value(value) for name, value in params.items()}
    return [_held_value(value) for value in params]


def _held_value(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_held_value(part) for part in value]
        case _:
            return value


def driver_of(connection: sa.Connection) -> Driver:
    return cast(Driver, connection.connection.driver_connection)
