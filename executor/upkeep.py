"""What is done to the database as a whole: copied to the other kind, backed up, taken to an older schema."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from roadmark.executor.config import Settings
from roadmark.executor.errors import ConfigurationWrong, DatabaseUnusable
from roadmark.executor.instance import InstanceLock
from roadmark.executor.store import database, schema
from roadmark.executor.store.copying import Copied, copy
from roadmark.executor.store.identity import DATABASE
from roadmark.executor.store.urls import place_of, sqlite_url, url_of

KINDS = ("postgresql", "sqlite")
"""Where rows can be copied to."""


def copy_to(settings: Settings, kind: str) -> Copied:
    """Copy the rows from the state directory's file to the database that the settings name, or back.

    No service may work meanwhile. Raises: ConfigurationWrong, StateDirInUse, DatabaseUnusable.
    """
    if not settings.database_url:
        raise ConfigurationWrong("[database] url", "names no database; set it to the one to copy to or from")
    file = settings.state_dir / DATABASE
    server = url_of(settings.state_dir, settings.database_url)
    with _alone(settings, f"roadmark db copy --to {kind}"):
        if kind == "sqlite":
            return _into_file(server, file)
        _refuse_missing(file)
        return copy(sqlite_url(file), server)


def back_up(settings: Settings, file: Path) -> Copied:
    """Copy the rows into a new file of SQLite, also while a service works. Raises: DatabaseUnusable."""
    _refuse_nothing(settings)
    return _into_file(url_of(settings.state_dir, settings.database_url), file)


def downgrade(settings: Settings, revision: str) -> None:
    """Take the schema back to an older revision ("base" for none), while no service works.

    Raises: StateDirInUse, DatabaseUnusable.
    """
    url = url_of(settings.state_dir, settings.database_url)
    _refuse_nothing(settings)
    with _alone(settings, "roadmark db downgrade"):
        engine = database.open_writer(url)
        try:
            schema.downgrade(engine, revision)
        finally:
            engine.dispose()


def revision(settings: Settings) -> str:
    """The revision that the database has; "none" for an empty one. Raises: DatabaseUnusable."""
    _refuse_nothing(settings)
    return database.revision_of(url_of(settings.state_dir, settings.database_url)) or "none"


def place(settings: Settings) -> str:
    """What a person calls the database by."""
    return place_of(url_of(settings.state_dir, settings.database_url))


def _into_file(source: sa.URL, file: Path) -> Copied:
    """Write the file under another name first: what has the name is whole. Nobody else may read it."""
    if file.exists():
        raise DatabaseUnusable(str(file), "is there already; move it away first")
    draft = file.with_name(f"{file.name}.new")
    os.close(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    try:
        copied = copy(source, sqlite_url(draft))
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    return copied


@contextmanager
def _alone(settings: Settings, what: str) -> Iterator[None]:
    """While this holds, no service begins to work on the state directory or the database."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with InstanceLock(settings.state_dir) as lock:
        lock.take(what)
        url = url_of(settings.state_dir, settings.database_url)
        holder = database.open_writer(url)
        try:
            database.hold(holder, url, what)
            yield
        finally:
            holder.dispose()


def _refuse_nothing(settings: Settings) -> None:
    if not settings.database_url:
        _refuse_missing(settings.state_dir / DATABASE)


def _refuse_missing(file: Path) -> None:
    if not file.is_file():
        raise DatabaseUnusable(str(file), "is not there; nothing was ever kept in it")
