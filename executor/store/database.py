"""Opens the database: SQLite in WAL with every commit on the disk, or what a URL names.

SQLite facts behind the settings: WAL with synchronous=NORMAL loses acknowledged commits in a power
cut, FULL does not; a deferred BEGIN that reads and then writes ends in "database is locked" under
load, so that writing transactions begin IMMEDIATE.
"""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from roadmark.executor.errors import DatabaseUnusable
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_BUSY_TIMEOUT_MS = 5_000
_READERS = 8


def sqlite_url(path: Path) -> sa.URL:
    """The URL of a database file."""
    return sa.URL.create("sqlite", database=str(path))


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


def current_revision(engine: sa.Engine) -> str | None:
    """The revision of the database; None for an empty one."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        value = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return str(value) if value is not None else None


def _create(url: sa.URL, pool_size: int) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
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
        connection.exec_driver_sql(statement)

    event.listen(engine, "begin", begin)


def _refuse_the_unusable(engine: sa.Engine, url: sa.URL) -> None:
    """Begin and give up one writing transaction: what cannot do that must not be served from."""
    where = url.database or str(url)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA quick_check(1)")
            connection.rollback()
    except sa.exc.DBAPIError as error:
        engine.dispose()
        raise DatabaseUnusable(where, f"not a usable SQLite database ({error.orig})") from error
