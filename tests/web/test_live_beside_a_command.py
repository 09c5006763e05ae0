"""On SQLite nobody tells of another process's commit: the mark does, looked at while a stream is open."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.model import JournalEntry
from roadmark.executor.store.store import Store
from roadmark.executor.tracker import MigrationTracker
from roadmark.web import stream
from roadmark.web.stream import Hub

SOON_S = 30


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """A service's and a command's, on one file."""
    opened = Store(tmp_path, SystemClock()), Store(tmp_path, SystemClock())
    yield opened
    for store in opened:
        store.close()


class Mark:
    """Counts how often it was looked at."""

    def __init__(self, store: Store) -> None:
        self._store, self.looks = store, 0

    def __call__(self) -> int:
        self.looks += 1
        return self._store.mark.value()


def test_what_a_command_writes_reaches_streams_of_before_and_after(stores: tuple[Store, Store]) -> None:
    service, command = stores

    async def told() -> list[str]:
        hub = Hub(service, MigrationTracker(service), service.mark.value)
        async with hub.running():
            kinds: list[str] = []
            await asyncio.to_thread(command.record, Event(kind="while.nobody_listens"))
            kinds += [one.kind for one in await asyncio.wait_for(hub.entries_after(0), SOON_S)]
            listening = asyncio.create_task(hub.entries_after(1))
            while not hub.listeners:
                await asyncio.sleep(0)
            await asyncio.to_thread(command.record, Event(kind="while.somebody_does"))
            kinds += [one.kind for one in await asyncio.wait_for(listening, SOON_S)]
            await asyncio.to_thread(command.record, Event(kind="when.nobody_does_again"))
            kinds += [one.kind for one in await asyncio.wait_for(hub.entries_after(2), SOON_S)]
            return kinds

    expected = ["while.nobody_listens", "while.somebody_does", "when.nobody_does_again"]
    assert asyncio.run(told()) == expected


class Reading(MigrationTracker):
    """Tells whether somebody reads the journal, or has looked where it ends."""

    readers, has_looked = 0, False

    def last_seq(self) -> int:
        with self._reading():
            self.has_looked = True
            return super().last_seq()

    def events_after(self, seq: int, limit: int) -> list[JournalEntry]:
        with self._reading():
            return super().events_after(seq, limit)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1


def test_a_hub_that_runs_knows_where_the_journal_ended_before(stores: tuple[Store, Store]) -> None:
    """Else what is written before it looks would be told to nobody who waits already."""
    service, _ = stores
    tracker = Reading(service)

    async def look() -> bool:
        async with Hub(service, tracker, service.mark.value).running():
            return tracker.has_looked

    assert asyncio.run(look())


async def at_rest(mark: Mark, tracker: Reading) -> int:
    """How often the mark was looked at, once nobody looks any more."""
    seen = -1
    while seen != mark.looks or tracker.readers:
        seen = mark.looks
        for _ in range(1000):  # turns of the loop, in which everybody else goes on
            await asyncio.sleep(0)
    return seen


def test_the_mark_is_left_alone_while_no_stream_is_open(
    stores: tuple[Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL_S", 0)
    service, _ = stores
    mark, tracker = Mark(service), Reading(service)

    async def looks() -> None:
        hub = Hub(service, tracker, mark)
        async with hub.running():
            while not mark.looks:
                await asyncio.sleep(0)
            alone = await asyncio.wait_for(at_rest(mark, tracker), SOON_S)
            listening = asyncio.create_task(hub.entries_after(0))
            while mark.looks < alone + 100:
                await asyncio.sleep(0)
            listening.cancel()

    asyncio.run(looks())
