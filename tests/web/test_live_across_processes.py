"""The live stream of one process tells at once what another one committed to the same PostgreSQL database."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.store.store import Store
from roadmark.executor.tracker import MigrationTracker
from roadmark.web import stream
from roadmark.web.stream import Hub

SOON_S = 30


@pytest.fixture
def stores(postgresql_server, tmp_path: Path) -> Iterator[tuple[Store, Store, Store]]:
    """Two web processes and a worker."""
    url = postgresql_server.make_database()
    opened = tuple(Store(tmp_path, SystemClock(), url) for _ in range(3))
    yield opened
    for store in opened:
        store.close()


def test_every_web_process_hears_of_a_workers_commit_without_polling(
    stores: tuple[Store, Store, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "POLL_S", 3600)
    *webs, worker = stores

    async def told() -> list[list[str]]:
        hubs = [Hub(web, MigrationTracker(web), web.mark.value) for web in webs]
        async with hubs[0].running(), hubs[1].running():
            kinds: list[list[str]] = [[], []]
            for kind in ("first.written", "second.written"):
                await asyncio.to_thread(worker.record, Event(kind=kind))
                for number, hub in enumerate(hubs):
                    found = await asyncio.wait_for(hub.entries_after(len(kinds[number])), SOON_S)
                    kinds[number] += [entry.kind for entry in found]
            return kinds

    assert asyncio.run(told()) == [["first.written", "second.written"]] * 2
