"""Reads a state directory beside whoever writes it: no writer, no upgrade, quick to open."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store.database import open_reader, sqlite_url
from roadmark.executor.store.identity import DATABASE, REVISION


class Readable(Protocol):
    """What a reader asks for."""

    def read(self) -> AbstractContextManager[sa.Connection]:
        """A connection with one consistent view of what is committed."""
        ...


class Reading:
    """A database that is only read."""

    def __init__(self, state_dir: Path) -> None:
        """Open it. Raises: DatabaseUnusable where there is none of the present revision."""
        path = state_dir / DATABASE
        if not path.is_file():
            raise DatabaseUnusable(str(path), "is not there yet; 'roadmark serve' or 'roadmark run' makes it")
        self._engine = open_reader(sqlite_url(path))
        self._refuse_other_revisions(path)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection with one consistent view of what is committed."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _refuse_other_revisions(self, path: Path) -> None:
        try:
            with self.read() as connection:
                found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        except sa.exc.DBAPIError as error:
            self.close()
            raise DatabaseUnusable(str(path), f"is no database of Roadmark ({error.orig})") from error
        if found != REVISION:
            self.close()
            why = f"has revision {found}, this Roadmark reads {REVISION}; run 'roadmark db upgrade'"
            raise DatabaseUnusable(str(path), why)
