"""Reads a state directory beside whoever writes it: no writer, no upgrade, quick to open."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store.database import open_reader
from roadmark.executor.store.identity import REVISION
from roadmark.executor.store.urls import is_sqlite, place_of, url_of


class Readable(Protocol):
    """What a reader asks for."""

    def read(self) -> AbstractContextManager[sa.Connection]:
        """A connection with one consistent view of what is committed."""
        ...


class Reading:
    """A database that is only read."""

    def __init__(self, state_dir: Path, database_url: str = "") -> None:
        """Open it. Raises: DatabaseUnusable where there is none of the present revision."""
        url = url_of(state_dir, database_url)
        self._place = place_of(url)
        if is_sqlite(url) and not Path(self._place).is_file():
            raise DatabaseUnusable(
                self._place, "is not there yet; 'roadmark serve' or 'roadmark run' makes it"
            )
        self._engine = open_reader(url)
        self._refuse_other_revisions()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection with one consistent view of what is committed."""
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _refuse_other_revisions(self) -> None:
        try:
            with self.read() as connection:
                found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        except sa.exc.DBAPIError as error:
            self.close()
            raise DatabaseUnusable(self._place, f"is no database of Roadmark ({error.orig})") from error
        if found != REVISION:
            self.close()
            why = f"has revision {found}, this Roadmark reads {REVISION}; run 'roadmark db upgrade'"
            raise DatabaseUnusable(self._place, why)
