"""The distributed engine: Procrastinate on PostgreSQL hands out jobs, any number of processes take them.

A job only says which migration to look at. Whether it may be worked on, the lease in its row decides, so that
a job that is lost, late or handed out twice does no harm; what is lost is deferred anew after a look at rows.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import procrastinate
from roadmark.executor.dependencies import held_back
from roadmark.executor.engine.clockwork import add_aside, make_clockwork
from roadmark.executor.errors import DatabaseAway
from roadmark.executor.garbage import search_everything, spare_what_is_there
from roadmark.executor.store import jobs
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.store import Store
from roadmark.executor.takeover import Takeover
from roadmark.executor.timers import Timers
from roadmark.executor.worker import Worker

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often leases that ran out and jobs that are missing are looked for, and jobs whose time has come."""

_ENDING_S = 0.05
"""For so long Procrastinate waits for jobs when it ends; their threads are waited for by the engine."""


class DistributedEngine:
    """Carries out beside other processes. With no slots it only keeps the time and finds what is left."""

    def __init__(
        self,
        *,
        store: Store,
        timers: Timers,
        takeover: Takeover,
        worker: Worker,
        agents: Sequence[str],
        host_labels: Sequence[str],
        slots: int,
        agent_slots: Mapping[str, int],
        lease_s: float,
    ) -> None:
        """`agents`, `host_labels`: what is taken here; `agent_slots`: how many at once, if limited."""
        self._store, self._timers, self._takeover, self._worker = store, timers, takeover, worker
        self._agents, self._slots, self._agent_slots = agents, slots, agent_slots
        self._host_labels = host_labels
        self._lease_s = lease_s
        self._clockwork = make_clockwork()
        self._pool = ThreadPoolExecutor(max_workers=max(1, slots), thread_name_prefix="worker")
        self._working: list[str] = []
        self._ending = threading.Event()
        self._stop_jobs: Callable[[], None] = _nothing
        self._thread = threading.Thread(target=self._serve, name="jobs", daemon=True)

    def start(self) -> None:
        """Take jobs from now on."""
        self._clockwork.add_job(
            self._tick, "interval", seconds=TICK_S, id="tick", next_run_time=datetime.now(UTC)
        )
        self._clockwork.start()
        if self._slots:
            self._thread.start()
        spare_what_is_there()

    def lead(self) -> None:
        """Keep the time as well."""
        self.every(TICK_S, self._keep_time, "timers")

    def every(self, seconds: float, work: Callable[[], object], name: str) -> None:
        """Run further periodic work on the same clock."""
        self._clockwork.add_job(work, "interval", seconds=seconds, id=name)

    def aside(self, seconds: float, work: Callable[[], object], name: str) -> None:
        """Run periodic work that may take long, beside the ticks, and once within the first minute."""
        add_aside(self._clockwork, seconds, work, name)

    @property
    def is_alive(self) -> bool:
        """Whether the clock ticks, and jobs are taken where they are to be."""
        return bool(self._clockwork.running) and (not self._slots or self._thread.is_alive())

    def busy(self) -> int:
        """How many migrations are carried out here."""
        return len(self._working)

    def wake(self) -> None:
        """Look for what is abandoned or missing now."""
        if self._clockwork.running:
            self._clockwork.modify_job("tick", next_run_time=datetime.now(UTC))

    def stop(self) -> None:
        """Take no more jobs, and wait for those that were taken."""
        self._ending.set()
        if self._clockwork.running:
            self._clockwork.shutdown(wait=True)
        self._stop_jobs()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(wait=True)
        search_everything()

    def _tick(self) -> None:
        try:
            self._takeover.look()
            self._mend()
        except DatabaseAway:
            log.debug("nothing to see while the database is away")
        except Exception:  # a tick that fails must not end the clock; the next one tries again
            log.exception("a tick failed")

    def _keep_time(self) -> None:
        try:
            self._timers.look()
        except DatabaseAway:
            log.debug("the time is kept on when the database is back")

    def _mend(self) -> None:
        """Defer what has no job: a dependency ended, or a worker died before its lease."""
        with self._store.read() as connection:
            is_stalled = jobs.has_stalled(connection, self._lease_s)
            lost = jobs.missing(connection, self._store.clock.now(), held_back(connection))
        if is_stalled or lost:
            self._store.write(self._defer_lost)

    def _defer_lost(self, transaction: Transaction) -> None:
        connection = transaction.connection
        jobs.drop_stalled(connection, self._lease_s)
        jobs.defer(connection, jobs.missing(connection, transaction.now, held_back(connection)))

    def _serve(self) -> None:
        """Take jobs until the end; a server that goes away, or forgot us, is connected to anew."""
        while not self._ending.is_set():
            try:
                asyncio.run(self._take_jobs())
            except Exception:  # whatever it was, the next try may go well
                log.exception("no jobs are taken for a moment")
            self._ending.wait(TICK_S)

    async def _take_jobs(self) -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        self._stop_jobs = partial(_call, loop, stop.set)
        try:
            if not self._ending.is_set():
                await self._take_until(stop)
        finally:
            self._stop_jobs = _nothing

    async def _take_until(self, stop: asyncio.Event) -> None:
        app = self._app()
        async with app.open_async():
            takers = [asyncio.create_task(self._taker(app, *share)) for share in self._shares()]
            ending = asyncio.create_task(stop.wait())
            await asyncio.wait([*takers, ending], return_when=asyncio.FIRST_COMPLETED)
            for task in (*takers, ending):
                task.cancel()
            ended = await asyncio.gather(*takers, return_exceptions=True)
        failed = [one for one in ended if isinstance(one, Exception)]
        if failed:
            raise failed[0]

    def _app(self) -> procrastinate.App:
        connector = procrastinate.PsycopgConnector(conninfo=self._store.conninfo(), min_size=1, max_size=4)
        app = procrastinate.App(connector=connector)

        async def advance(migration_id: str) -> None:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._advance, migration_id)

        app.task(name=jobs.TASK)(advance)
        return app

    async def _taker(self, app: procrastinate.App, queues: Sequence[str], slots: int) -> None:
        await app.run_worker_async(
            queues=queues,
            concurrency=slots,
            fetch_job_polling_interval=TICK_S,
            update_heartbeat_interval=self._lease_s / 3,
            stalled_worker_timeout=self._lease_s,
            shutdown_graceful_timeout=_ENDING_S,
            delete_jobs="always",
            install_signal_handlers=False,
        )

    def _shares(self) -> list[tuple[list[str], int]]:
        """Queues that are taken from together, with how many at once: an agent with a limit has its own."""
        queues = {agent: jobs.queues_of(agent, self._host_labels) for agent in self._agents}
        limited = [
            (queues.pop(agent), min(most, self._slots)) for agent, most in self._agent_slots.items() if most
        ]
        common = [queue for agent in queues if agent not in self._agent_slots for queue in queues[agent]]
        return [(common, self._slots), *limited] if common else limited

    def _advance(self, migration_id: str) -> None:
        if self._ending.is_set():
            return
        self._working.append(migration_id)
        try:
            self._worker.advance(migration_id)
        except Exception:  # what concerns more than one migration is seen to by leases that run out
            log.exception("migration %s could not be carried on", migration_id)
        finally:
            self._working.remove(migration_id)


def _call(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    """Call it on the loop's own thread, if that has not ended by itself."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(act)


def _nothing() -> None:
    """There is nothing to stop."""
