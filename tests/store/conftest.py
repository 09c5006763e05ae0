"""A real database in a temporary folder, or on a server of the tests' own: the same tests hold for both."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.store.store import Store

OpenStore = Callable[[], Store]


@pytest.fixture
def open_store(tmp_path: Path, database_url: str) -> Iterator[OpenStore]:
    """Open a store; each call opens one more on the same database."""
    opened: list[Store] = []

    def open_one() -> Store:
        opened.append(Store(tmp_path, SystemClock(), database_url))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    """A store."""
    return open_store()
