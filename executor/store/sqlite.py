"""SQLite: WAL, every commit on the disk, one writer.

Facts behind the settings: WAL with synchronous=NORMAL loses acknowledged commits in a power cut, FULL does
not; a deferred BEGIN that reads and then writes ends in "database is locked" under load, so that writing
transactions begin IMMEDIATE.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import sqlalchemy as sa
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store.holding import Hold
from roadmark.executor.store.json_text import text_of
from roadmark.executor.store.mark import ChangeMark
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_BUSY_TIMEOUT_MS = 5_000
_READERS = 8


def open_writer(url: sa.URL) -> sa.Engine:
    """An engine of one connection whose transactions begin IMMEDIATE.

    Raises: DatabaseUnusable where the file cannot be used.
    """
    engine = _create(url, pool_size=1)
    _begin_with(engine, "BEGIN IMMEDIATE")
    _refuse_the_unusable(engine, url)
    return engine


def open_reader(url: sa.URL) -> sa.Engine:
    """An engine for reading, beside the writer; in WAL neither waits for the other."""
    engine = _create(url, pool_size=_READERS)
    _begin_with(engine, "BEGIN")
    return engine


def open_mark(url: sa.URL) -> ChangeMark:
    """The mark of the file."""
    return ChangeMark(open_reader(url), "PRAGMA data_version")


def listen(url: sa.URL, heard: Callable[[], None]) -> Callable[[], None]:
    """Nothing: a file tells nobody."""
    del url, heard
    return lambda: None


def hold(writer: sa.Engine, url: sa.URL, what: str, how: Hold) -> None:
    """Nothing: the file lies in the state directory, and the lock on that says it."""
    del writer, url, what, how


def announce(connection: sa.Connection) -> None:
    """Nothing: a file tells nobody."""
    del connection


def fit_sequence(connection: sa.Connection, table: sa.Table) -> None:
    """Nothing: the next number is the highest one and one more."""
    del connection, table


def is_away(error: Exception) -> bool:
    """Never: there is no server."""
    del error
    return False


def _create(url: sa.URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        json_serializer=text_of,
        connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000},
    )
    event.listen(engine, "connect", _prepare_connection)
    return engine


def _prepare_connection(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """SQLite's own transaction handling is off: SQLAlchemy's `begin` event says how to begin."""
    del record
    assert isinstance(connection, sqlite3.Connection)  # noqa: S101 - the only driver of this module
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-8000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_with(engine: sa.Engine, statement: str) -> None:
    def begin(connection: sa.Connection) -> None:
        connection.connection.cursor().execute(statement)

    event.listen(engine, "begin", begin)


def _refuse_the_unusable(engine: sa.Engine, url: sa.URL) -> None:
    """Begin and give up one writing transaction: what cannot do that must not be served from."""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA quick_check(1)")
            connection.rollback()
    except (sa.exc.DBAPIError, sqlite3.Error) as error:
        engine.dispose()
        where = url.database or str(url)
        why = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        raise DatabaseUnusable(where, f"not a usable SQLite database ({why})") from error


def mark_of_others(connection: sa.Connection) -> object:
    """Another value than last time where another connection has committed meanwhile; asked in a transaction.

    Source: SQLite, "PRAGMA data_version".
    """
    return queue_cursor(connection).value("PRAGMA data_version")


@contextmanager
def queueing(connection: sa.Connection) -> Iterator[None]:
    """Nothing: each answer is there at once."""
    del connection
    yield


def insert_all(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Nothing: SQLite has no trips to save."""
    del connection, table, rows
    return False


def queue_cursor(connection: sa.Connection) -> "_Answered":
    """A cursor that has its whole answer as soon as a statement was carried out."""
    return _Answered(cast(sqlite3.Connection, connection.connection.dbapi_connection))


class _Answered:
    """Holds rows, and no statement: one that is not read to its end would hold the file as it was then."""

    __slots__ = ("_cursor", "_driver", "_rows")

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        self._rows: Iterator[Any] = iter(())

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Carry it out, and read all that it gives."""
        self._cursor = self._driver.execute(statement, parameters)
        self._rows = iter(self._cursor.fetchall())

    def executemany(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        """Carry it out for each."""
        self._cursor = self._driver.executemany(statement, parameters)

    def value(self, question: str) -> object:
        """The answer to a question that has one value."""
        self.execute(question)
        return self.fetchone()[0]

    @property
    def rowcount(self) -> int:
        """How many rows the statement met."""
        return self._cursor.rowcount

    def fetchone(self) -> Any:
        """The next row, or None."""
        return next(self._rows, None)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return list(self._rows)
