"""The journal shows every edit, gap, swap and cut."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.store.identity import DATABASE
from roadmark.executor.store.store import Store

Tamper = Callable[[sqlite3.Connection], object]


def _after(tmp_path: Path, tamper: Tamper) -> list[str]:
    store = Store(tmp_path, SystemClock())
    for number in range(5):
        store.record(Event(kind="thing.happened", actor="anna", detail={"number": number}))
    store.close()
    with sqlite3.connect(tmp_path / DATABASE) as connection:
        tamper(connection)
    connection.close()
    opened = Store(tmp_path, SystemClock())
    breaks = opened.verify_journal()
    opened.close()
    return [f"{found.seq} {found.what}" for found in breaks]


def test_an_untouched_journal_is_clean(tmp_path: Path) -> None:
    assert _after(tmp_path, lambda connection: None) == []


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE migration_tracking SET actor = 'eve' WHERE seq = 3", "3 was changed"),
        ("UPDATE migration_tracking SET detail = '{}' WHERE seq = 1", "1 was changed"),
        ("UPDATE migration_tracking SET at = '2001-01-01 00:00:00.000000' WHERE seq = 5", "5 was changed"),
        ("DELETE FROM migration_tracking WHERE seq = 3", "4 follows entry 2"),
        ("DELETE FROM migration_tracking WHERE seq = 1", "2 follows entry 0"),
        ("DELETE FROM migration_tracking WHERE seq = 5", "5 is missing"),
        ("DELETE FROM migration_tracking", "5 is missing"),
        ("UPDATE migration_tracking SET seq = 9 WHERE seq = 5", "9 follows entry 4"),
    ],
)
def test_tampering_is_named(tmp_path: Path, statement: str, first: str) -> None:
    assert _after(tmp_path, lambda connection: connection.execute(statement))[0].startswith(first)


def test_a_whole_chain_written_anew_differs_from_the_head_kept_apart(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    forged = Store(other, SystemClock())
    for number in range(5):
        forged.record(Event(kind="thing.happened", actor="eve", detail={"number": number}))
    forged.close()

    def swap(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM migration_tracking")
        connection.execute("ATTACH ? AS forged", (str(other / DATABASE),))
        connection.execute("INSERT INTO migration_tracking SELECT * FROM forged.migration_tracking")
        connection.commit()

    assert _after(tmp_path, swap) == [
        "5 differs from the head that is kept apart: the journal was rewritten",
    ]


def test_two_programs_on_one_database_continue_one_chain(tmp_path: Path) -> None:
    service, command = Store(tmp_path, SystemClock()), Store(tmp_path, SystemClock())
    for number in range(10):
        (service, command)[number % 2].record(Event(kind=f"event.{number}"))
    assert service.verify_journal() == []
    assert [entry.kind for entry in command.journal_after(0, 20)] == [
        f"event.{number}" for number in range(10)
    ]
    service.close()
    command.close()
