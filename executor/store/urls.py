"""Where a database is, as a URL, and what a person calls it by."""

from pathlib import Path

import sqlalchemy as sa
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.store.identity import DATABASE

_SCHEMES = ("postgresql", "postgres")


def url_of(state_dir: Path, named: str) -> sa.URL:
    """Where the rows are: the PostgreSQL database that is named, else the file in the state directory.

    Raises: ConfigurationWrong. It repeats nothing of the URL, which may hold a password.
    """
    if not named:
        return sqlite_url(state_dir / DATABASE)
    try:
        url = sa.make_url(named)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _SCHEMES or not url.database:
        raise ConfigurationWrong("[database] url", "must be as postgresql://USER@HOST:5432/DATABASE")
    return url.set(drivername="postgresql+psycopg")


def conninfo_of(url: sa.URL) -> str:
    """The URL of a PostgreSQL database as its own library reads it, with the password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def sqlite_url(path: Path) -> sa.URL:
    """The URL of a database file."""
    return sa.URL.create("sqlite", database=str(path))


def is_sqlite(url: sa.URL) -> bool:
    """Whether it is a file of SQLite."""
    return url.get_backend_name() == "sqlite"


def place_of(url: sa.URL) -> str:
    """What a person calls the database by, without a user or a password."""
    if is_sqlite(url):
        return url.database or ""
    host = url.host or url.query.get("host") or "localhost"
    return f"postgresql://{host}:{url.port or 5432}/{url.database}"
