"""The embedded engine: one process, APScheduler's clock over the due-table, a pool of worker slots.

The rows say what is due; the scheduler only looks. Its memory store and coalescing make a late, a
missed and a doubled tick harmless, and nothing of it has to survive a crash.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from roadmark.executor.cores import share_a_core, share_a_core_and_give_way
from roadmark.executor.dependencies import held_back
from roadmark.executor.engine.clockwork import add_aside, make_clockwork
from roadmark.executor.garbage import search_everything, spare_what_is_there
from roadmark.executor.model import JournalEntry
from roadmark.executor.states import Status
from roadmark.executor.store.runnable import Runnable, RunnableRepository
from roadmark.executor.store.store import Store
from roadmark.executor.timers import Timers
from roadmark.executor.worker import Worker

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often the rows are looked at without a wake-up: what another process wrote is found then."""

_WAKING = frozenset({Status.QUEUED.value, Status.ROLLING_BACK.value})


class EmbeddedEngine:
    """Gives due migrations to the worker, as many at once as there are slots."""

    def __init__(
        self,
        store: Store,
        timers: Timers,
        worker: Worker,
        slots: int,
        agent_slots: Mapping[str, int] | None = None,
        host_labels: Sequence[str] = (),
    ) -> None:
        """`agent_slots`: for each agent that has a limit of its own, how many sessions at once.

        `host_labels`: what migrations may ask of this host.
        """
        self._store, self._timers, self._worker, self._slots = store, timers, worker, slots
        self._agent_slots, self._host_labels = agent_slots or {}, host_labels
        self._pool = ThreadPoolExecutor(max(1, slots), "worker", initializer=share_a_core_and_give_way)
        self._scheduler = make_clockwork()
        self._busy: dict[str, str] = {}
        self._next: list[Runnable] = []
        self._is_outdated = True
        self._lock = threading.Lock()
        self._woken, self._looking, self._ending = threading.Event(), False, False
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to tick."""
        self._store.write(lambda _transaction: share_a_core())
        self._open_slots()
        self._scheduler.add_job(
            self._tick, "interval", seconds=TICK_S, id="tick", next_run_time=datetime.now(UTC)
        )
        self._scheduler.start()
        self._unsubscribe = self._store.bus.subscribe(self._hear)
        spare_what_is_there()

    def lead(self) -> None:
        """Nothing: it works alone, and keeps the time anyway."""

    def every(self, seconds: float, work: Callable[[], object], name: str) -> None:
        """Run further periodic work on the same clock."""
        self._scheduler.add_job(work, "interval", seconds=seconds, id=name)

    def aside(self, seconds: float, work: Callable[[], object], name: str) -> None:
        """Run periodic work that may take long, beside the ticks, and once within the first minute."""
        add_aside(self._scheduler, seconds, work, name)

    def stop(self) -> None:
        """Give out nothing more and wait until the slots are empty; tell the attempts to end first."""
        with self._lock:
            self._ending = True
        self._unsubscribe()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self._pool.shutdown(wait=True)
        search_everything()

    @property
    def is_alive(self) -> bool:
        """Whether the clock ticks."""
        return bool(self._scheduler.running)

    def busy(self) -> int:
        """How many slots work."""
        with self._lock:
            return len(self._busy)

    def wake(self) -> None:
        """Look at the rows now; a look that is under way is followed by another."""
        self._is_outdated = True
        self._woken.set()
        if self._scheduler.running and not self._looking:
            self._scheduler.modify_job("tick", next_run_time=datetime.now(UTC))

    def _open_slots(self) -> None:
        """Start their threads while none has work: each would wait for its turn between those that work."""
        everybody = threading.Barrier(self._slots + 1)
        try:
            for _ in range(self._slots):
                self._pool.submit(everybody.wait)
            everybody.wait()
        except BaseException:
            everybody.abort()
            raise

    def _hear(self, entries: Sequence[JournalEntry]) -> None:
        if any(entry.to_status in _WAKING or entry.kind == "migration.started" for entry in entries):
            self.wake()

    def _tick(self) -> None:
        self._looking = True
        try:
            self._look()
        except Exception:  # a tick that fails must not end the clock; the next one tries again
            self._woken.set()
            log.exception("a tick failed")
        finally:
            self._looking = False

    def _look(self) -> None:
        """Dispatch for as long as somebody asks for it, or the rows may hold something to do."""
        self._is_outdated = True
        if self._timers.look():
            self._woken.set()
        while self._woken.is_set():
            self._woken.clear()
            self._dispatch()

    def _dispatch(self) -> None:
        with self._lock:
            free = self._slots - len(self._busy)
            if free <= 0 or self._ending:
                return
            self._read_ahead()
            while self._next and len(self._busy) < self._slots:
                one = self._next.pop(0)
                if self._may_work(one):
                    self._busy[one.id] = one.agent
                    self._pool.submit(self._work, one.id)

    def _read_ahead(self) -> None:
        """Read what comes next where the rows moved on, or all that was read is taken.

        Finding the first of thousands takes longer than a step. What is not due any more when its turn comes
        is refused when it is claimed.
        """
        if self._next and not self._is_outdated:
            return
        self._is_outdated = False
        self._next = self._due(len(self._busy) + 2 * self._slots)

    def _may_work(self, one: Runnable) -> bool:
        """Whether nobody works on it and its agent has a slot left; a rollback needs no agent."""
        if one.id in self._busy:
            return False
        return one.is_rollback or one.agent not in self._full_agents()

    def _full_agents(self) -> list[str]:
        working = list(self._busy.values())
        return [name for name, most in self._agent_slots.items() if working.count(name) >= most]

    def _due(self, limit: int) -> list[Runnable]:
        with self._store.read() as connection:
            held = held_back(connection)
            if held:  # whatever ends next may let one of them go
                self._is_outdated = True
            return RunnableRepository(connection).first(
                self._store.clock.now(), limit, self._host_labels, held, self._full_agents()
            )

    def _work(self, migration_id: str) -> None:
        try:
            self._worker.advance(migration_id)
        finally:
            with self._lock:
                agent = self._busy.pop(migration_id, "")
                if agent in self._agent_slots:  # what waited for it was not read
                    self._is_outdated = True
            self._fill_slots()

    def _fill_slots(self) -> None:
        """Give the free slot away at once; where that fails, the next tick does."""
        try:
            self._dispatch()
        except Exception:
            self._woken.set()
            log.warning("no slot was filled; the next tick tries again", exc_info=True)
