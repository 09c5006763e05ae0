"""MigrationRollback: plan, preview, restore, prove. Files, branch, boxes and rows go back together.

Every rollback first takes a safety checkpoint, so that it can itself be undone; nothing is erased.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from types import MappingProxyType

import sqlalchemy as sa
from roadmark.executor.checkpointing import beginning_of_phase, keep_checkpoint
from roadmark.executor.dependencies import dependents_of
from roadmark.executor.errors import (
    Conflict,
    ConflictsUndecided,
    DatabaseAway,
    NotFound,
    ReasonMissing,
    RoadmarkError,
)
from roadmark.executor.events import SYSTEM
from roadmark.executor.exchange import Exchange
from roadmark.executor.hooks import Hooks, Undoing
from roadmark.executor.intake import Intake
from roadmark.executor.integrity import Integrity, failing
from roadmark.executor.lease import Lease
from roadmark.executor.masking import mask
from roadmark.executor.model import Checkpoint, CheckpointKind, Migration, Rollback, RollbackState, TaskItem
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.places import Places
from roadmark.executor.positions import Position, read_position
from roadmark.executor.rollback_order import Order, accept, choices_of, give_up_rest, go_on, refuse_retired
from roadmark.executor.states import Move, PhaseState, Status
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.workspace.checkpoints import take_checkpoint
from roadmark.executor.workspace.differences import FileDelta, diff
from roadmark.executor.workspace.merging import Choice
from roadmark.executor.workspace.publish import Published, clashes, conflicts, publish_revert
from roadmark.executor.workspace.restore import restore
from roadmark.executor.workspace.rewriting import Proof

UNTOUCHED = (
    "your checkout, index, HEAD, stash and configuration",
    "every branch but the migration's own",
    "files outside the migration's workspace",
)
IRREVERSIBLE = (
    "changes to databases, pushes and network calls that the agent may have made",
    "files that git ignores, unless you go back to the start",
)


@dataclass(frozen=True, slots=True)
class Dependent:
    """The migration of a task that depends on another."""

    task_id: str
    title: str
    migration_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rollback will do, in order, and what it will not or cannot.

    `conflicts` are files that people changed on the branch since, `clashes` those among them that need a
    decision, `dependents` what else can go back with it.
    """

    checkpoint: Checkpoint
    version: int
    branch: str | None
    steps: tuple[str, ...]
    untouched: tuple[str, ...]
    irreversible: tuple[str, ...]
    files: tuple[FileDelta, ...]
    boxes: tuple[str, ...]
    conflicts: tuple[str, ...]
    clashes: tuple[str, ...]
    dependents: tuple[Dependent, ...]


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Which boxes change, by key."""

    untick: tuple[str, ...]
    tick: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _HookSteps:
    """What a preview tells of hooks: before and after the files go back."""

    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """A rollback under way."""

    lease: Lease
    rollback: Rollback
    migration: Migration
    target: Checkpoint
    position: Position
    boxes: _Boxes


class MigrationRollback:
    """Takes migrations back to their checkpoints."""

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
        self.integrity = Integrity(store, places, exchange, intake.folder)

    def preview(self, migration_id: str, to: str) -> Plan:
        """What a rollback to it would do. Raises: NotFound, CheckpointUnknown, CheckpointsGone."""
        with self._store.read() as connection:
            migration = MigrationRepository(connection).get(migration_id)
            refuse_retired(connection, migration_id)
            target = CheckpointRepository(connection).named(migration_id, to)
            items = TaskRepository(connection).items(migration.task_id)
        boxes = _boxes(items, read_position(target.position))
        hooks = self._hooks.undoing(migration, _done_there(target))
        self._exchange.look(migration_id)
        place = self._places.of(migration_id)
        files = diff(place, target.ref, None)
        published = migration.branch if _has_published(migration, target) else None
        texts = {item.key: item.text for item in items}
        return Plan(
            checkpoint=target,
            version=migration.version,
            branch=migration.branch,
            steps=_steps(migration, target, files, boxes, self._told(hooks)),
            untouched=UNTOUCHED,
            irreversible=IRREVERSIBLE,
            files=files,
            boxes=tuple(texts[key] for key in (*boxes.untick, *boxes.tick)),
            conflicts=conflicts(place, published) if published else (),
            clashes=self._clashes(migration, target),
            dependents=self.dependents(migration_id),
        )

    def request(
        self,
        migration_id: str,
        to: str,
        reason: str,
        actor: str,
        version: int | None = None,
        *,
        choices: Mapping[str, Choice] = MappingProxyType({}),
        with_dependents: bool = False,
    ) -> Rollback:
        """Accept a rollback; a worker carries it out, after the agent of a running migration is stopped.

        `choices` say what becomes of files in which people changed the same lines, by path. With its
        dependents the migrations of all tasks that depend on it go back to their starts first; all are
        accepted or none.

        Raises: NotFound, CheckpointUnknown, CheckpointsGone, ReasonMissing, ConflictsUndecided, Conflict,
        MoveRefused.
        """
        members = self.dependents(migration_id) if with_dependents else ()
        with self._store.read() as connection:
            checkpoints = CheckpointRepository(connection)
            targets = [checkpoints.named(member.migration_id, "start") for member in members]
            targets.append(checkpoints.named(migration_id, to))
        return self._accept(targets, Order(reason=reason, actor=actor, choices=choices), version)

    def undo(
        self,
        migration_id: str,
        reason: str,
        actor: str,
        choices: Mapping[str, Choice] = MappingProxyType({}),
    ) -> Rollback:
        """Take back the latest rollback.

        Raises: NotFound, CheckpointsGone, ReasonMissing, ConflictsUndecided, MoveRefused.
        """
        with self._store.read() as connection:
            checkpoints = CheckpointRepository(connection)
            done = [row for row in checkpoints.rollbacks(migration_id) if row.state is RollbackState.DONE]
            if not done or done[-1].safety_checkpoint_id is None:
                raise NotFound("rollback", migration_id)
            target = checkpoints.get(done[-1].safety_checkpoint_id)
        order = Order(reason=reason, actor=actor, undoes=done[-1].id, choices=choices)
        return self._accept([target], order, None)

    def dependents(self, migration_id: str) -> tuple[Dependent, ...]:
        """The migrations of tasks that depend on this one's, in the order in which they would go back."""
        with self._store.read() as connection:
            task_id = MigrationRepository(connection).get(migration_id).task_id
            found = (_dependent(connection, task) for task in dependents_of(connection, task_id))
            return tuple(one for one in found if one is not None)

    def carry_out(self, lease: Lease) -> None:
        """Finish the accepted rollback; safe to repeat from any point. What fails is recorded and blocks.

        Raises: LeaseLost, DatabaseAway.
        """
        job = self._job(lease)
        try:
            self._restore(job)
        except DatabaseAway:
            raise
        except RoadmarkError as error:
            reason = mask(str(error))
            self._store.write(lambda transaction: _refuse(transaction, job, reason))
        else:
            self._keep_checks(job)

    def _keep_checks(self, job: _Job) -> None:
        """Look at everything once more, and keep what was found with the proof."""
        checks = self.integrity.check(job.migration.id)

        def work(transaction: Transaction) -> None:
            checkpoints = CheckpointRepository(transaction.connection)
            result = {
                **(checkpoints.rollback(job.rollback.id).result or {}),
                "checks": [*map(asdict, checks)],
            }
            checkpoints.change_rollback(job.rollback.id, result=result)
            detail = {"rollback": job.rollback.id, "failed": list(failing(checks))}
            transaction.record(event_of(job.migration, "rollback.checked", detail=detail))

        self._store.write(work)

    def _accept(self, targets: Sequence[Checkpoint], order: Order, version: int | None) -> Rollback:
        """All in their order; `version` and the answer are those of the last."""
        if not order.reason.strip():
            raise ReasonMissing
        for target in targets:
            self._exchange.look(target.migration_id)
        self._refuse_undecided(targets, order.choices)

        def work(transaction: Transaction) -> Rollback:
            migrations = MigrationRepository(transaction.connection)
            asked = migrations.get(targets[-1].migration_id)
            if version is not None and version != asked.version:
                raise Conflict(asked.id, version, asked.version)
            first, *rest = targets
            rollback = accept(transaction, migrations.get(first.migration_id), first, order)
            for target in rest:
                following = replace(order, follows=rollback.id)
                rollback = accept(transaction, migrations.get(target.migration_id), target, following)
            return rollback

        return self._store.write(work)

    def _refuse_undecided(self, targets: Sequence[Checkpoint], choices: Mapping[str, Choice]) -> None:
        for target in targets:
            with self._store.read() as connection:
                refuse_retired(connection, target.migration_id)
                migration = MigrationRepository(connection).get(target.migration_id)
            undecided = [path for path in self._clashes(migration, target) if path not in choices]
            if undecided:
                raise ConflictsUndecided(undecided)

    def _clashes(self, migration: Migration, target: Checkpoint) -> tuple[str, ...]:
        if migration.branch is None or not _has_published(migration, target):
            return ()
        return clashes(self._places.of(migration.id), target.ref, migration.branch)

    def _job(self, lease: Lease) -> _Job:
        migration_id = lease.migration_id
        with self._store.read() as connection:
            checkpoints = CheckpointRepository(connection)
            rollback = checkpoints.open_rollback(migration_id)
            if rollback is None:
                raise NotFound("open rollback", migration_id)
            migration = MigrationRepository(connection).get(migration_id)
            target = checkpoints.get(rollback.checkpoint_id)
            position = read_position(target.position)
            items = TaskRepository(connection).items(migration.task_id)
        return _Job(lease, rollback, migration, target, position, _boxes(items, position))

    def _restore(self, job: _Job) -> None:
        safety = self._take_safety(job)
        self._refuse_undecided([job.target], choices_of(job.rollback))
        place = self._places.of(job.migration.id)
        hooks = self._hooks.undoing(job.migration, _done_there(job.target))
        self._hooks.revert(job.migration, hooks.revert)
        proof = restore(place, job.target.ref)
        self._hooks.apply(job.migration, hooks.apply)
        published = self._revert_branch(job)
        marks = {**dict.fromkeys(job.boxes.untick, " "), **dict.fromkeys(job.boxes.tick, "x")}
        with self._intake.ticking(job.migration.task_id, marks) as ticks:

            def work(transaction: Transaction) -> None:
                by = f"agent {job.migration.agent}"
                ticks.apply(transaction, job.boxes.untick, " ", job.rollback.actor)
                ticks.apply(transaction, job.boxes.tick, "x", by)
                _finish(transaction, job, safety, proof, published)

            self._store.write(work)

    def _told(self, hooks: Undoing) -> _HookSteps:
        return _HookSteps(
            tuple(self._hooks.shown(use, "revert") for use in hooks.revert),
            tuple(self._hooks.shown(use, "apply") for use in hooks.apply),
        )

    def _take_safety(self, job: _Job) -> Checkpoint:
        """The state before the rollback; the row says where the migration stood when it was asked for."""
        name = f"before-{job.rollback.id[:8]}"
        snapshot = take_checkpoint(
            self._places.of(job.migration.id), name, {"Roadmark-Rollback": job.rollback.id}
        )
        self._exchange.send(job.migration)

        def work(transaction: Transaction) -> Checkpoint:
            checkpoints = CheckpointRepository(transaction.connection)
            migration = job.lease.held(transaction)
            kind, before = CheckpointKind.SAFETY, read_position(job.rollback.plan["before"])
            kept = keep_checkpoint(transaction, migration, name, kind, snapshot, before)
            checkpoints.change_rollback(job.rollback.id, safety_checkpoint_id=kept.id)
            return checkpoints.get(kept.id)

        return self._store.write(work)

    def _revert_branch(self, job: _Job) -> Published | None:
        migration = job.migration
        if migration.branch is None or migration.published_commit == job.position.published_commit:
            return None
        message = f"Roll back to {job.target.name}: {job.rollback.reason}"
        trailers = {"Roadmark-Migration": migration.id, "Roadmark-Rollback": job.rollback.id}
        there = partial(publish_revert, self._places.of(migration.id), job.target.ref, migration.branch)
        choices = choices_of(job.rollback)
        act = partial(there, message, trailers, protected=self._protected, choices=choices)
        return self._exchange.publish(migration, act)


def roll_back_after_failure(transaction: Transaction, migration: Migration) -> None:
    """Begin the rollback that the operator wants after a critical failure, if any."""
    wanted = migration.policy.on_failure
    checkpoints = CheckpointRepository(transaction.connection).of_migration(migration.id)
    if wanted == "ask" or not checkpoints:
        return
    target = checkpoints[0] if wanted == "start" else beginning_of_phase(checkpoints, migration.phase)
    reason = f"automatic, after a failure: {migration.reason}"
    accept(transaction, migration, target, Order(reason=reason, actor=SYSTEM))


def _finish(
    transaction: Transaction, job: _Job, safety: Checkpoint, proof: Proof, published: Published | None
) -> None:
    migrations = MigrationRepository(transaction.connection)
    migration = job.lease.held(transaction)
    for phase, state in job.position.states.items():
        migrations.change_phase(
            migration.id,
            phase,
            state=state,
            published_commit=job.position.published.get(phase),
            attempts_used=0,
            questions_asked=0,
            chat_resumes=0,
            feedback=None,
        )
    result = {
        "tree": proof.actual_tree,
        "removed": list(proof.removed),
        "restored": list(proof.restored),
        "unticked": list(job.boxes.untick),
        "ticked": list(job.boxes.tick),
        "commit": published.commit if published else None,
    }
    checkpoints = CheckpointRepository(transaction.connection)
    checkpoints.change_rollback(
        job.rollback.id, state=RollbackState.DONE, result=result, finished_at=transaction.now
    )
    if job.rollback.undoes is not None:
        checkpoints.change_rollback(job.rollback.undoes, state=RollbackState.UNDONE)
    make_move(
        transaction,
        migration,
        _arrival(job),
        actor=job.rollback.actor,
        phase=job.position.phase,
        attempt=job.position.attempt,
        start_confirmed=job.position.start_confirmed,
        published_commit=published.commit if published else job.position.published_commit,
        reason=_said(job),
        finished_at=None,
    )
    detail = {"rollback": job.rollback.id, "to": job.target.name, "safety": safety.name, **asdict(proof)}
    transaction.record(event_of(migration, "rollback.done", actor=job.rollback.actor, detail=detail))
    go_on(transaction, job.rollback)


def _arrival(job: _Job) -> Move:
    if job.target.kind is not CheckpointKind.SAFETY:
        return Move.RESTORED
    return Move.RECOMPLETE if job.position.status is Status.COMPLETED else Move.REINSTATE


def _said(job: _Job) -> str:
    verb = "rollback undone" if job.rollback.undoes else f"rolled back to {job.target.name}"
    return f"{verb} by {job.rollback.actor}: {job.rollback.reason}"


def _refuse(transaction: Transaction, job: _Job, reason: str) -> None:
    migration = job.lease.held(transaction)
    CheckpointRepository(transaction.connection).change_rollback(
        job.rollback.id, state=RollbackState.REFUSED, result={"reason": reason}, finished_at=transaction.now
    )
    detail = {"rollback": job.rollback.id, "reason": reason}
    transaction.record(event_of(migration, "rollback.refused", detail=detail))
    make_move(transaction, migration, Move.BLOCK, reason=f"the rollback could not be done: {reason}")
    give_up_rest(transaction, job.rollback)


def _boxes(items: Sequence[TaskItem], position: Position) -> _Boxes:
    """The boxes of the phases that the position has otherwise than the rows."""
    there = [item for item in items if item.removed_at is None and item.phase is not None]
    ticked = frozenset(position.ticked)
    return _Boxes(
        untick=tuple(item.key for item in there if item.mark == "x" and item.key not in ticked),
        tick=tuple(item.key for item in there if item.mark != "x" and item.key in ticked),
    )


def _dependent(connection: sa.Connection, task_id: str) -> Dependent | None:
    """The task's migration, where it has anything to take back."""
    task = TaskRepository(connection).get(task_id)
    if task.migration_id is None:
        return None
    migration = MigrationRepository(connection).get(task.migration_id)
    checkpoints = CheckpointRepository(connection)
    done = [one for one in checkpoints.rollbacks(migration.id) if one.state is RollbackState.DONE]
    is_back = migration.status is Status.ROLLED_BACK and done and done[-1].plan["to"] == "start"
    if is_back or not checkpoints.of_migration(migration.id):
        return None
    return Dependent(task.id, task.title, migration.id)


def _has_published(migration: Migration, target: Checkpoint) -> bool:
    published = read_position(target.position).published_commit
    return migration.branch is not None and migration.published_commit not in (None, published)


def _done_there(target: Checkpoint) -> list[int]:
    """The phases that are done in the state of a checkpoint."""
    states = read_position(target.position).states
    return sorted(phase for phase, state in states.items() if state is PhaseState.DONE)


def _steps(
    migration: Migration,
    target: Checkpoint,
    files: Sequence[FileDelta],
    boxes: _Boxes,
    hooks: _HookSteps,
) -> tuple[str, ...]:
    steps = []
    if migration.status is Status.RUNNING:
        steps.append(f"stop attempt {migration.attempt} of phase {migration.phase}, which is running")
    steps.append("keep the present state as a checkpoint of its own, so that this can be undone")
    steps += hooks.before
    changed = _counted(len(files), "file", "files")
    steps.append(f"bring the workspace back to {target.name!r} ({changed}) and prove its tree")
    steps += hooks.after
    if _has_published(migration, target):
        steps.append(f"add a revert commit to branch {migration.branch}")
    if boxes.untick:
        steps.append(f"untick {_counted(len(boxes.untick), 'box', 'boxes')} in the spec")
    if boxes.tick:
        steps.append(f"tick {_counted(len(boxes.tick), 'box', 'boxes')} in the spec again")
    steps.append("hold the migration until a person resumes it")
    return tuple(steps)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
