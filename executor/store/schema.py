"""Brings a database to the present schema with Alembic, and says which revision it has."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store.database import current_revision
from roadmark.executor.store.urls import place_of

_SCRIPTS = Path(__file__).parent / "alembic"


def head_revision() -> str:
    """The revision that this program needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("no revisions are shipped")
    return revision


def upgrade(engine: sa.Engine) -> None:
    """Bring the database to the head revision; nothing happens where it is there.

    Raises: DatabaseUnusable where the database belongs to another program or to a newer Roadmark.
    """
    where = place_of(engine.url)
    current = current_revision(engine)
    if current is None:
        _refuse_foreign(engine, where)
    elif current == head_revision():
        return
    elif current not in _known_revisions():
        raise DatabaseUnusable(
            where, f"has revision {current}, which is newer than this Roadmark; upgrade Roadmark"
        )
    _run(engine, "upgrade", "head")


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the database back to an earlier revision ("base" for none). Raises: DatabaseUnusable."""
    try:
        _run(engine, "downgrade", revision)
    except CommandError as error:
        raise DatabaseUnusable(place_of(engine.url), f"cannot go back to {revision!r}: {error}") from error


def _run(engine: sa.Engine, way: str, revision: str) -> None:
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        getattr(command, way)(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _known_revisions() -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _refuse_foreign(engine: sa.Engine, where: str) -> None:
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
    if tables:
        raise DatabaseUnusable(where, f"is another program's database (it has the table {tables[0]!r})")
