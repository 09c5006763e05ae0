"""One attempt at a phase: its row, its agent, the evidence, the verdict, the checkpoint, the closing.

The row is there before the process; the checkpoint carries the verdict, so that an attempt which was
finished but not recorded before a crash is taken over and not done again.
"""

import secrets
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from roadmark.executor.agents.base import AgentSession, Brief
from roadmark.executor.agents.registry import HandlerFactory
from roadmark.executor.attempt_log import AttemptLog, Line
from roadmark.executor.checkpointing import attempt_trailers, beginning_of_phase
from roadmark.executor.claims import claim
from roadmark.executor.clock import Clock
from roadmark.executor.conclusion import (
    INTERRUPTED,
    VERDICT_TRAILER,
    Closing,
    checkpoint_name,
    close_attempt,
    interrupt_attempt,
    written_verdict,
)
from roadmark.executor.config import Settings
from roadmark.executor.conversation import Conversation, Limits, Turn
from roadmark.executor.errors import DatabaseAway, RoadmarkError
from roadmark.executor.exchange import Exchange
from roadmark.executor.lease import Lease
from roadmark.executor.masking import mask
from roadmark.executor.metrics import MigrationMetrics
from roadmark.executor.model import (
    Attempt,
    Checkpoint,
    JournalEntry,
    Migration,
    PhaseRun,
    Task,
    TaskFile,
    TaskItem,
)
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.places import Places
from roadmark.executor.prompt import Prompts
from roadmark.executor.states import Move, Status
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.validator import MigrationValidator
from roadmark.executor.verdict import Case, Evidence, Outcome, TurnEnd, Verdict, decide
from roadmark.executor.workspace.checkpoints import take_checkpoint
from roadmark.executor.workspace.rewriting import Snapshot
from roadmark.executor.workspace.workspace import reach

_SAME_CHAT = frozenset({Outcome.RESUME_CHAT.value, Outcome.PARK.value, Outcome.FOLLOW_UP.value, INTERRUPTED})


@dataclass(frozen=True, slots=True)
class _Case:
    """What an attempt works with."""

    attempt: Attempt
    task: Task
    items: Sequence[TaskItem]
    files: Sequence[TaskFile]
    since: Checkpoint
    resume_session_id: str | None


class AttemptRunner:
    """Runs attempts, each to its closed row."""

    def __init__(
        self,
        *,
        store: Store,
        settings: Settings,
        places: Places,
        exchange: Exchange,
        factory: HandlerFactory,
        validator: MigrationValidator,
        prompts: Prompts,
        metrics: MigrationMetrics,
        clock: Clock,
        stopping: threading.Event,
    ) -> None:
        self._store, self._settings, self._places, self._exchange = store, settings, places, exchange
        self._factory, self._validator, self._prompts = factory, validator, prompts
        self._metrics, self._clock, self._stopping = metrics, clock, stopping
        self._cancelled: set[str] = set()
        store.bus.subscribe(self._hear)

    def run(self, lease: Lease, migration: Migration, run: PhaseRun) -> None:
        """Carry the phase out once. What goes wrong with it is closed with the attempt, never left open."""
        case = self._begin(lease, migration, run)
        try:
            turn = self._converse(lease, migration, run, case)
            lease.write(
                self._store, _nothing
            )  # where another worker has it meanwhile, nothing of ours may count
            if turn.stopped:
                self._interrupt(lease, case.attempt)
                return
            evidence = self._evidence(migration, case)
            verdict = decide(_judged(migration, run, case, turn, evidence))
            snapshot = self._checkpoint(case.attempt, verdict)
            self._exchange.send(migration)
        except DatabaseAway:
            raise
        except RoadmarkError as error:
            self._fail(lease, case.attempt, mask(str(error)))
            return
        close_attempt(
            self._store, self._metrics, lease, case.attempt, Closing(verdict, snapshot, turn, evidence)
        )

    def _hear(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            if entry.migration_id is not None and entry.to_status is not None:
                if entry.to_status == Status.CANCELLING:
                    self._cancelled.add(entry.migration_id)
                else:
                    self._cancelled.discard(entry.migration_id)

    def _begin(self, lease: Lease, migration: Migration, run: PhaseRun) -> _Case:
        """Read what the attempt needs and write its row; no process exists before this is durable."""
        nonce = secrets.token_hex(16)

        def work(transaction: Transaction, held: Migration) -> _Case:
            migrations = MigrationRepository(transaction.connection)
            earlier = [one for one in migrations.attempts(migration.id) if one.phase == run.phase]
            held = migrations.change(held, transaction.now, attempt=len(earlier) + 1)
            tasks = TaskRepository(transaction.connection)
            task = tasks.get(migration.task_id)
            items = [i for i in tasks.items(task.id) if i.phase == run.phase and i.removed_at is None]
            files = [file for file in tasks.files(task.id) if file.phase == run.phase]
            prompt = self._prompts.phase(
                task=task,
                migration=held,
                run=run,
                items=items,
                files=files,
                workspace=self._places.workspace(migration.id),
                nonce=nonce,
            )
            attempt = self._new_attempt(transaction.now, held, len(earlier) + 1, nonce, prompt)
            migrations.insert_attempt(attempt)
            migrations.change_phase(migration.id, run.phase, started_at=run.started_at or transaction.now)
            transaction.record(
                event_of(held, "attempt.began", detail={"agent": held.agent, "attempt": attempt.id})
            )
            checkpoints = CheckpointRepository(transaction.connection).of_migration(migration.id)
            since = beginning_of_phase(checkpoints, run.phase)
            is_known = self._places.home(migration.id).is_dir()
            return _Case(attempt, task, items, files, since, _chat(earlier, held) if is_known else None)

        return lease.write(self._store, work)

    def _new_attempt(
        self, now: datetime, migration: Migration, number: int, nonce: str, prompt: str
    ) -> Attempt:
        return Attempt(
            id=str(uuid.uuid4()),
            migration_id=migration.id,
            phase=migration.phase,
            number=number,
            agent=migration.agent,
            nonce=nonce,
            prompt=prompt,
            session_id=None,
            log_path=str(self._places.log(migration.id, migration.phase, number)),
            outcome=None,
            reason=None,
            evidence=None,
            used=False,
            checkpoint_id=None,
            tokens_in=None,
            tokens_out=None,
            cost_usd=None,
            peak_memory_bytes=None,
            started_at=now,
            ended_at=None,
        )

    def _converse(self, lease: Lease, migration: Migration, run: PhaseRun, case: _Case) -> Turn:
        log = AttemptLog(
            self._places.log(migration.id, run.phase, case.attempt.number),
            self._clock,
            lambda lines: self._publish(lease, migration, case.attempt, lines),
        )
        try:
            session = self._session(migration, run, case)
            limits = Limits(wall_s=migration.policy.timeout_s, idle_s=self._settings.idle_timeout_s)
            conversation = Conversation(session, log, self._clock, limits, self._stopping)
            return conversation.run(case.attempt.prompt, case.attempt.nonce, self._cancel_check(lease))
        except RoadmarkError as error:
            log.say("roadmark", str(error))
            return Turn(end=TurnEnd.CONFIGURATION, detail=str(error))
        finally:
            log.close()

    def _session(self, migration: Migration, run: PhaseRun, case: _Case) -> AgentSession:
        place = self._places.of(migration.id)
        brief = Brief(
            workspace=self._places.workspace(migration.id),
            home=reach(place).home,
            place=place,
            spec_title=case.task.title,
            phase=run.phase,
            phase_name=run.name,
            attempt=case.attempt.number,
            items=tuple(item.text for item in case.items if item.mark != "x"),
            files=tuple(case.files),
            environment={
                "ROADMARK_STATE": self._places.marker,
                "ROADMARK_MIGRATION": migration.id,
                "ROADMARK_PHASE": str(run.phase),
                "ROADMARK_ATTEMPT": str(case.attempt.number),
            },
            protected_paths=self._settings.protected_paths,
            log_folder=self._places.logs / migration.id,
            resume_session_id=case.resume_session_id,
        )
        return self._factory.make(migration.agent, brief)

    def _publish(self, lease: Lease, migration: Migration, attempt: Attempt, lines: list[Line]) -> None:
        """Lines for those who watch; nobody waits for the disk because of them."""

        def work(transaction: Transaction) -> None:
            if not lease.is_held(transaction):
                return
            detail = {"lines": [asdict(line) for line in lines], "attempt": attempt.id}
            transaction.record(
                event_of(migration, "agent.output", actor=f"agent {attempt.agent}", detail=detail)
            )

        self._store.submit(work, lease.migration_id)

    def _cancel_check(self, lease: Lease) -> Callable[[], bool]:
        """Whether a person ended it, heard on the bus or seen in the row, or another worker has it."""
        looked_at = self._clock.monotonic_s()

        def check() -> bool:
            nonlocal looked_at
            if lease.migration_id in self._cancelled:
                return True
            if self._clock.monotonic_s() - looked_at < 1.0:
                return False
            looked_at = self._clock.monotonic_s()
            try:
                with self._store.read() as connection:
                    migration = MigrationRepository(connection).get(lease.migration_id)
            except DatabaseAway:
                return False
            return migration.status is Status.CANCELLING or migration.fence != lease.fence

        return check

    def _evidence(self, migration: Migration, case: _Case) -> Evidence:
        return self._validator.evidence(migration.id, case.since, case.files, case.task.source_path)

    def _checkpoint(self, attempt: Attempt, verdict: Verdict) -> Snapshot:
        trailers = dict(attempt_trailers(attempt.migration_id, attempt.phase, attempt.number))
        trailers[VERDICT_TRAILER] = written_verdict(verdict)
        return take_checkpoint(self._places.of(attempt.migration_id), checkpoint_name(attempt), trailers)

    def _interrupt(self, lease: Lease, attempt: Attempt) -> None:
        """The service ends: nobody is to blame, and the next start goes on."""

        def work(transaction: Transaction, held: Migration) -> None:
            interrupt_attempt(transaction, held, attempt, "the service was stopped")

        lease.write(self._store, work)

    def _fail(self, lease: Lease, attempt: Attempt, reason: str) -> None:
        """Close the attempt whose evidence or checkpoint could not be had, and ask for a person's repair."""

        def work(transaction: Transaction, migration: Migration) -> None:
            MigrationRepository(transaction.connection).close_attempt(
                attempt.id, transaction.now, outcome=Outcome.BLOCK, reason=reason
            )
            transaction.record(
                event_of(migration, "attempt.ended", detail={"outcome": "block", "reason": reason})
            )
            if migration.status is Status.RUNNING:
                make_move(transaction, migration, Move.BLOCK, reason=reason)

        lease.write(self._store, work)


def _nothing(transaction: Transaction, migration: Migration) -> None:
    """Only see that the lease holds."""
    del transaction, migration


def _judged(migration: Migration, run: PhaseRun, case: _Case, turn: Turn, evidence: Evidence) -> Case:
    policy = migration.policy
    return Case(
        end=turn.end,
        end_detail=turn.detail,
        claim=claim(turn.message, policy.keywords, case.attempt.prompt),
        report=turn.report,
        refused_permission=turn.refused_permission,
        nonce=case.attempt.nonce,
        evidence=evidence,
        automation_level=policy.automation_level,
        confirmation_required=policy.confirmation_required,
        fallback_detection=policy.fallback_detection,
        attempts_used=run.attempts_used,
        max_attempts=policy.max_attempts,
        questions_asked=run.questions_asked,
        max_confirmation_attempts=policy.max_confirmation_attempts,
        connection_resumes=run.chat_resumes,
    )


def _chat(earlier: Sequence[Attempt], migration: Migration) -> str | None:
    """The chat to go on with: after an interruption, or wherever a new one is not asked for."""
    if not earlier:
        return None
    last = earlier[-1]
    if last.outcome in _SAME_CHAT or not migration.policy.new_chat_required:
        return last.session_id
    return None
