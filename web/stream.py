"""The journal as a live stream: one hub a process wakes every open stream after each commit.

The hub hears commits of this process from the bus. Those of others (workers, the command line) a PostgreSQL
server tells it of; where it does not, the mark of the database shows them, looked at four times a second for
as long as a stream is open.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import islice

from roadmark.executor.model import JournalEntry
from roadmark.executor.store.store import Store
from roadmark.executor.tracker import MigrationTracker
from starlette.concurrency import run_in_threadpool

POLL_S = 0.25
PING_S = 15
RETRY_MS = 1000
_KEPT = 2000
_BATCH = 200


class Hub:
    """Knows the newest entries and wakes those who wait for them."""

    def __init__(self, store: Store, tracker: MigrationTracker, mark: Callable[[], int]) -> None:
        self._store, self._tracker, self._mark = store, tracker, mark
        self._recent: deque[JournalEntry] = deque(maxlen=_KEPT)
        self._waiting: set[asyncio.Future[None]] = set()
        self._ask = asyncio.Event()
        self._is_over = False
        self.listeners = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep up with the journal while the context lasts."""
        loop = asyncio.get_running_loop()

        def heard(entries: Sequence[JournalEntry] = ()) -> None:
            del entries
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._ask.set)

        seen = await run_in_threadpool(self._tracker.last_seq)
        ends = (self._store.bus.subscribe(heard), self._store.listen(heard))
        task = asyncio.create_task(self._keep_up(seen))
        try:
            yield
        finally:
            for end in ends:
                await run_in_threadpool(end)
            self._is_over = True
            self._ask.set()
            await task

    async def entries_after(self, seq: int) -> list[JournalEntry]:
        """Up to 200 entries behind `seq`, oldest first; waits until there is one."""
        while True:
            found = await self._read_after(seq)
            if found:
                return found
            await self._wait(seq)

    async def _read_after(self, seq: int) -> list[JournalEntry]:
        if self._recent and self._recent[0].seq <= seq + 1:
            skip = max(0, seq - self._recent[0].seq + 1)
            return list(islice(self._recent, skip, skip + _BATCH))
        return await run_in_threadpool(self._tracker.events_after, seq, _BATCH)

    async def _wait(self, seq: int) -> None:
        if self._recent and self._recent[-1].seq > seq:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._ask.set()  # nobody has looked at the mark while nobody waited
        self._waiting.add(future)
        self.listeners += 1
        try:
            await future
        finally:
            self.listeners -= 1
            self._waiting.discard(future)

    async def _keep_up(self, seen: int) -> None:
        while not self._is_over:
            mark = self._mark()
            found = await run_in_threadpool(self._tracker.events_after, seen, _BATCH)
            if found:
                self._recent.extend(found)
                seen = found[-1].seq
                self._wake()
                continue
            await self._until_asked(mark)

    async def _until_asked(self, mark: int) -> None:
        """Wait for a commit: told of by the bus, or seen in the mark while there is a stream to tell."""
        while not self._ask.is_set() and self._mark() == mark:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S if self._waiting else None):
                    await self._ask.wait()
        self._ask.clear()

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


def resume_point(last_event_id: str | None, after: str | None, newest: int) -> tuple[int, bool]:
    """Where a stream goes on: the header, else `?after=`, else the end; and whether it must start anew.

    A point that the journal does not know (it was restored from a backup, say) begins at its end.
    """
    for given in (last_event_id, after):
        if given and given.isascii() and given.isdigit() and len(given) < 17:
            return (int(given), False) if int(given) <= newest else (newest, True)
    return newest, False
