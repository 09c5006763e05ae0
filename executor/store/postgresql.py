"""PostgreSQL: what it needs that the rest of the store, written for one writer and SQLite, takes for granted.

- One writer: a writing transaction takes an advisory lock first and holds it until it is committed, in
  whatever process it is. So each sees what the one before it did, and the journal's chain has one end. Group
  commit makes that cheap: the lock is held once for all that waited.
- Durable: `synchronous_commit` is on, also where the server's configuration turned it off.
- Told: a transaction with journal entries notifies those who listen, in whatever process they are.
- One view: a reading transaction is REPEATABLE READ, and cannot write.
- Any text: the character NUL, which PostgreSQL cannot hold, is kept as U+FFFD, and NaN in JSON as null.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

import psycopg
import sqlalchemy as sa
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store import pipeline
from roadmark.executor.store.announcements import CHANNEL, Announcements
from roadmark.executor.store.holding import Hold
from roadmark.executor.store.mark import ChangeMark
from roadmark.executor.store.pipeline import Cursor, Driver, queue_cursor
from roadmark.executor.store.pipeline import insert_all as insert_all
from roadmark.executor.store.pipeline import queueing as queueing
from roadmark.executor.store.urls import place_of
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_READERS = 8
_OLDEST = 130000
"""PostgreSQL 13, as the server counts."""

_WRITER = 7_016_995_171
_SERVICE = 7_016_995_172
_SPECS = 7_016_995_173
"""Keys of advisory locks, which count within one database; numbers without a meaning."""

_ALONE, _TOGETHER = "pg_try_advisory_lock", "pg_try_advisory_lock_shared"
_LOCKS: Mapping[Hold, tuple[tuple[str, int], ...]] = {
    Hold.ALONE: ((_ALONE, _SERVICE),),
    Hold.SERVING: ((_TOGETHER, _SERVICE), (_ALONE, _SPECS)),
    Hold.WORKING: ((_TOGETHER, _SERVICE),),
}

_CONNECTED = {
    "connect_timeout": 10,
    "application_name": "roadmark",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""What the URL may say otherwise. A server that vanished is noticed within half a minute."""

_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
_AWAY = frozenset({"57P01", "57P02", "57P03"})
"""What a server says of itself that is shut down, crashed, or is not ready yet.

Source: PostgreSQL, appendix "PostgreSQL Error Codes", class 57.
"""

_HOLDER = """
SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
WHERE locktype = 'advisory' AND granted AND datname = current_database()
AND (classid::bigint << 32) + objid::bigint = %s
"""


def open_writer(url: sa.URL) -> sa.Engine:
    """An engine of one connection; its transactions wait for those of every other writer.

    Raises: DatabaseUnusable where there is no such database, or none that will do.
    """
    engine = _create(url, pool_size=1, pool_pre_ping=False)
    event.listen(engine, "connect", _prepare_by_the_queue)
    event.listen(engine, "connect", _make_durable)
    event.listen(engine, "checkout", _refuse_the_broken)
    event.listen(engine, "begin", _wait_for_the_writers)
    event.listen(engine, "commit", pipeline.commit)
    event.listen(engine, "rollback", pipeline.abandon)
    _refuse_the_unusable(engine, url)
    return engine


def open_reader(url: sa.URL) -> sa.Engine:
    """An engine for reading; it waits for nobody."""
    engine = _create(url, pool_size=_READERS)
    event.listen(engine, "connect", _only_read)
    return engine


def open_mark(url: sa.URL) -> ChangeMark:
    """The mark: what is visible now. Commits to other databases of the server change it as well."""
    return ChangeMark(_open_plain(url, "roadmark: mark"), "SELECT pg_current_snapshot()::text")


def listen(url: sa.URL, heard: Callable[[], None]) -> Callable[[], None]:
    """Hear of commits, over a connection of its own."""
    engine = _create(url, pool_size=1, application_name="roadmark: announcements")

    def connect() -> Driver:
        pooled = engine.raw_connection()
        connection = cast(Driver, pooled.driver_connection)
        pooled.detach()
        return connection

    announcements = Announcements(connect, heard)
    announcements.start()
    return announcements.stop


def hold(writer: sa.Engine, url: sa.URL, what: str, how: Hold) -> None:
    """Take the database as `what`, with the writer's own connection and with each that comes after it.

    So a service that lost the database to another one, while the server was away, cannot write any more.
    Raises: DatabaseUnusable; later it is raised by what wants to write.
    """

    def take(connection: Driver) -> None:
        held = next((key for lock, key in _LOCKS[how] if not _get(connection, lock, key)), None)
        if held is None:
            connection.execute("SELECT set_config('application_name', %s, false)", [what[:63]])
            connection.commit()
            return
        (holder,) = connection.execute(_HOLDER, [held]).fetchone() or ("another service",)
        connection.execute("SELECT pg_advisory_unlock_all()")
        connection.rollback()
        raise DatabaseUnusable(place_of(url), f"is in use by {holder}; stop that service first")

    def take_again(connection: Driver, record: ConnectionPoolEntry) -> None:
        del record
        try:
            take(connection)
        except Exception:
            connection.close()
            raise

    with writer.connect() as pooled:
        take(cast(Driver, pooled.connection.driver_connection))
    event.listen(writer, "connect", take_again)
    event.listen(writer, "close", _let_go)


def announce(connection: sa.Connection) -> None:
    """Notify those who listen, once the transaction is committed."""
    queue_cursor(connection).execute(f"NOTIFY {CHANNEL}")


def _let_go(connection: Driver, record: ConnectionPoolEntry) -> None:
    """Give the database back at once: the server drops the locks some time after a connection was closed."""
    del record
    with suppress(psycopg.Error):
        connection.execute("SELECT pg_advisory_unlock_all()")


def _get(connection: Driver, lock: str, key: int) -> bool:
    return connection.execute(f"SELECT {lock}(%s)", [key]).fetchone() == (True,)


def fit_sequence(connection: sa.Connection, table: sa.Table) -> None:
    """Move the table's sequence behind its highest number, where it has one."""
    column = table.autoincrement_column
    if column is None:
        return
    highest = connection.execute(sa.select(sa.func.max(column))).scalar()
    if highest is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(sa.select(sa.func.setval(sequence, highest)))


def mark_of_others(connection: sa.Connection) -> object:
    """None: asking whether others have committed would be a way to the server and back."""
    del connection
    return None


def is_away(error: Exception) -> bool:
    """Whether a connection broke, or the server ends, begins, or is not there."""
    known = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if not isinstance(known, psycopg.OperationalError):
        return False
    return known.sqlstate is None or known.sqlstate.startswith("08") or known.sqlstate in _AWAY


def _create(url: sa.URL, pool_size: int, *, pool_pre_ping: bool = True, **connected: str) -> sa.Engine:
    named = {name: to for name, to in (_CONNECTED | connected).items() if name not in url.query}
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=pool_pre_ping,  # also a connection that broke while nobody used it is made anew
        json_serializer=_json,
        paramstyle="format",
        connect_args={"cursor_factory": Cursor} | named,
    )
    event.listen(engine, "do_connect", _connect)
    return engine


def _connect(
    dialect: sa.Dialect, record: ConnectionPoolEntry, arguments: Sequence[Any], named: Mapping[str, Any]
) -> Driver:
    del dialect, record
    return Driver.connect(*arguments, **named)


def _open_plain(url: sa.URL, name: str) -> sa.Engine:
    """An engine of one connection, each statement of which is a transaction; the server lists `name`."""
    engine = _create(url, pool_size=1, application_name=name)
    event.listen(engine, "connect", _commit_each)
    return engine


def _prepare_by_the_queue(connection: Driver, record: ConnectionPoolEntry) -> None:
    """Only: what the driver prepares by itself it drops with every other prepared statement."""
    del record
    connection.prepare_threshold = None


def _make_durable(connection: Driver, record: ConnectionPoolEntry) -> None:
    """A server that is told to wait for more than its own disk is left at that."""
    del record
    connection.execute(_DURABLE)
    connection.commit()


def _only_read(connection: Driver, record: ConnectionPoolEntry) -> None:
    del record
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def _commit_each(connection: Driver, record: ConnectionPoolEntry) -> None:
    del record
    connection.autocommit = True


def _wait_for_the_writers(connection: sa.Connection) -> None:
    pipeline.begin(connection, f"SELECT pg_advisory_xact_lock({_WRITER})")


def _refuse_the_broken(connection: Driver, record: ConnectionPoolEntry, proxy: object) -> None:
    """Have a connection that broke made anew; one that breaks later fails what it is used for."""
    del record, proxy
    if connection.closed:
        raise sa.exc.DisconnectionError


def _json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value))


def _finite(value: Any) -> Any:
    """The value with null for each number that JSON does not know."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(part) for key, part in value.items()}
        case list() | tuple():
            return [_finite(part) for part in value]
        case _:
            return value


def _refuse_the_unusable(engine: sa.Engine, url: sa.URL) -> None:
    """Look at the server before anything is written to it."""
    try:
        with engine.connect() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
            version = int(connection.exec_driver_sql("SHOW server_version_num").scalar() or 0)
    except sa.exc.DBAPIError as error:
        engine.dispose()
        why = str(error.orig).strip().partition("\n")[0]
        raise DatabaseUnusable(place_of(url), f"cannot be used ({why})") from error
    if encoding == "UTF8" and version >= _OLDEST:
        return
    engine.dispose()
    needed = "PostgreSQL 13 or newer, and the encoding UTF8, are needed"
    raise DatabaseUnusable(place_of(url), f"has the version {version} and the encoding {encoding}; {needed}")
