"""The journal shows every edit, gap, swap and cut."""

import hashlib
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.store import journal, schema
from roadmark.executor.store.database import open_writer
from roadmark.executor.store.journal import GENESIS
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.store import HEAD, Store
from roadmark.executor.store.tables import migration_tracking
from roadmark.executor.store.urls import url_of

from .conftest import OpenStore


def _after(open_store: OpenStore, *statements: str | sa.Executable) -> list[str]:
    """What is found wrong with a journal of five entries after these statements."""
    store = open_store()
    for number in range(5):
        about = f"task {number % 2}" if number else None
        store.record(Event(kind="thing.happened", actor="anna", task_id=about, detail={"number": number}))
    for statement in statements:
        store.write(lambda transaction, made=statement: _carry_out(transaction, made))
    store.close()
    return [f"{found.seq} {found.what}" for found in open_store().verify_journal()]


def _carry_out(transaction: Transaction, statement: str | sa.Executable) -> None:
    made = sa.text(statement) if isinstance(statement, str) else statement
    transaction.connection.execute(made)


def test_an_untouched_journal_is_clean(open_store: OpenStore) -> None:
    assert _after(open_store) == []


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE migration_tracking SET actor = 'eve' WHERE seq = 3", "3 was changed"),
        ("UPDATE migration_tracking SET detail = '{}' WHERE seq = 1", "1 was changed"),
        (
            "UPDATE migration_tracking SET at = '2001-01-01 00:00:00.000000+00:00' WHERE seq = 5",
            "5 was changed",
        ),
        ("DELETE FROM migration_tracking WHERE seq = 3", "4 follows entry 2"),
        ("DELETE FROM migration_tracking WHERE seq = 1", "2 follows entry 0"),
        ("DELETE FROM migration_tracking WHERE seq = 5", "5 is missing"),
        ("DELETE FROM migration_tracking", "5 is missing"),
        ("UPDATE migration_tracking SET seq = 9 WHERE seq = 5", "9 follows entry 4"),
        ("UPDATE migration_tracking SET task_number = NULL WHERE seq = 2", "2 is not found under the task"),
        ("UPDATE migration_tracking SET task_number = 1 WHERE seq = 3", "3 is not found under the task"),
        (
            "UPDATE journal_tasks SET task_id = 'task of eve' WHERE number = 2",
            "3 is not found under the task",
        ),
    ],
)
def test_tampering_is_named(open_store: OpenStore, statement: str, first: str) -> None:
    assert _after(open_store, statement)[0].startswith(first)


def test_a_whole_chain_written_anew_differs_from_the_head_kept_apart(
    open_store: OpenStore, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    forger = Store(tmp_path / "other", SystemClock())
    for number in range(5):
        forger.record(Event(kind="thing.happened", actor="eve", detail={"number": number}))
    with forger.read() as connection:
        forged = [dict(row._mapping) for row in connection.execute(sa.select(migration_tracking))]
    forger.close()
    assert _after(
        open_store, "DELETE FROM migration_tracking", sa.insert(migration_tracking).values(forged)
    ) == [
        "5 differs from the head that is kept apart: the journal was rewritten",
    ]


def test_two_programs_on_one_database_continue_one_chain(open_store: OpenStore) -> None:
    service, command = open_store(), open_store()
    for number in range(10):
        (service, command)[number % 2].record(Event(kind=f"event.{number}", task_id=f"task {number // 3}"))
    assert service.verify_journal() == []
    assert [entry.kind for entry in command.journal_after(0, 20)] == [
        f"event.{number}" for number in range(10)
    ]


def test_the_entries_about_a_task_are_found_after_an_upgrade_as_before(
    open_store: OpenStore, tmp_path: Path, database_url: str
) -> None:
    store = open_store()
    tasks = ["second", "first", None, "second", "third"]
    for task_id in tasks:
        store.record(Event(kind="thing.happened", task_id=task_id))
    store.close()
    engine = open_writer(url_of(tmp_path, database_url))
    schema.downgrade(engine, "0008")
    engine.dispose()
    store = open_store()
    store.record(Event(kind="thing.happened", task_id="fourth"))
    store.record(Event(kind="thing.happened", task_id="first"))
    assert store.verify_journal() == []
    with store.read() as connection:
        found = {
            task_id: [entry.seq for entry in journal.read_after(connection, 0, 10, task_id=task_id)]
            for task_id in ("first", "second", "third", "fourth", "fifth")
        }
    assert found == {"first": [2, 7], "second": [1, 4], "third": [5], "fourth": [6], "fifth": []}


def test_programs_that_keep_the_head_at_the_same_time_do_not_stop_each_other(
    open_store: OpenStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    both_drafted, replace = threading.Barrier(2, timeout=20), os.replace

    def replace_together(draft: Path, head: Path) -> None:
        both_drafted.wait()
        replace(draft, head)

    stores = open_store(), open_store()
    monkeypatch.setattr(os, "replace", replace_together)
    for store in stores:
        store.record(Event(kind="thing.happened"))
    with ThreadPoolExecutor(2) as programs:
        list(programs.map(Store.close, stores))
    monkeypatch.undo()
    assert caplog.text == ""
    assert open_store().verify_journal() == []


def test_a_head_that_cannot_be_kept_stops_no_writing(
    open_store: OpenStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / HEAD).mkdir()
    store = open_store()
    store.record(Event(kind="thing.happened"))
    store.close()
    assert HEAD in caplog.text
    (tmp_path / HEAD).rmdir()
    store = open_store()
    store.record(Event(kind="thing.happened"))
    store.close()
    assert open_store().verify_journal() == []
    assert (tmp_path / HEAD).is_file()


_TEXTS = st.text(max_size=12) | st.none()
_NUMBERS = st.integers(0, 2**53) | st.none()
_DETAILS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@given(
    content=st.fixed_dictionaries(
        {
            "seq": st.integers(1, 2**53),
            "at": st.datetimes(timezones=st.just(UTC)),
            "actor": st.text(max_size=12),
            "kind": st.text(max_size=12),
            "detail": _DETAILS,
        }
        | dict.fromkeys(("task_id", "migration_id", "from_status", "to_status"), _TEXTS)
        | dict.fromkeys(("phase", "attempt"), _NUMBERS)
    )
)
def test_a_hash_covers_the_content_as_json_with_sorted_keys(content: dict[str, Any]) -> None:
    at = content["at"].isoformat(timespec="microseconds")
    written = json.dumps(content | {"at": at}, sort_keys=True, separators=(",", ":"))
    expected = hashlib.sha256(f"{GENESIS}\n{written}".encode()).hexdigest()
    assert journal._hash(GENESIS, content) == expected
