"""A real database in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, SystemClock())
    yield opened
    opened.close()
