"""Opens the database: a file of SQLite in the state directory, or the PostgreSQL database that a URL names.

What differs between the two is in sqlite.py and postgresql.py, and nowhere else. The latter and its driver
are imported where a URL asks for them and not before.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, Protocol, cast

import sqlalchemy as sa
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store import sqlite
from roadmark.executor.store.holding import Hold
from roadmark.executor.store.mark import ChangeMark
from roadmark.executor.store.urls import place_of


class _Kind(Protocol):
    """What the module of a kind of database has."""

    def open_writer(self, url: sa.URL) -> sa.Engine: ...

    def open_reader(self, url: sa.URL) -> sa.Engine: ...

    def open_mark(self, url: sa.URL) -> ChangeMark: ...

    def listen(self, url: sa.URL, heard: Callable[[], None]) -> Callable[[], None]: ...

    def hold(self, writer: sa.Engine, url: sa.URL, what: str, how: Hold) -> None: ...

    def announce(self, connection: sa.Connection) -> None: ...

    def mark_of_others(self, connection: sa.Connection) -> object: ...

    def queueing(self, connection: sa.Connection) -> AbstractContextManager[None]: ...

    def queue_cursor(self, connection: sa.Connection) -> Any: ...

    def insert_all(
        self, connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]
    ) -> bool: ...

    def fit_sequence(self, connection: sa.Connection, table: sa.Table) -> None: ...

    def is_away(self, error: Exception) -> bool: ...


def open_writer(url: sa.URL) -> sa.Engine:
    """An engine of one connection for writing; its transactions wait for those of every other writer.

    Raises: DatabaseUnusable.
    """
    return _kind_of(url).open_writer(url)


def open_reader(url: sa.URL) -> sa.Engine:
    """An engine for reading beside the writers: each transaction has one view, and neither waits."""
    return _kind_of(url).open_reader(url)


def open_mark(url: sa.URL) -> ChangeMark:
    """The mark of the database; nothing is opened before it is asked for."""
    return _kind_of(url).open_mark(url)


def listen(url: sa.URL, heard: Callable[[], None]) -> Callable[[], None]:
    """Have `heard` called, on a thread of its own, after commits that any process announced.

    What is given back ends it. It is a hint and no promise: who needs to know looks at the mark as well.
    """
    return _kind_of(url).listen(url, heard)


def hold(writer: sa.Engine, url: sa.URL, what: str, how: Hold = Hold.ALONE) -> None:
    """Take the database as `what`, for example the address that is served, until the writer is disposed of.

    It is let go of with the process at the latest. Raises: DatabaseUnusable where a service has it.
    """
    _kind_of(url).hold(writer, url, what, how)


def announce(connection: sa.Connection) -> None:
    """Have those who `listen` told of this transaction, once it is committed."""
    _kind_named(connection.dialect.name).announce(connection)


def mark_of_others(connection: sa.Connection) -> object:
    """A value that is another one where somebody else has committed since it was asked for; None: unknown."""
    return _kind_named(connection.dialect.name).mark_of_others(connection)


def queueing(connection: sa.Connection) -> AbstractContextManager[None]:
    """Until its end, what goes through a `queue_cursor` need not be answered before what comes next."""
    return _kind_named(connection.dialect.name).queueing(connection)


def queue_cursor(connection: sa.Connection) -> Any:
    """A driver's cursor whose failures may show with a later statement of the same transaction."""
    return _kind_named(connection.dialect.name).queue_cursor(connection)


def insert_all(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    """New rows by one statement, queued, where the database has one; whether it was done."""
    return _kind_named(connection.dialect.name).insert_all(connection, table, rows)


def fit_sequence(connection: sa.Connection, table: sa.Table) -> None:
    """Have the numbers that the database gives new rows go on behind those that were written with theirs."""
    _kind_of(connection.engine.url).fit_sequence(connection, table)


def is_away(url: sa.URL, error: Exception) -> bool:
    """Whether the error says that the database's server is away: it may be there again in a moment."""
    return _kind_of(url).is_away(error)


def revision_of(url: sa.URL) -> str | None:
    """The revision of the database there, which is left as it is. Raises: DatabaseUnusable."""
    engine = open_reader(url)
    try:
        return current_revision(engine)
    except sa.exc.DBAPIError as error:
        why = str(error.orig).partition("\n")[0]
        raise DatabaseUnusable(place_of(url), f"cannot be read ({why})") from error
    finally:
        engine.dispose()


def current_revision(engine: sa.Engine) -> str | None:
    """The revision of the database; None for an empty one."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        value = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return str(value) if value is not None else None


def _kind_of(url: sa.URL) -> _Kind:
    try:
        return _kind_named(url.get_backend_name())
    except ModuleNotFoundError as error:
        raise DatabaseUnusable(place_of(url), "needs a driver: pip install 'roadmark[postgres]'") from error


@cache
def _kind_named(backend: str) -> _Kind:
    """Remembered: it is asked for with every statement."""
    if backend == "sqlite":
        return sqlite
    return cast(_Kind, importlib.import_module("roadmark.executor.store.postgresql"))
