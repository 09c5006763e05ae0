"""The schema: the revisions lead to the tables, back again, and foreign files are left alone."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from roadmark.executor.clock import SystemClock
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.events import Event
from roadmark.executor.states import Status
from roadmark.executor.store import schema
from roadmark.executor.store.database import current_revision, open_writer
from roadmark.executor.store.identity import DATABASE, REVISION
from roadmark.executor.store.reading import Reading
from roadmark.executor.store.store import Store
from roadmark.executor.store.tables import metadata
from roadmark.executor.store.urls import sqlite_url


def test_the_revisions_lead_to_exactly_the_tables(tmp_path: Path) -> None:
    engine = open_writer(sqlite_url(tmp_path / "fresh.db"))
    schema.upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        made = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master")}
    engine.dispose()
    for table in metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, sa.CheckConstraint):
                assert str(constraint.sqltext) in made[table.name]


def test_every_revision_has_a_way_back(tmp_path: Path) -> None:
    engine = open_writer(sqlite_url(tmp_path / "fresh.db"))
    schema.upgrade(engine)
    schema.downgrade(engine, "base")
    assert set(sa.inspect(engine).get_table_names()) <= {"alembic_version"}
    engine.dispose()


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    engine = open_writer(sqlite_url(tmp_path / "fresh.db"))
    schema.upgrade(engine)
    schema.upgrade(engine)
    assert current_revision(engine) == schema.head_revision()
    engine.dispose()


def test_the_database_itself_refuses_an_unknown_status(tmp_path: Path) -> None:
    store = Store(tmp_path, SystemClock())
    store.close()
    connection = sqlite3.connect(tmp_path / DATABASE)
    statement = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'migrations'").fetchone()[0]
    connection.close()
    assert all(f"'{status}'" in statement for status in Status)


@pytest.mark.parametrize(
    "content", [b"this is no database at all, whatever its name says", b"SQLite format 3\0" + b"x" * 200]
)
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(DatabaseUnusable, match="not a usable SQLite database"):
        Store(tmp_path, SystemClock())
    assert (tmp_path / DATABASE).read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("CREATE TABLE accounts (id INTEGER)")
    connection.commit()
    connection.close()
    with pytest.raises(DatabaseUnusable, match="another program's database"):
        Store(tmp_path, SystemClock())


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    Store(tmp_path, SystemClock()).close()
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(DatabaseUnusable, match="newer than this Roadmark"):
        Store(tmp_path, SystemClock())


def test_the_revision_that_is_read_is_the_last_one_that_is_shipped() -> None:
    assert schema.head_revision() == REVISION


def test_a_reader_sees_what_is_committed_and_writes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path, SystemClock())
    store.record(Event(kind="thing.happened"))
    source = Reading(tmp_path)
    with source.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM migration_tracking").scalar() == 1
    source.close()
    store.close()


def test_a_reader_of_nothing_or_of_another_revision_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match="roadmark serve"):
        Reading(tmp_path)
    Store(tmp_path, SystemClock()).close()
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.commit()
    connection.close()
    with pytest.raises(DatabaseUnusable, match="db upgrade"):
        Reading(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(DatabaseUnusable, match="no database of Roadmark"):
        Reading(tmp_path)


def test_the_texts_of_specs_move_to_a_table_of_their_own_and_back(tmp_path: Path) -> None:
    engine = open_writer(sqlite_url(tmp_path / "old.db"))
    schema.upgrade(engine)
    schema.downgrade(engine, "0005")
    columns = ("id", "task_id", "status", "agent", "spec_sha256", "spec_content", "started_by", "policy")
    others = ("phase", "phase_count", "attempt", "fence", "version", "start_confirmed")
    moments = ("created_at", "updated_at")
    names = ", ".join((*columns, *others, *moments))
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        for number, text in enumerate(("one", "one", "two")):
            words = f"'{number}', 't', 'failed', 'a', 'hash of {text}', '{text}', 'anna', '{{}}'"
            values = f"{words}, 1, 1, 1, 1, 1, 1, '2026-01-01', '2026-01-01'"
            connection.exec_driver_sql(f"INSERT INTO migrations ({names}) VALUES ({values})")
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql(_A_TASK)
    schema.upgrade(engine)
    with engine.connect() as connection:
        kept = list(connection.exec_driver_sql("SELECT sha256, content FROM pinned_specs ORDER BY sha256"))
    assert kept == [("hash of one", "one"), ("hash of two", "two")]
    schema.downgrade(engine, "0005")
    with engine.connect() as connection:
        back = list(connection.exec_driver_sql("SELECT id, spec_content FROM migrations ORDER BY id"))
    assert back == [("0", "one"), ("1", "one"), ("2", "two")]
    engine.dispose()


_A_TASK = """
INSERT INTO tasks (id, project_id, title, description, type, priority, status, source_type, source_path,
    source_content, metadata, format, content_sha256, revision, executable, automation_level,
    confirmation_required, max_attempts, git_branch_required, new_chat_required, context, sections,
    created_at, updated_at)
VALUES ('t', 'p', 't', '', 'feature', 'low', 'failed', 'markdown_doc', 't.md', '', '{}', 'roadmap', 'x', 1, 1,
    'semi_auto', 1, 3, 1, 1, '{}', '{}', '2026-01-01', '2026-01-01')
"""
