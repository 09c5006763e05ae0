"""Whoever listens hears of commits that other processes make, and again after the server was away."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.store.store import Store

from .postgresql import Server

SOON_S = 30


@pytest.fixture
def url(postgresql_server: Server) -> str:
    return postgresql_server.make_database()


@pytest.fixture
def stores(url: str, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """Two processes' stores: what one commits the other's bus does not know of."""
    opened = Store(tmp_path, SystemClock(), url), Store(tmp_path, SystemClock(), url)
    yield opened
    for store in opened:
        store.close()


@pytest.fixture
def heard(stores: tuple[Store, Store]) -> Iterator[threading.Semaphore]:
    """Released at each call, and once for the connection itself, which is waited for."""
    calls = threading.Semaphore(0)
    end = stores[0].listen(calls.release)
    assert calls.acquire(timeout=SOON_S)
    yield calls
    end()


def test_a_commit_of_another_process_is_heard(
    stores: tuple[Store, Store], heard: threading.Semaphore
) -> None:
    for kind in ("first.written", "second.written"):
        stores[1].record(Event(kind=kind))
        assert heard.acquire(timeout=SOON_S)


def test_nothing_is_heard_of_work_that_was_undone(
    stores: tuple[Store, Store], heard: threading.Semaphore, url: str
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("NOTIFY roadmark_commit")
        connection.rollback()
        assert not heard.acquire(blocking=False)
        connection.execute("NOTIFY roadmark_commit")
    assert heard.acquire(timeout=SOON_S)
    assert not heard.acquire(blocking=False)


def test_who_lost_its_connection_hears_again(
    stores: tuple[Store, Store], heard: threading.Semaphore, url: str
) -> None:
    ended = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s AND datname = %s"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        name = "roadmark: announcements"
        assert connection.execute(ended, [name, connection.info.dbname]).fetchall() == [(True,)]
    assert heard.acquire(timeout=SOON_S), "it says so when it is there again: something may have been missed"
    stores[1].record(Event(kind="third.written"))
    assert heard.acquire(timeout=SOON_S)


def test_a_file_of_sqlite_tells_nobody_and_ends_all_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path, SystemClock())
    calls = threading.Semaphore(0)
    end = store.listen(calls.release)
    store.record(Event(kind="first.written"))
    end()
    store.close()
    assert not calls.acquire(blocking=False)
