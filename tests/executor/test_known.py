"""What the writer remembers of a migration from one transaction to the next is what its rows say."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.model import Migration
from roadmark.executor.states import Status
from roadmark.executor.store import tables as t
from roadmark.executor.store.known import known
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.urls import is_sqlite, url_of

from .conftest import Driver


@pytest.fixture
def waiting(driver: Driver) -> Migration:
    """A migration that nobody works on."""
    migration = driver.until(driver.begin(), Status.WAITING)
    driver.service.engine.stop()
    return migration


def changing(migration_id: str, **changes: object) -> Callable[[Transaction], Migration]:
    def change(transaction: Transaction) -> Migration:
        migrations = MigrationRepository(transaction.connection)
        return migrations.change(migrations.get(migration_id), transaction.now, **changes)

    return change


def looking(migration_id: str) -> Callable[[Transaction], Migration]:
    return lambda transaction: MigrationRepository(transaction.connection).get(migration_id)


def remembered(store: Store, migration_id: str) -> Migration | None:
    """The migration as a new transaction knows it before it has read anything."""
    return store.write(lambda transaction: known(transaction.connection).migration(migration_id))


def test_what_was_read_is_remembered_but_not_without_a_bound(
    waiting: Migration, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = driver.service.store
    store.write(looking(waiting.id))
    by_file = is_sqlite(url_of(driver.service.settings.state_dir, driver.service.settings.database_url))
    assert remembered(store, waiting.id) == (waiting if by_file else None)
    monkeypatch.setattr("roadmark.executor.store.known.MOST", 0)
    assert remembered(store, waiting.id) is None


def test_what_another_process_committed_is_read_anew(waiting: Migration, driver: Driver) -> None:
    store, settings = driver.service.store, driver.service.settings
    assert store.write(looking(waiting.id)) == waiting
    other = Store(settings.state_dir, SystemClock(), settings.database_url)
    changed = other.write(changing(waiting.id, reason="from elsewhere"))
    other.close()
    assert store.write(looking(waiting.id)) == changed
    assert store.verify_journal() == []


def test_what_core_changed_is_read_anew(waiting: Migration, driver: Driver) -> None:
    def change(transaction: Transaction) -> Migration:
        given = t.migrations.c.id == waiting.id
        transaction.connection.execute(sa.update(t.migrations).where(given).values(reason="by Core"))
        return MigrationRepository(transaction.connection).get(waiting.id)

    expected = replace(waiting, reason="by Core")
    assert driver.service.store.write(change) == expected
    assert driver.service.store.write(looking(waiting.id)) == expected


def test_a_change_that_was_undone_is_forgotten(waiting: Migration, driver: Driver) -> None:
    def fail(transaction: Transaction) -> None:
        changing(waiting.id, reason="never kept")(transaction)
        raise ValueError("after the change")

    with pytest.raises(ValueError, match="after the change"):
        driver.service.store.write(fail, waiting.id)
    assert driver.service.store.write(looking(waiting.id)) == waiting


def test_a_commit_that_fails_is_forgotten(waiting: Migration, driver: Driver) -> None:
    store = driver.service.store

    def clash(transaction: Transaction) -> None:
        changing(waiting.id, reason="never kept")(transaction)
        transaction.record(Event(kind="thing.happened", task_id="a task of which nothing was kept"))
        for statement in (
            "CREATE TEMP TABLE known (n INTEGER PRIMARY KEY)",
            "CREATE TEMP TABLE named (n INTEGER REFERENCES known (n) DEFERRABLE INITIALLY DEFERRED)",
        ):
            transaction.connection.exec_driver_sql(statement)
        changing(waiting.id, wanted="pause")(transaction)
        transaction.connection.connection.cursor().execute("INSERT INTO named VALUES (1)")

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        store.write(clash)
    assert store.write(looking(waiting.id)) == waiting
    for task_id in ("another task", "a task of which nothing was kept"):
        store.record(Event(kind="thing.happened", task_id=task_id))
    assert store.verify_journal() == []
