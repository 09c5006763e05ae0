"""Copies of a database: the same rows and the same journal, or nothing."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from roadmark.executor import upkeep
from roadmark.executor.clock import SystemClock
from roadmark.executor.config import Settings
from roadmark.executor.errors import ConfigurationWrong, DatabaseUnusable, StateDirInUse
from roadmark.executor.events import Event
from roadmark.executor.instance import InstanceLock
from roadmark.executor.store.database import open_reader, open_writer
from roadmark.executor.store.identity import DATABASE, REVISION
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.store import Store
from roadmark.executor.store.tables import UtcTime, metadata, migration_tracking, task_risks
from roadmark.executor.store.urls import sqlite_url, url_of

from .postgresql import Server

NOW = datetime(2026, 1, 1, 12, 30, 45, 123456, tzinfo=UTC)
ALLOWED = {
    ("tasks", "status"): "in_progress",
    ("migrations", "status"): "waiting",
    ("phase_runs", "state"): "asked",
    ("waits", "kind"): "confirm",
    ("checkpoints", "kind"): "start",
    ("migration_rollback", "state"): "done",
}
"""What the constraints let stand."""
MANY = ("tasks", "migrations", "phase_runs", "attempts")


@pytest.fixture
def settings(postgresql_server: Server, tmp_path: Path) -> Settings:
    (tmp_path / "state").mkdir()
    url = postgresql_server.make_database()
    return Settings(specs=tmp_path, repo=tmp_path, state_dir=tmp_path / "state", database_url=url)


def fill(state_dir: Path, count: int) -> None:
    """A state with `count` migrations, rows in every table, and five journal entries a migration."""
    store = Store(state_dir, SystemClock())
    tables = [table for table in metadata.sorted_tables if table is not migration_tracking]

    def work(transaction: Transaction) -> None:
        for table in tables:
            most = count if table.name in MANY else min(count, 20)
            rows = [a_row(table, number) for number in range(most)]
            transaction.connection.execute(sa.insert(table), rows)
        for number in range(5 * count):
            detail = {"number": number, "share": number / 7, "text": 'ü\0"\\ \u2028', "none": None}
            transaction.record(Event(kind="thing.happened", actor="anna", phase=number % 3, detail=detail))

    store.write(work)
    store.close()


def a_row(table: sa.Table, number: int) -> dict[str, Any]:
    return {column.name: a_value(column, number) for column in table.columns}


def a_value(column: sa.Column[Any], number: int) -> Any:
    fixed = ALLOWED.get((column.table.name, column.name))
    if fixed is not None:
        return fixed
    if column.nullable and number % 3 == 0:
        return None
    match column.type:
        case sa.Boolean():
            return number % 2 == 0
        case sa.Integer():
            return number + 1
        case sa.Float():
            return number / 3
        case UtcTime():
            return NOW + timedelta(microseconds=number, hours=number)
        case sa.JSON():
            return {"number": number, "list": [1.5, None, "ü"], "text": "\u2028'"}
        case _:
            return f"{number:05}-ß'%s"[: getattr(column.type, "length", None) or 100]


def rows_of(url: sa.URL) -> dict[str, list[tuple[Any, ...]]]:
    engine = open_reader(url)
    with engine.connect() as connection:
        rows = {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return rows


@pytest.mark.slow
@pytest.mark.slow
def test_a_state_with_1000_migrations_goes_to_postgresql_and_back_unchanged(settings: Settings) -> None:
    file = settings.state_dir / DATABASE
    fill(settings.state_dir, 1_000)
    before = rows_of(sqlite_url(file))
    there = upkeep.copy_to(settings, "postgresql")
    file.rename(settings.state_dir / "before.db")
    back = upkeep.copy_to(settings, "sqlite")
    assert there == back
    assert there.head.seq == 5_000
    assert len(before["migrations"]) == 1_000
    assert rows_of(url_of(settings.state_dir, settings.database_url)) == before
    assert rows_of(sqlite_url(file)) == before
    for url in ("", settings.database_url):
        store = Store(settings.state_dir, SystemClock(), url)
        assert store.verify_journal() == []
        store.close()


def test_new_rows_get_numbers_behind_those_that_were_copied(settings: Settings) -> None:
    fill(settings.state_dir, 5)
    upkeep.copy_to(settings, "postgresql")
    engine = open_writer(url_of(settings.state_dir, settings.database_url))
    with engine.begin() as connection:
        values = a_row(task_risks, 3)
        del values["id"]
        made = connection.execute(sa.insert(task_risks), values)
        assert made.inserted_primary_key == (6,)
    engine.dispose()


def test_a_journal_that_does_not_hold_is_not_copied(settings: Settings) -> None:
    fill(settings.state_dir, 3)
    engine = open_writer(sqlite_url(settings.state_dir / DATABASE))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE migration_tracking SET actor = 'eve' WHERE seq = 4")
    engine.dispose()
    with pytest.raises(DatabaseUnusable, match="entry 4 was changed"):
        upkeep.copy_to(settings, "postgresql")
    assert not any(rows_of(url_of(settings.state_dir, settings.database_url)).values())


def test_a_database_with_rows_is_not_written_to(settings: Settings) -> None:
    fill(settings.state_dir, 3)
    store = Store(settings.state_dir, SystemClock(), settings.database_url)
    store.record(Event(kind="already.here"))
    store.close()
    with pytest.raises(DatabaseUnusable, match="is not empty: there are rows in migration_tracking"):
        upkeep.copy_to(settings, "postgresql")
    with pytest.raises(DatabaseUnusable, match="is there already"):
        upkeep.copy_to(settings, "sqlite")
    assert len(rows_of(url_of(settings.state_dir, settings.database_url))["migration_tracking"]) == 1


def test_what_cannot_be_taken_is_named_and_nothing_is_kept(settings: Settings) -> None:
    fill(settings.state_dir, 3)
    engine = open_writer(sqlite_url(settings.state_dir / DATABASE))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox SET state = ?", ("far longer than twenty characters",))
    engine.dispose()
    with pytest.raises(DatabaseUnusable, match="cannot take the rows"):
        upkeep.copy_to(settings, "postgresql")
    assert not any(rows_of(url_of(settings.state_dir, settings.database_url)).values())


def test_nothing_is_copied_while_a_service_works(settings: Settings) -> None:
    fill(settings.state_dir, 1)
    with InstanceLock(settings.state_dir) as lock:
        lock.take("roadmark serve")
        with pytest.raises(StateDirInUse, match="roadmark serve"):
            upkeep.copy_to(settings, "postgresql")
    elsewhere = Store(settings.state_dir, SystemClock(), settings.database_url)
    elsewhere.hold("roadmark serve on another host")
    with pytest.raises(DatabaseUnusable, match="another host"):
        upkeep.copy_to(settings, "postgresql")
    elsewhere.close()


def test_without_a_database_named_there_is_nowhere_to_copy_to(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationWrong, match="names no database"):
        upkeep.copy_to(Settings(specs=tmp_path, repo=tmp_path, state_dir=tmp_path), "postgresql")


def test_a_backup_is_whole_while_a_service_writes(database_url: str, tmp_path: Path) -> None:
    settings = Settings(specs=tmp_path, repo=tmp_path, state_dir=tmp_path, database_url=database_url)
    store = Store(tmp_path, SystemClock(), database_url)
    store.hold("roadmark serve")
    for number in range(20):
        store.record(Event(kind=f"event.{number}"))
    copied = upkeep.back_up(settings, tmp_path / "copy.db")
    store.record(Event(kind="after.it"))
    assert (copied.rows, copied.head.seq) == (20, 20)
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    kept = rows_of(sqlite_url(tmp_path / "copy.db"))["migration_tracking"]
    assert sorted(row[0] for row in kept) == list(range(1, 21))
    with pytest.raises(DatabaseUnusable, match="is there already"):
        upkeep.back_up(settings, tmp_path / "copy.db")
    assert not list(tmp_path.glob("copy.db?*"))
    store.close()


def test_nothing_is_made_where_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    settings = Settings(specs=tmp_path, repo=tmp_path, state_dir=tmp_path)
    for ask in (lambda: upkeep.back_up(settings, tmp_path / "copy.db"), lambda: upkeep.revision(settings)):
        with pytest.raises(DatabaseUnusable, match="is not there"):
            ask()
    assert not list(tmp_path.iterdir())


def test_the_schema_goes_back_and_forth(database_url: str, tmp_path: Path) -> None:
    settings = Settings(specs=tmp_path, repo=tmp_path, state_dir=tmp_path, database_url=database_url)
    Store(tmp_path, SystemClock(), database_url).close()
    assert upkeep.revision(settings) == REVISION
    upkeep.downgrade(settings, "0004")
    assert upkeep.revision(settings) == "0004"
    with pytest.raises(DatabaseUnusable, match="cannot go back to '9999'"):
        upkeep.downgrade(settings, "9999")
    Store(tmp_path, SystemClock(), database_url).close()
    assert upkeep.revision(settings) == REVISION


def test_a_database_of_another_revision_is_not_copied(settings: Settings) -> None:
    fill(settings.state_dir, 1)
    upkeep.downgrade(Settings(specs=settings.specs, repo=settings.repo, state_dir=settings.state_dir), "0004")
    with pytest.raises(DatabaseUnusable, match="has revision 0004"):
        upkeep.copy_to(settings, "postgresql")
