"""For engine.py and scale.py: migrations over the real engine, with an agent that is instant and no git."""

import os
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from roadmark.executor.checkpointing import keep_checkpoint
from roadmark.executor.clock import SystemClock
from roadmark.executor.conclusion import Closing, close_attempt
from roadmark.executor.config import Settings, load_settings
from roadmark.executor.engine.embedded import EmbeddedEngine
from roadmark.executor.exchange import SharedDisk
from roadmark.executor.intake import Intake
from roadmark.executor.lease import Lease
from roadmark.executor.leases import Leases
from roadmark.executor.manager import MigrationManager
from roadmark.executor.metrics import MigrationMetrics
from roadmark.executor.model import Attempt, CheckpointKind, JournalEntry, Migration, PhaseRun
from roadmark.executor.moves import event_of
from roadmark.executor.positions import ask_position
from roadmark.executor.schedules import Schedules
from roadmark.executor.states import PhaseState, Status
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.timers import Timers
from roadmark.executor.verdict import Evidence, Outcome, Verdict
from roadmark.executor.worker import Worker
from roadmark.executor.workspace.rewriting import Snapshot

PHASES, STEPS = 4, 8
STARTING = 64
SPEC = """# Task {number} Implementation

## 1. Project Overview
- **Feature/Component Name**: Task {number}
- **Priority**: Medium

## 4. Implementation Phases
{phases}
## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: '{level}'
- **confirmation_required**: {confirmed}
- **git_branch_required**: false
"""


class InstantOpening:
    """Opens nothing, and keeps the first checkpoint's row."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, lease: Lease, migration: Migration) -> None:
        def work(transaction: Transaction, held: Migration) -> None:
            position = ask_position(transaction.connection, held)()
            first = snapshot(migration, "s")
            keep_checkpoint(transaction, held, "start", CheckpointKind.START, first, position)

        lease.finish(self._store, work)


class InstantAttempts:
    """An attempt in eight recorded steps: its row, six things that happened, its closing with verdict."""

    def __init__(self, store: Store, metrics: MigrationMetrics) -> None:
        self._store, self._metrics = store, metrics
        self.durations: list[float] = []

    def run(self, lease: Lease, migration: Migration, run: PhaseRun) -> None:
        attempt = self._timed(lambda: self._begin(lease, run))
        for number in range(STEPS - 2):
            self._timed(lambda number=number: self._step(lease, number))
        verdict = Verdict(outcome=Outcome.DONE, attempt_used=False, reason="all evidence is there")
        name = f"{run.phase}-{attempt.number}"
        closing = Closing(verdict, snapshot(migration, name), None, Evidence(changed_paths=("a.txt",)))
        self._timed(lambda: close_attempt(self._store, self._metrics, lease, attempt, closing))

    def _timed(self, step):  # type: ignore[no-untyped-def]
        begun = time.perf_counter()
        result = step()
        self.durations.append(time.perf_counter() - begun)
        return result

    def _begin(self, lease: Lease, run: PhaseRun) -> Attempt:
        def work(transaction: Transaction, held: Migration) -> Attempt:
            attempt = new_attempt(transaction, held, run)
            MigrationRepository(transaction.connection).insert_attempt(attempt)
            transaction.record(event_of(held, "attempt.began", detail={"attempt": attempt.id}))
            return attempt

        return lease.write(self._store, work)

    def _step(self, lease: Lease, number: int) -> None:
        def work(transaction: Transaction, held: Migration) -> None:
            transaction.record(event_of(held, "agent.step", detail={"number": number, "text": "a line"}))

        lease.write(self._store, work)


class InstantLanding:
    """Publishes nothing, and records the end of the phase."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def land(self, lease: Lease, migration: Migration, run: PhaseRun) -> None:
        def work(transaction: Transaction, held: Migration) -> None:
            MigrationRepository(transaction.connection).change_phase(
                migration.id, run.phase, state=PhaseState.DONE, finished_at=transaction.now
            )
            transaction.record(event_of(held, "phase.done", detail={"name": run.name}))

        lease.finish(self._store, work)


class Fleet:
    """Tasks, their migrations, and the embedded engine over them. A context manager: closed at its end."""

    def __init__(self, folder: Path, slots: int, database_url: str = "") -> None:
        self.folder = folder
        self.settings = settings_in(folder, slots)
        self.store = Store(self.settings.state_dir, SystemClock(), database_url)
        self.metrics = MigrationMetrics(self.store)
        self.manager = MigrationManager(self.store, self.settings)
        self.attempts = InstantAttempts(self.store, self.metrics)
        self.leases = Leases(self.store, f"benchmark {os.getpid()}")
        self.worker = Worker(
            store=self.store,
            leases=self.leases,
            exchange=SharedDisk(),
            opening=InstantOpening(self.store),  # type: ignore[arg-type]
            attempts=self.attempts,  # type: ignore[arg-type]
            landing=InstantLanding(self.store),  # type: ignore[arg-type]
            rollbacks=None,  # type: ignore[arg-type]
            settings=self.settings,
        )
        timers = Timers(self.store, self.manager, Schedules(self.store, self.manager))
        timers.look()  # the first look compiles its statements: a part of a service's start
        self.engine = EmbeddedEngine(self.store, timers, self.worker, slots)

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.stop()
        self.leases.end()
        self.store.close()

    def begin(self, migrations: int, level: str = "full_auto") -> list[str]:
        """Tasks with a queued migration each."""
        tasks = self._insert(migrations, level)
        with ThreadPoolExecutor(STARTING) as pool:  # one after the other each would wait for the disk alone
            return list(pool.map(lambda task_id: self.manager.start(task_id, "benchmark").id, tasks))

    def carry_out(self, migrations: int, durations: list[float]) -> None:
        """Run until so many migrations are completed; none is yet."""
        self._until(Status.COMPLETED, migrations)
        durations += self.attempts.durations

    def begin_waiting(self, migrations: int) -> None:
        """Migrations that ask whether they may begin, with their files in the folder of specs."""
        self.begin(migrations, level="semi_auto")
        self._until(Status.WAITING, migrations)

    def prove(self, migrations: int) -> None:
        """Nothing stuck, nothing doubled: each migration is completed, with one attempt a phase."""
        with self.store.read() as connection:
            repository = MigrationRepository(connection)
            done = repository.with_status([Status.COMPLETED])
            attempts = [len(repository.attempts(migration.id)) for migration in done]
        if len(done) != migrations or set(attempts) != {PHASES}:
            raise AssertionError(f"{len(done)} of {migrations} completed, attempts {set(attempts)}")

    def _until(self, status: Status, expected: int) -> None:
        reached: set[str] = set()
        over = threading.Event()

        def hear(entries: Sequence[JournalEntry]) -> None:
            reached.update(entry.migration_id or "" for entry in entries if entry.to_status == status)
            if len(reached) == expected:
                over.set()

        end = self.store.bus.subscribe(hear)
        self.engine.start()
        over.wait()
        end()

    def _insert(self, count: int, level: str) -> list[str]:
        phases = "".join(
            f"\n#### Phase {n}: Part {n} (1 hour)\n- [ ] Do part {n}\n" for n in range(1, PHASES + 1)
        )
        confirmed = str(level == "semi_auto").lower()
        for number in range(count):
            path = self.settings.specs / f"task-{number}.md"
            path.write_text(SPEC.format(number=number, phases=phases, level=level, confirmed=confirmed))
            os.utime(path, (1, 1))
        Intake(self.store, self.settings).rescan_settled()
        with self.store.read() as connection:
            return [task_id for task_id, _, _ in TaskRepository(connection).paths().values()]


def settings_in(folder: Path, slots: int) -> Settings:
    for name in ("specs", "repo", "state"):
        (folder / name).mkdir(exist_ok=True)
    flags = {
        "specs": folder / "specs",
        "repo": folder / "repo",
        "state_dir": folder / "state",
        "slots": slots,
    }
    return load_settings(folder, {}, flags)


def snapshot(migration: Migration, name: str) -> Snapshot:
    return Snapshot(
        ref=f"refs/benchmark/{migration.id}/{name}", commit="0" * 40, tree="0" * 40, not_covered=()
    )


def new_attempt(transaction: Transaction, migration: Migration, run: PhaseRun) -> Attempt:
    return Attempt(
        id=str(uuid.uuid4()),
        migration_id=migration.id,
        phase=run.phase,
        number=1,
        agent=migration.agent,
        nonce="0" * 32,
        prompt=f"Carry out phase {run.phase}",
        session_id=None,
        log_path="",
        outcome=None,
        reason=None,
        evidence=None,
        used=False,
        checkpoint_id=None,
        tokens_in=None,
        tokens_out=None,
        cost_usd=None,
        peak_memory_bytes=None,
        started_at=transaction.now,
        ended_at=None,
    )
