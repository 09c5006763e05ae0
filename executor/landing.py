"""Lands a confirmed phase: its commit on the branch, its ticks in the file, its rows."""

from collections.abc import Collection, Sequence
from functools import partial

from roadmark.executor.errors import NotFound
from roadmark.executor.exchange import Exchange
from roadmark.executor.hooks import Hooks
from roadmark.executor.intake import Intake
from roadmark.executor.lease import Lease
from roadmark.executor.model import Checkpoint, CheckpointKind, Migration, PhaseRun, TaskItem
from roadmark.executor.moves import event_of
from roadmark.executor.places import Places
from roadmark.executor.positions import ask_position
from roadmark.executor.states import PhaseState
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.workspace.publish import publish


class Landing:
    """The step after a phase was confirmed. Each part of it may be repeated after a crash."""

    def __init__(
        self,
        *,
        store: Store,
        places: Places,
        exchange: Exchange,
        intake: Intake,
        hooks: Hooks,
        protected: Collection[str],
    ) -> None:
        self._store, self._places, self._exchange, self._intake = store, places, exchange, intake
        self._hooks, self._protected = hooks, protected

    def land(self, lease: Lease, migration: Migration, run: PhaseRun) -> None:
        """Run the hooks, publish, tick, record.

        Raises: HookFailed, HookUnknown, WorkspaceError where the branch cannot take the commit.
        """
        checkpoint = self._checkpoint(run)
        title, items = self._read(migration, run)
        self._hooks.land(migration, run.phase)
        commit = self._publish(migration, run, checkpoint, title)
        keys = [item.key for item in items]
        with self._intake.ticking(migration.task_id, dict.fromkeys(keys, "x")) as written:

            def work(transaction: Transaction, held: Migration) -> None:
                written.apply(transaction, keys, "x", f"agent {migration.agent}")
                self._record(transaction, held, run, checkpoint, commit)

            lease.finish(self._store, work)

    def _checkpoint(self, run: PhaseRun) -> Checkpoint:
        if run.checkpoint_id is None:
            raise NotFound("checkpoint", f"phase {run.phase}")
        with self._store.read() as connection:
            return CheckpointRepository(connection).get(run.checkpoint_id)

    def _read(self, migration: Migration, run: PhaseRun) -> tuple[str, list[TaskItem]]:
        with self._store.read() as connection:
            tasks = TaskRepository(connection)
            open_items = [
                item
                for item in tasks.items(migration.task_id)
                if item.phase == run.phase and item.removed_at is None and item.mark != "x"
            ]
            return tasks.get(migration.task_id).title, open_items

    def _publish(self, migration: Migration, run: PhaseRun, checkpoint: Checkpoint, title: str) -> str | None:
        if migration.branch is None:
            return None
        trailers = {
            "Roadmark-Task": migration.task_id,
            "Roadmark-Migration": migration.id,
            "Roadmark-Phase": str(run.phase),
        }
        message = f"{title}: phase {run.phase}, {run.name}"
        there = partial(publish, self._places.of(migration.id), checkpoint.ref, migration.branch)
        act = partial(there, message, trailers, protected=self._protected)
        return self._exchange.publish(migration, act).commit

    def _record(
        self,
        transaction: Transaction,
        migration: Migration,
        run: PhaseRun,
        checkpoint: Checkpoint,
        commit: str | None,
    ) -> None:
        migrations = MigrationRepository(transaction.connection)
        migrations.change_phase(
            migration.id,
            run.phase,
            state=PhaseState.DONE,
            feedback=None,
            published_commit=commit,
            finished_at=transaction.now,
        )
        if commit is not None:
            migration = migrations.change(migration, transaction.now, published_commit=commit)
            detail = {"branch": migration.branch, "commit": commit}
            transaction.record(event_of(migration, "branch.published", detail=detail))
        position = ask_position(transaction.connection, migration)
        checkpoints = CheckpointRepository(transaction.connection)
        name = _free_name(run.phase, checkpoints.of_migration(migration.id), checkpoint)
        checkpoints.change(checkpoint.id, kind=CheckpointKind.PHASE, name=name, position=position().as_json())
        transaction.record(event_of(migration, "phase.done", detail={"name": run.name, "commit": commit}))


def _free_name(phase: int, known: Sequence[Checkpoint], landing: Checkpoint) -> str:
    """`phase-2`; after a rollback and a second landing `phase-2.2`, and so on."""
    taken = {checkpoint.name for checkpoint in known if checkpoint.id != landing.id}
    names = (f"phase-{phase}", *(f"phase-{phase}.{round_}" for round_ in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)
