"""What PostgreSQL needs of its own: who may write when, what text it takes, what is said without it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from roadmark.executor.clock import SystemClock
from roadmark.executor.errors import ConfigurationWrong, DatabaseAway, DatabaseUnusable
from roadmark.executor.events import Event
from roadmark.executor.store import schema
from roadmark.executor.store.database import open_mark, open_reader, open_writer
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.statements import insert_into
from roadmark.executor.store.store import Store
from roadmark.executor.store.tables import hook_receipts, metadata
from roadmark.executor.store.urls import url_of

from .postgresql import Server


@pytest.fixture
def url(postgresql_server: Server) -> str:
    return postgresql_server.make_database()


@pytest.fixture
def store(url: str, tmp_path: Path):  # type: ignore[no-untyped-def]
    opened = Store(tmp_path, SystemClock(), url)
    yield opened
    opened.close()


def test_the_revisions_lead_to_exactly_the_tables_and_back(url: str, tmp_path: Path) -> None:
    engine = open_writer(url_of(tmp_path, url))
    schema.upgrade(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    schema.downgrade(engine, "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_writer_waits_for_the_writer_of_another_program(url: str, tmp_path: Path) -> None:
    first, second = Store(tmp_path, SystemClock(), url), Store(tmp_path, SystemClock(), url)
    inside, gate = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> None:
        transaction.record(Event(kind="first.wrote"))
        transaction.connection.execute(sa.select(1))  # answered once the lock is taken, and not before
        inside.set()
        gate.wait(60)

    held = first.submit(hold)
    assert inside.wait(10)
    waiting = second.submit(lambda transaction: transaction.record(Event(kind="second.wrote")))
    with pytest.raises(TimeoutError):
        waiting.result(0.3)
    gate.set()
    held.result(), waiting.result()
    assert [entry.kind for entry in second.journal_after(0, 9)] == ["first.wrote", "second.wrote"]
    assert second.verify_journal() == []
    first.close(), second.close()


def test_text_with_the_character_that_it_cannot_hold_is_kept(store: Store) -> None:
    store.record(Event(kind="odd.text", actor="an\0na", detail={"said": "a\0b"}))
    (entry,) = store.journal_after(0, 1)
    assert (entry.actor, entry.detail) == ("an\ufffdna", {"said": "a\0b"})
    assert store.verify_journal() == []


def test_what_is_no_number_is_kept_as_nothing(store: Store) -> None:
    answer = {"much": float("nan"), "more": [1.5, float("inf")]}
    row = {"source": "a", "key": "b", "answer": answer, "at": SystemClock().now()}
    store.write(lambda transaction: insert_into(hook_receipts).run(transaction.connection, row))
    with store.read() as connection:
        kept = connection.execute(sa.select(hook_receipts.c.answer)).scalar()
    assert kept == {"much": None, "more": [1.5, None]}


def test_a_reader_has_one_view_and_cannot_write(store: Store) -> None:
    count = sa.text("SELECT count(*) FROM migration_tracking")
    with store.read() as connection:
        assert connection.execute(count).scalar() == 0
        store.record(Event(kind="in.between"))
        assert connection.execute(count).scalar() == 0
    with store.read() as connection:
        assert connection.execute(count).scalar() == 1
        with pytest.raises(sa.exc.DBAPIError, match="read-only"):
            connection.execute(sa.text("DELETE FROM migration_tracking"))
        connection.rollback()


def test_commits_are_on_the_disk_also_where_the_server_is_told_otherwise(url: str, tmp_path: Path) -> None:
    writer = open_writer(url_of(tmp_path, f"{url}&options=-csynchronous_commit%3Doff"))
    with writer.begin() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    writer.dispose()


def test_the_mark_changes_with_every_commit_and_with_nothing_else(
    store: Store, url: str, tmp_path: Path
) -> None:
    mark = open_mark(url_of(tmp_path, url))
    seen = mark.value()
    with store.read() as connection:
        connection.execute(sa.text("SELECT count(*) FROM tasks"))
    assert mark.value() == seen
    store.write(lambda transaction: transaction.connection.execute(sa.text("DELETE FROM tokens")))
    assert mark.value() == seen
    for _ in range(5):
        store.record(Event(kind="thing.happened"))
        assert mark.value() > seen
        seen = mark.value()
    mark.close()


def test_only_one_service_works_on_a_database(store: Store, url: str, tmp_path: Path) -> None:
    store.hold("roadmark serve at http://first")
    second = Store(tmp_path, SystemClock(), url)
    with pytest.raises(DatabaseUnusable, match="in use by roadmark serve at http://first"):
        second.hold("roadmark serve at http://second")
    store.close()
    second.hold("roadmark serve at http://second")
    second.close()


def test_a_service_keeps_its_database_over_a_restart_of_the_server(
    postgresql_server: Server, store: Store, url: str, tmp_path: Path
) -> None:
    store.hold("roadmark serve at http://first")
    postgresql_server.stop("immediate")
    postgresql_server.start()
    store.record(Event(kind="after.it"))
    second = Store(tmp_path, SystemClock(), url)
    with pytest.raises(DatabaseUnusable, match="in use by roadmark serve at http://first"):
        second.hold("roadmark serve at http://second")
    second.close()


def test_a_service_that_lost_its_database_to_another_writes_nothing_more(
    postgresql_server: Server, store: Store, url: str, tmp_path: Path
) -> None:
    store.hold("roadmark serve at http://first")
    postgresql_server.stop("immediate")
    postgresql_server.start()
    second = Store(tmp_path, SystemClock(), url)
    second.hold("roadmark serve at http://second")
    for _ in range(2):
        with pytest.raises(DatabaseUnusable, match="in use by roadmark serve at http://second"):
            store.record(Event(kind="too.late"))
    second.close()
    store.record(Event(kind="got.back"))
    assert [entry.kind for entry in store.journal_after(0, 9)] == ["got.back"]


def test_a_server_that_is_started_again_is_found_again(postgresql_server: Server, store: Store) -> None:
    store.record(Event(kind="before.it"))
    store.mark.value()
    assert len(store.journal_after(0, 9)) == 1
    postgresql_server.stop("immediate")
    during = store.submit(lambda transaction: transaction.record(Event(kind="during.it")))
    with pytest.raises(DatabaseAway, match="does not answer"):
        store.journal_after(0, 9)
    with pytest.raises(TimeoutError):
        during.result(0.3)
    postgresql_server.start()
    during.result()
    store.mark.value()
    store.record(Event(kind="after.it"))
    kinds = [entry.kind for entry in store.journal_after(0, 9)]
    assert kinds == ["before.it", "during.it", "after.it"]
    assert store.verify_journal() == []


def test_a_batch_whose_server_crashes_in_the_middle_is_written_once(
    postgresql_server: Server, store: Store
) -> None:
    crashed = threading.Event()

    def crash(transaction: Transaction) -> None:
        transaction.record(Event(kind="one.part"))
        if not crashed.is_set():
            postgresql_server.stop("immediate")
            crashed.set()

    parts = [store.submit(crash)]
    parts.append(store.submit(lambda transaction: transaction.record(Event(kind="other.part"))))
    assert crashed.wait(30)
    postgresql_server.start()
    for part in parts:
        part.result()
    assert [entry.kind for entry in store.journal_after(0, 9)] == ["one.part", "other.part"]
    assert store.verify_journal() == []


def test_a_server_that_goes_away_while_it_is_read_is_told_as_such(
    postgresql_server: Server, store: Store
) -> None:
    def read(between: Callable[[], None]) -> object:
        with store.read() as connection:
            between()
            return connection.execute(sa.text("SELECT 1")).scalar()

    def restart() -> None:
        postgresql_server.stop("immediate")
        postgresql_server.start()

    with pytest.raises(DatabaseAway):
        read(restart)
    assert read(lambda: None) == 1


def test_a_store_that_is_closed_waits_for_no_server(postgresql_server: Server, store: Store) -> None:
    postgresql_server.stop("immediate")
    lost = store.submit(lambda transaction: transaction.record(Event(kind="too.late")))
    store.close()
    with pytest.raises(DatabaseAway):
        lost.result()
    postgresql_server.start()


@pytest.mark.parametrize(
    "wrong",
    ["mysql://u:hunter2@h/d", "postgresql://u:hunter2@h", "hunter2", "postgresql://u:hunter2@h:port/d"],
)
def test_a_url_that_will_not_do_is_refused_without_its_password(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigurationWrong) as refused:
        Store(tmp_path, SystemClock(), wrong)
    assert "hunter2" not in str(refused.value)
    assert "postgresql://USER@HOST" in str(refused.value)


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match=r":5432/d: cannot be used") as refused:
        Store(tmp_path, SystemClock(), f"postgresql://u:hunter2@/d?host={tmp_path}&password=hunter2")
    assert "hunter2" not in str(refused.value)


def test_a_database_that_is_no_utf8_is_refused(postgresql_server: Server, tmp_path: Path) -> None:
    engine = open_reader(url_of(tmp_path, postgresql_server.url("postgres")))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.connection.driver_connection.read_only = False
        made = "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
        connection.exec_driver_sql(made)
    engine.dispose()
    with pytest.raises(DatabaseUnusable, match="LATIN1; PostgreSQL 13 or newer, and the encoding UTF8"):
        Store(tmp_path, SystemClock(), postgresql_server.url("latin"))


def test_a_service_over_a_file_does_not_import_the_driver() -> None:
    asked = "import sys, roadmark.executor.service; print('psycopg' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"


def test_another_programs_database_is_refused(url: str, tmp_path: Path) -> None:
    engine = open_writer(url_of(tmp_path, url))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE accounts (id INTEGER)")
    engine.dispose()
    with pytest.raises(DatabaseUnusable, match="another program's database"):
        Store(tmp_path, SystemClock(), url)
