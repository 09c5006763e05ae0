"""MigrationManager: what people order. It accepts, answers, pauses, resumes, retries and ends migrations."""

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from roadmark.executor import questions
from roadmark.executor.config import Settings
from roadmark.executor.confirmation import reads_as_confirmation, reads_as_refusal
from roadmark.executor.errors import (
    AlreadyRunning,
    Conflict,
    MoveRefused,
    NoOpenWait,
    NotFound,
    ReplyUnclear,
    SpecNotExecutable,
)
from roadmark.executor.masking import mask
from roadmark.executor.model import Migration, PhaseRun, Reply, Task, TaskPhase, Wait
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.policy import asks_before_start, policy_for
from roadmark.executor.states import ENDED, Move, PhaseState, Status, TaskStatus, WaitKind
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.store.waits import WaitRepository
from roadmark.executor.verdict import Verification

_REPLACEABLE = ENDED | {Status.FAILED, Status.ROLLED_BACK}
"""A task whose latest migration stands here may be started anew."""

_MAX_REPLY = 10_000
"""Characters of a reply that are kept; nobody confirms at greater length."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a reply did: `accepted`, or `sent_back` with its reason to the agent."""

    outcome: str
    migration: Migration


class MigrationManager:
    """The only door for orders; each is one transaction, durable when the method returns."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings

    def start(
        self, task_id: str, actor: str, agent: str | None = None, at: datetime | None = None
    ) -> Migration:
        """Queue a migration of the task, to be taken up now or not before `at`.

        Raises: NotFound, SpecNotExecutable, AlreadyRunning, BranchNameRefused.
        """
        return self._store.write(lambda transaction: self.begin(transaction, task_id, actor, agent, at))

    def begin(
        self,
        transaction: Transaction,
        task_id: str,
        actor: str,
        agent: str | None = None,
        at: datetime | None = None,
    ) -> Migration:
        """What `start` does, within the caller's transaction; whatever it raises, nothing is written yet."""
        chosen = self.known_agent(agent)
        tasks = TaskRepository(transaction.connection)
        task = tasks.get(task_id)
        self._refuse_unexecutable(tasks, task)
        self._refuse_second(transaction, task)
        migration, runs = self._new(transaction, task, chosen, actor)
        migration = replace(migration, due_at=at)
        migrations = MigrationRepository(transaction.connection)
        migrations.pin_spec(migration.spec_sha256, task.source_content)
        migrations.insert(migration, runs)
        tasks.update(task.id, migration_id=migration.id, status="in_progress", updated_at=transaction.now)
        transaction.record(
            event_of(migration, "migration.started", actor=actor, detail=_shown_start(chosen, at))
        )
        return migration

    def known_agent(self, agent: str | None) -> str:
        """The agent of this name, or the one of the configuration. Raises: NotFound."""
        chosen = agent or self._settings.agent
        if chosen not in self._settings.agents:
            raise NotFound("agent", chosen)
        return chosen

    def reply(
        self, migration_id: str, text: str, actor: str, via: str, wait_id: str | None = None
    ) -> Answered:
        """Answer the open question. Raises: NotFound, NoOpenWait, ReplyUnclear (recorded; ask again)."""
        kept = mask(text[:_MAX_REPLY])

        def work(transaction: Transaction) -> Answered | ReplyUnclear:
            migration, wait = self._open_question(transaction, migration_id, wait_id)
            reading = _read_reply(kept, wait)
            self._record(transaction, migration, wait, kept, reading, actor, via)
            if reading == "unclear":
                tries = WaitRepository(transaction.connection).count_try(wait)
                return ReplyUnclear(kept, wait.keywords, max(0, wait.max_tries - tries))
            return Answered(reading, self._apply(transaction, migration, wait, kept, reading, actor))

        answer = self._store.write(work)
        if isinstance(answer, ReplyUnclear):
            raise answer
        return answer

    def extend(self, migration_id: str, actor: str) -> Wait:
        """Give the open question a fresh deadline. Raises: NotFound, NoOpenWait."""

        def work(transaction: Transaction) -> Wait:
            migration, wait = self._open_question(transaction, migration_id, None)
            waits = WaitRepository(transaction.connection)
            waits.extend(wait, transaction.now + timedelta(seconds=migration.policy.wait_s))
            transaction.record(event_of(migration, "wait.extended", actor=actor, detail={"wait": wait.id}))
            return waits.open_of(migration_id) or wait

        return self._store.write(work)

    def pause(self, migration_id: str, actor: str, version: int | None = None) -> Migration:
        """Hold the migration back; one that is running pauses after its attempt.

        Raises: NotFound, MoveRefused, Conflict.
        """

        def work(transaction: Transaction) -> Migration:
            migration = _seen(transaction, migration_id, version)
            if migration.status is not Status.RUNNING:
                return make_move(transaction, migration, Move.PAUSE, actor=actor)
            transaction.record(event_of(migration, "pause.requested", actor=actor))
            return MigrationRepository(transaction.connection).change(
                migration, transaction.now, wanted="pause"
            )

        return self._store.write(work)

    def resume(self, migration_id: str, actor: str, version: int | None = None) -> Migration:
        """Let a paused or rolled-back migration go on. Raises: NotFound, MoveRefused, Conflict."""
        return self._order(migration_id, Move.RESUME, actor, version)

    def retry(self, migration_id: str, actor: str, version: int | None = None) -> Migration:
        """Grant a failed, blocked or quarantined migration a fresh round of attempts.

        Raises: NotFound, MoveRefused, Conflict.
        """

        def work(transaction: Transaction) -> Migration:
            migration = _seen(transaction, migration_id, version)
            _refuse_superseded(transaction, migration, Move.RETRY)
            _grant_attempts(transaction, migration)
            return make_move(transaction, migration, Move.RETRY, actor=actor)

        return self._store.write(work)

    def cancel(self, migration_id: str, actor: str, version: int | None = None) -> Migration:
        """End the migration; a running agent is stopped first. Raises: NotFound, MoveRefused, Conflict."""

        def work(transaction: Transaction) -> Migration:
            migration = _seen(transaction, migration_id, version)
            wait = WaitRepository(transaction.connection).open_of(migration_id)
            if wait is not None:
                questions.close(transaction, migration, wait, "cancelled", actor)
            return make_move(transaction, migration, Move.CANCEL, actor=actor)

        return self._store.write(work)

    def lapse_overdue(self) -> None:
        """Close the questions whose deadline has passed: an attempt is used, and it is never a yes."""

        def work(transaction: Transaction) -> None:
            migrations = MigrationRepository(transaction.connection)
            for wait in WaitRepository(transaction.connection).lapsed(transaction.now):
                migration = migrations.get(wait.migration_id)
                if migration.status is Status.WAITING and questions.close(
                    transaction, migration, wait, "lapsed"
                ):
                    _lapse(transaction, migration, wait)

        with self._store.read() as connection:
            overdue = WaitRepository(connection).lapsed(self._store.clock.now())
        if overdue:
            self._store.write(work)

    def unpark_due(self) -> None:
        """Queue the parked migrations whose time has come."""

        def work(transaction: Transaction) -> None:
            for migration in MigrationRepository(transaction.connection).due(Status.PARKED, transaction.now):
                make_move(transaction, migration, Move.UNPARK)

        with self._store.read() as connection:
            due = MigrationRepository(connection).due(Status.PARKED, self._store.clock.now())
        if due:
            self._store.write(work)

    def _order(self, migration_id: str, move: Move, actor: str, version: int | None) -> Migration:
        def work(transaction: Transaction) -> Migration:
            migration = _seen(transaction, migration_id, version)
            _refuse_superseded(transaction, migration, move)
            return make_move(transaction, migration, move, actor=actor, wanted=None)

        return self._store.write(work)

    def _refuse_unexecutable(self, tasks: TaskRepository, task: Task) -> None:
        if task.status is TaskStatus.WITHDRAWN:
            raise SpecNotExecutable(task.source_path, ["its file is gone; put it back first"])
        if task.executable:
            return
        errors = [problem for problem in tasks.problems(task.id) if problem.severity == "error"]
        raise SpecNotExecutable(
            task.source_path,
            [f"{p.line}:{p.column} {p.code} {p.message}" for p in errors] or ["it is no spec"],
        )

    def _refuse_second(self, transaction: Transaction, task: Task) -> None:
        if task.migration_id is None:
            return
        latest = MigrationRepository(transaction.connection).get(task.migration_id)
        if latest.status not in _REPLACEABLE:
            raise AlreadyRunning(task.id, latest.id, latest.status)

    def _new(
        self, transaction: Transaction, task: Task, agent: str, actor: str
    ) -> tuple[Migration, list[PhaseRun]]:
        policy = policy_for(task, self._settings)
        runs = _new_runs(TaskRepository(transaction.connection), task.id)
        migration = Migration(
            id=str(uuid.uuid4()),
            task_id=task.id,
            status=Status.QUEUED,
            phase=1,
            phase_count=len(runs),
            attempt=0,
            agent=agent,
            policy=policy,
            spec_sha256=hashlib.sha256(task.source_content.encode()).hexdigest(),
            branch=policy.branch,
            base_commit=None,
            published_commit=None,
            start_confirmed=not asks_before_start(policy),
            reason=None,
            wanted=None,
            lease_owner=None,
            lease_until=None,
            fence=0,
            due_at=None,
            started_by=actor,
            created_at=transaction.now,
            updated_at=transaction.now,
            finished_at=None,
            version=1,
        )
        return migration, [replace(run, migration_id=migration.id) for run in runs]

    def _open_question(
        self, transaction: Transaction, migration_id: str, wait_id: str | None
    ) -> tuple[Migration, Wait]:
        migration = MigrationRepository(transaction.connection).get(migration_id)
        wait = WaitRepository(transaction.connection).open_of(migration_id)
        if wait is None or migration.status is not Status.WAITING or wait_id not in (None, wait.id):
            raise NoOpenWait(migration_id, migration.status)
        return migration, wait

    def _record(
        self,
        transaction: Transaction,
        migration: Migration,
        wait: Wait,
        text: str,
        reading: str,
        actor: str,
        via: str,
    ) -> None:
        reply = Reply(
            id=str(uuid.uuid4()),
            wait_id=wait.id,
            migration_id=migration.id,
            text=text,
            outcome=reading,
            actor=actor,
            via=via,
            at=transaction.now,
        )
        WaitRepository(transaction.connection).record(reply)
        detail = {"wait": wait.id, "outcome": reading, "via": via, "text": text}
        transaction.record(event_of(migration, "reply.received", actor=actor, detail=detail))

    def _apply(
        self, transaction: Transaction, migration: Migration, wait: Wait, text: str, reading: str, actor: str
    ) -> Migration:
        questions.close(transaction, migration, wait, reading, actor)
        if wait.kind is WaitKind.QUESTION and not _settles_question(transaction, migration, wait, text):
            MigrationRepository(transaction.connection).change_phase(
                migration.id, wait.phase, state=PhaseState.PENDING, feedback=text
            )
        elif reading == "sent_back":
            return _send_back(transaction, migration, reads_as_refusal(text) or text, actor)
        else:
            questions.confirm(transaction, wait)
        begins = wait.kind is WaitKind.START
        started: dict[str, Any] = {"start_confirmed": True} if begins else {}
        return make_move(transaction, migration, Move.ANSWER, actor=actor, **started)


def _shown_start(agent: str, at: datetime | None) -> dict[str, Any]:
    return {"agent": agent} if at is None else {"agent": agent, "at": at.isoformat()}


def _settles_question(transaction: Transaction, migration: Migration, wait: Wait, text: str) -> bool:
    """Whether a person's keyword accepts the work that stands there, instead of answering the agent."""
    attempts = MigrationRepository(transaction.connection).attempts(migration.id)
    evidence = attempts[-1].evidence if attempts else None
    return reads_as_confirmation(text, wait.keywords) and bool(
        evidence
        and evidence["changed_paths"]
        and not evidence["missing_required"]
        and evidence["verification"] != Verification.FAILED
    )


def _read_reply(text: str, wait: Wait) -> str:
    if reads_as_confirmation(text, wait.keywords):
        return "accepted"
    if wait.kind is WaitKind.QUESTION:
        return "accepted" if text.strip() else "unclear"
    if wait.kind is WaitKind.CONFIRM and reads_as_refusal(text):
        return "sent_back"
    return "unclear"


def _send_back(transaction: Transaction, migration: Migration, feedback: str, actor: str) -> Migration:
    run = MigrationRepository(transaction.connection).phase_run(migration.id, migration.phase)
    used = questions.send_back(transaction, run, feedback)
    if used >= migration.policy.max_attempts:
        reason = f"sent back after attempt {used} of {used}: {feedback}"
        return make_move(transaction, migration, Move.FAIL, actor=actor, reason=reason)
    return make_move(transaction, migration, Move.ANSWER, actor=actor)


def _lapse(transaction: Transaction, migration: Migration, wait: Wait) -> None:
    if wait.kind in (WaitKind.START, WaitKind.BEGIN):
        make_move(
            transaction, migration, Move.PAUSE, reason="nobody answered in time; resume it to be asked again"
        )
        return
    run = MigrationRepository(transaction.connection).phase_run(migration.id, migration.phase)
    used = questions.send_back(transaction, run, "Nobody confirmed the last attempt in time; check it again.")
    if used >= migration.policy.max_attempts:
        make_move(transaction, migration, Move.FAIL, reason=f"no reply in time; {used} attempts are used up")
    else:
        make_move(transaction, migration, Move.LAPSE, reason="no reply in time")


def _grant_attempts(transaction: Transaction, migration: Migration) -> None:
    migrations = MigrationRepository(transaction.connection)
    fresh = {"attempts_used": 0, "questions_asked": 0, "chat_resumes": 0, "interruptions": 0}
    migrations.change_phase(migration.id, migration.phase, **fresh)
    if migrations.phase_run(migration.id, migration.phase).state is PhaseState.ASKED:
        migrations.change_phase(migration.id, migration.phase, state=PhaseState.PENDING)


def _seen(transaction: Transaction, migration_id: str, version: int | None) -> Migration:
    """The migration, if it is still as the caller saw it. Raises: NotFound, Conflict."""
    migration = MigrationRepository(transaction.connection).get(migration_id)
    if version is not None and version != migration.version:
        raise Conflict(migration_id, version, migration.version)
    return migration


def _refuse_superseded(transaction: Transaction, migration: Migration, move: Move) -> None:
    """A task has one live migration; an older one cannot come back beside a newer one."""
    task = TaskRepository(transaction.connection).get(migration.task_id)
    if task.migration_id != migration.id:
        raise MoveRefused(migration.id, migration.status, move)


def _new_runs(tasks: TaskRepository, task_id: str) -> list[PhaseRun]:
    """A row a phase; one whose boxes are all ticked already is done and is not carried out again."""
    items = [item for item in tasks.items(task_id) if item.phase is not None and item.removed_at is None]
    owning = {item.phase for item in items}
    unfinished = {item.phase for item in items if item.mark != "x"}
    return [_new_run(phase, phase.ordinal in owning - unfinished) for phase in tasks.phases(task_id)]


def _new_run(phase: TaskPhase, is_done: bool) -> PhaseRun:  # noqa: FBT001 - a value, not a switch
    return PhaseRun(
        migration_id="",
        phase=phase.ordinal,
        name=phase.name,
        state=PhaseState.DONE if is_done else PhaseState.PENDING,
        cleared=False,
        attempts_used=0,
        questions_asked=0,
        chat_resumes=0,
        interruptions=0,
        feedback=None,
        checkpoint_id=None,
        published_commit=None,
        started_at=None,
        finished_at=None,
    )
