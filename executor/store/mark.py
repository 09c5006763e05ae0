"""Tells whether a database changed since one looked, for caches: asking costs microseconds.

Source: SQLite's `PRAGMA data_version`, whose number changes for one connection when another one, of this
process or of another, has committed; PostgreSQL's `pg_current_snapshot()`, another one after each commit.
"""

import threading
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor


class ChangeMark:
    """Asks on one connection of its own, and counts how often the answer was another one."""

    def __init__(self, engine: sa.Engine, question: str) -> None:
        """`engine` connects when the mark is asked for first, and belongs to the mark from now on."""
        self._engine, self._question = engine, question
        self._lock = threading.Lock()
        self._opened: tuple[sa.PoolProxiedConnection, DBAPICursor] | None = None
        self._seen: Any = None
        self._count = 0

    def value(self) -> int:
        """The present mark; two equal ones mean that nothing was committed in between."""
        with self._lock:
            seen = self._asked()
            if seen != self._seen:
                self._seen = seen
                self._count += 1
            return self._count

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._drop()

    def _asked(self) -> Any:
        """The answer; asked once more, on a new connection, where the server went away in the meantime."""
        try:
            return self._ask(self._cursor())
        except Exception:  # noqa: BLE001 - each driver has errors of its own, and the second try tells
            self._drop()
            return self._ask(self._cursor())

    def _ask(self, cursor: DBAPICursor) -> Any:
        cursor.execute(self._question)
        return cursor.fetchone()

    def _cursor(self) -> DBAPICursor:
        """The one cursor: the answers of two connections cannot be compared."""
        if self._opened is None:
            connection = self._engine.raw_connection()
            self._opened = connection, connection.cursor()
            self._seen = None
        return self._opened[1]

    def _drop(self) -> None:
        if self._opened is not None:
            self._opened[0].invalidate()
            self._engine.dispose()
            self._opened = None
