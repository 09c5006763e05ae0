"""How statements reach PostgreSQL: one after the other without waiting for each answer, many rows by one.

Each way to the server and back costs more than most statements do; so what gives no rows is queued, and what
gives some is asked for before it is needed. Source: PostgreSQL, "Pipeline Mode"; docs/decisions/0017.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Self, cast

import psycopg
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier
from roadmark.executor.store.statement_queue import Sent, StatementQueue, held

_NUL = "\\u0000"
"""As JSON has the character that PostgreSQL cannot hold."""


class Driver(psycopg.Connection[Any]):
    """A connection as the driver has it, with the queue of its statements."""

    is_queueing = False

    @cached_property
    def queue(self) -> StatementQueue:
        """The queue, made once it is known how values are written here."""
        return StatementQueue(self)


@contextmanager
def queueing(connection: sa.Connection) -> Iterator[None]:
    """Until its end, what goes through a `queue_cursor` is sent, and its answer is not waited for.

    So are the transaction's own begin and end, where they lie within; the end waits for everything.
    """
    driver = driver_of(connection)
    driver.is_queueing = True
    try:
        yield
        driver.queue.settle()
    except BaseException:
        driver.queue.abandon()
        raise
    finally:
        driver.is_queueing = False


def begin(connection: sa.Connection, first: str) -> None:
    """Begin a transaction with this statement, which is on its way to the server then."""
    driver = driver_of(connection)
    if driver.is_queueing:
        driver.queue.send("BEGIN")
    queue_cursor(connection).execute(first)
    driver.queue.push()


def commit(connection: sa.Connection) -> None:
    """Commit what was queued, in one go with what is still on its way; nothing is left to the driver then."""
    driver = driver_of(connection)
    if not driver.is_queueing:
        return
    driver.queue.send("COMMIT")
    try:
        driver.queue.settle()
    except psycopg.Error as error:
        raise sa.exc.DBAPIError.instance("COMMIT", (), error, psycopg.Error) from error


def abandon(connection: sa.Connection) -> None:
    """Let the driver undo the transaction."""
    driver_of(connection).queue.abandon()


def queue_cursor(connection: sa.Connection) -> "Cursor | QueueCursor":
    """A cursor that waits for an answer when that is asked for, and not before, while there is `queueing`."""
    driver = driver_of(connection)
    return QueueCursor(driver.queue) if driver.is_queueing else Cursor(driver)


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


class QueueCursor:
    """A cursor on the queue: what it sends is answered when rows, or their number, are asked for."""

    def __init__(self, queue: StatementQueue) -> None:
        self._queue = queue
        self._sent = Sent()
        self._rows: Iterator[tuple[Any, ...]] | None = None

    def execute(self, query: str | bytes, params: Sequence[Any] = ()) -> None:
        """Send a statement."""
        self._sent = self._queue.send(query, params)

    def executemany(self, query: str | bytes, params_seq: Iterable[Sequence[Any]]) -> None:
        """Send it for each."""
        for params in params_seq:
            self._queue.send(query, params)

    @property
    def rowcount(self) -> int:
        """How many rows the statement met."""
        return self._queue.count(self._sent)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or None."""
        return next(self._answered(), None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        return list(self._answered())

    def _answered(self) -> Iterator[tuple[Any, ...]]:
        if self._rows is None:
            self._rows = iter(self._queue.rows(self._sent))
        return self._rows


class Cursor(psycopg.Cursor[Any]):
    """A cursor that takes any text, and has its answer at once, also where statements are queued."""

    def execute(self, query: Any, params: Any = None, **named: Any) -> Self:
        """Carry it out, with a mark where the one character stood that cannot be held."""
        self._settle()
        try:
            return super().execute(query, params, **named)
        except psycopg.DataError as error:
            if error.sqlstate is not None or params is None:
                raise
            return super().execute(query, held(params), **named)

    def executemany(self, query: Any, params_seq: Iterable[Any], **named: Any) -> None:
        """Carry it out for each; with the same mark, whether it is needed or not."""
        self._settle()
        super().executemany(query, [held(params) for params in params_seq], **named)

    def _settle(self) -> None:
        cast(Driver, self.connection).queue.settle()


def driver_of(connection: sa.Connection) -> Driver:
    return cast(Driver, connection.connection.driver_connection)
