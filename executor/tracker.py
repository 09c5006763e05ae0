"""MigrationTracker: reads rows and journal into what a page, a caller or a terminal wants to know."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.model import (
    Attempt,
    Checkpoint,
    JournalEntry,
    Migration,
    PhaseRun,
    Reply,
    Rollback,
    SpecProblem,
    Task,
    TaskFile,
    TaskItem,
    TaskPhase,
    TaskRisk,
    Wait,
)
from roadmark.executor.run_figures import RunFigures, figures_of
from roadmark.executor.states import Status
from roadmark.executor.store import journal
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.reading import Readable
from roadmark.executor.store.retention import RetentionRepository
from roadmark.executor.store.standing import StandingRepository
from roadmark.executor.store.tasks import FleetRow, StuckRow, TaskRepository, TaskSummary
from roadmark.executor.store.waits import InboxRow, WaitRepository

MOST_STUCK = 100
NEWEST = 2**62
"""A sequence number behind every entry: "from the newest backwards"."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Boxes of the phases: how many are ticked, of how many."""

    done: int
    total: int

    @property
    def percent(self) -> int:
        """Whole percent; 100 only where every box is ticked."""
        return 100 * self.done // self.total if self.total else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task with everything that its spec gave it."""

    task: Task
    phases: tuple[TaskPhase, ...]
    items: tuple[TaskItem, ...]
    files: tuple[TaskFile, ...]
    risks: tuple[TaskRisk, ...]
    dependencies: tuple[str, ...]
    problems: tuple[SpecProblem, ...]
    progress: Progress

    def items_of(self, ordinal: int) -> tuple[TaskItem, ...]:
        """The boxes of one phase that still stand in the file."""
        return tuple(item for item in self.items if item.phase == ordinal and item.removed_at is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationView:
    """A migration with its phases, attempts, question, checkpoints, rollbacks, and the text it goes by."""

    migration: Migration
    title: str
    progress: Progress
    phases: tuple[PhaseRun, ...]
    attempts: tuple[Attempt, ...]
    wait: Wait | None
    replies: tuple[Reply, ...]
    checkpoints: tuple[Checkpoint, ...]
    rollbacks: tuple[Rollback, ...]
    pinned_spec: str


class MigrationTracker:
    """Answers what is known; changes nothing."""

    def __init__(self, store: Readable) -> None:
        self._store = store

    def find_task(self, wanted: str) -> str:
        """The id of the task meant by an id, its beginning, a path, a title. Raises: NotFound, Ambiguous."""
        with self._store.read() as connection:
            return TaskRepository(connection).find(wanted)

    def task(self, task_id: str) -> TaskView:
        """A task with its children. Raises: NotFound."""
        with self._store.read() as connection:
            tasks = TaskRepository(connection)
            items = tuple(tasks.items(task_id))
            return TaskView(
                task=tasks.get(task_id),
                phases=tuple(tasks.phases(task_id)),
                items=items,
                files=tuple(tasks.files(task_id)),
                risks=tuple(tasks.risks(task_id)),
                dependencies=tuple(tasks.dependencies(task_id)),
                problems=tuple(tasks.problems(task_id)),
                progress=_progress(items),
            )

    def migration(self, migration_id: str) -> MigrationView:
        """A migration with its children. Raises: NotFound."""
        with self._store.read() as connection:
            migrations = MigrationRepository(connection)
            waits = WaitRepository(connection)
            checkpoints = CheckpointRepository(connection)
            migration = migrations.get(migration_id)
            tasks = TaskRepository(connection)
            return MigrationView(
                migration=migration,
                title=tasks.get(migration.task_id).title,
                progress=_progress(tasks.items(migration.task_id)),
                phases=tuple(migrations.phase_runs(migration_id)),
                attempts=tuple(migrations.attempts(migration_id)),
                wait=waits.open_of(migration_id),
                replies=tuple(waits.replies(migration_id)),
                checkpoints=_kept(connection, checkpoints.of_migration(migration_id)),
                rollbacks=tuple(checkpoints.rollbacks(migration_id)),
                pinned_spec=migrations.pinned_spec(migration.spec_sha256),
            )

    def figures(self, migration_id: str, now: datetime) -> RunFigures:
        """What a migration took so far. Raises: NotFound."""
        with self._store.read() as connection:
            migrations = MigrationRepository(connection)
            task = TaskRepository(connection).get(migrations.get(migration_id).task_id)
            moves = StandingRepository(connection).moves(migration_id)
            return figures_of(moves, migrations.attempts(migration_id), task.estimated_hours, now)

    def checkpoint(self, migration_id: str, wanted: str) -> Checkpoint:
        """A checkpoint by its name or id. Raises: CheckpointUnknown."""
        with self._store.read() as connection:
            return CheckpointRepository(connection).named(migration_id, wanted)

    def migrations(
        self, before: str | None, limit: int, statuses: Collection[Status] = ()
    ) -> list[Migration]:
        """At most `limit` migrations older than `before`, the newest first."""
        with self._store.read() as connection:
            return MigrationRepository(connection).page(before, limit, statuses)

    def migrations_of(self, task_id: str) -> list[Migration]:
        """All migrations of a task, the newest first."""
        with self._store.read() as connection:
            return MigrationRepository(connection).of_task(task_id)

    def counts(self) -> Mapping[Status, int]:
        """How many migrations stand in which status."""
        with self._store.read() as connection:
            return MigrationRepository(connection).count_by_status()

    def fleet(self, after: str | None = None, limit: int = 100) -> list[FleetRow]:
        """Tasks with their latest migration, in the order of their files."""
        with self._store.read() as connection:
            return TaskRepository(connection).fleet(after, limit)

    def fleet_row(self, task_id: str) -> FleetRow:
        """The fleet's line of one task. Raises: NotFound."""
        with self._store.read() as connection:
            return TaskRepository(connection).fleet_row(task_id)

    def inbox(self) -> list[InboxRow]:
        """The open questions, the earliest deadline first."""
        with self._store.read() as connection:
            return WaitRepository(connection).inbox()

    def needs_person(self) -> tuple[list[InboxRow], list[StuckRow]]:
        """The open questions, and the newest migrations that go no further without a person."""
        with self._store.read() as connection:
            return WaitRepository(connection).inbox(), TaskRepository(connection).stuck(MOST_STUCK)

    def problems(self) -> list[tuple[TaskSummary, list[SpecProblem]]]:
        """Every task whose spec has findings, with them."""
        with self._store.read() as connection:
            return TaskRepository(connection).all_problems()

    def events_after(
        self, seq: int, limit: int, migration_id: str | None = None, task_id: str | None = None
    ) -> list[JournalEntry]:
        """Journal entries behind `seq`, oldest first."""
        with self._store.read() as connection:
            return journal.read_after(connection, seq, limit, migration_id, task_id)

    def events_before(
        self, seq: int, limit: int, migration_id: str | None = None, task_id: str | None = None
    ) -> list[JournalEntry]:
        """Journal entries before `seq`, newest first; `NEWEST` begins at the end."""
        with self._store.read() as connection:
            return journal.read_before(connection, seq, limit, migration_id, task_id)

    def timeline(self, task_id: str, limit: int) -> list[JournalEntry]:
        """What happened to a task but for its agents' output, newest first."""
        with self._store.read() as connection:
            return journal.acts_on(connection, task_id, limit)

    def last_act(self, task_id: str | None = None) -> int:
        """The sequence number of the newest entry, or of the newest about a task, that is no output."""
        with self._store.read() as connection:
            return journal.newest_act(connection, task_id)

    def last_seq(self) -> int:
        """The sequence number of the newest journal entry; 0 while nothing has happened."""
        with self._store.read() as connection:
            return journal.head(connection).seq


def _kept(connection: sa.Connection, checkpoints: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Those that are still there: retention gives up all of a migration or none."""
    is_gone = checkpoints and RetentionRepository(connection).dropped_at(checkpoints[0].migration_id)
    return () if is_gone else tuple(checkpoints)


def _progress(items: Collection[TaskItem]) -> Progress:
    counted = [item for item in items if item.phase is not None and item.removed_at is None]
    return Progress(sum(item.mark == "x" for item in counted), len(counted))
