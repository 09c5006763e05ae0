"""A mark that changes with every commit of anybody, for caches: asking for it costs microseconds.

Source: SQLite's `PRAGMA data_version`: for one connection the number changes when another connection,
of this process or of another, has committed.
"""

import threading
from pathlib import Path

import sqlalchemy as sa
from roadmark.executor.store.database import open_reader, sqlite_url
from sqlalchemy.engine.interfaces import DBAPICursor


class ChangeMark:
    """Tells whether a database changed since one looked."""

    def __init__(self, path: Path) -> None:
        """Over the database file at `path`; it is opened when the mark is asked for first."""
        self._path = path
        self._lock = threading.Lock()
        self._opened: tuple[sa.Engine, sa.PoolProxiedConnection, DBAPICursor] | None = None

    def value(self) -> int:
        """The present mark; two equal ones mean that nothing was committed in between."""
        with self._lock:
            cursor = self._cursor()
            cursor.execute("PRAGMA data_version")
            (version,) = cursor.fetchone() or (0,)
            return int(version)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._opened is not None:
                engine, connection, cursor = self._opened
                cursor.close()
                connection.close()
                engine.dispose()
                self._opened = None

    def _cursor(self) -> DBAPICursor:
        """The one cursor: the number counts for one connection only."""
        if self._opened is None:
            engine = open_reader(sqlite_url(self._path))
            connection = engine.raw_connection()
            self._opened = (engine, connection, connection.cursor())
        return self._opened[2]
