"""How an attempt is closed: its verdict becomes the row's end, the checkpoint's row and the next move.

The verdict also travels in the checkpoint itself, so that an attempt which was finished but not
recorded before a crash can be closed the same way at the next start.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from datetime import timedelta
from typing import Any, assert_never

from roadmark.executor import questions
from roadmark.executor.checkpointing import make_checkpoint
from roadmark.executor.conversation import Turn
from roadmark.executor.lease import Lease
from roadmark.executor.masking import mask
from roadmark.executor.metrics import MigrationMetrics
from roadmark.executor.model import Attempt, CheckpointKind, Migration, PhaseRun
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.positions import position_of
from roadmark.executor.rollback import roll_back_after_failure
from roadmark.executor.states import Move, PhaseState, Status, WaitKind
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.statements import Answer
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.verdict import Evidence, Outcome, Verdict
from roadmark.executor.workspace.rewriting import Snapshot

INTERRUPTED = "interrupted"
"""The outcome of an attempt that the service's own end cut off."""

MOST_INTERRUPTIONS = 3
"""How many crashes in the middle of one phase use no attempt."""

VERDICT_TRAILER = "Roadmark-Verdict"
"""The line of a checkpoint that carries its attempt's verdict."""

PARK_S = 300.0
"""How long a rate limit without a time of its own holds back."""

_WRITTEN_CHARACTERS = 2_000

MAX_DELAY_S = 600.0
"""The longest pause between attempts."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What an attempt is closed with; after a crash only the first two are known."""

    verdict: Verdict
    snapshot: Snapshot
    turn: Turn | None = None
    evidence: Evidence | None = None


def close_attempt(
    store: Store, metrics: MigrationMetrics, lease: Lease, attempt: Attempt, closing: Closing
) -> None:
    """Close the row, keep the checkpoint, and move on as the verdict says, in one transaction."""

    def ask(transaction: Transaction) -> Callable[[Migration], None]:
        return ask_to_conclude(transaction, metrics, attempt, closing)

    lease.finish_asking(store, ask)


@dataclass(frozen=True, slots=True)
class _Asked:
    """An attempt, and what its closing reads: the migration's phases and ticked boxes."""

    attempt: Attempt
    is_open: Answer[bool]
    runs: Answer[list[PhaseRun]]
    ticked: Answer[list[str]]


def ask_to_conclude(
    transaction: Transaction, metrics: MigrationMetrics, attempt: Attempt, closing: Closing
) -> Callable[[Migration], None]:
    """The closing, within the caller's transaction; nothing happens where the attempt is closed already."""
    migrations = MigrationRepository(transaction.connection)
    asked = _Asked(
        attempt=attempt,
        is_open=migrations.ask_is_open(attempt.id),
        runs=migrations.ask_phase_runs(attempt.migration_id),
        ticked=TaskRepository(transaction.connection).ask_ticked(attempt.migration_id),
    )
    return lambda migration: _conclude(transaction, metrics, migration, asked, closing)


def _conclude(
    transaction: Transaction, metrics: MigrationMetrics, migration: Migration, asked: _Asked, closing: Closing
) -> None:
    if not asked.is_open():
        return
    attempt, verdict = asked.attempt, _masked(closing.verdict)
    closing = replace(closing, verdict=verdict)
    runs = {run.phase: run for run in asked.runs()}
    run = runs[attempt.phase]
    changes = _changes(run, verdict)
    position = position_of(migration, (runs | {run.phase: replace(run, **changes)}).values(), asked.ticked())
    kind, name = CheckpointKind.ATTEMPT, checkpoint_name(attempt)
    checkpoint = make_checkpoint(transaction, migration, name, kind, closing.snapshot, position)
    migrations = MigrationRepository(transaction.connection)
    migrations.change_phase(migration.id, run.phase, checkpoint_id=checkpoint.id, **changes)
    ending = _ending(closing) | {"checkpoint_id": checkpoint.id}
    migrations.close_attempt(attempt.id, transaction.now, **ending)
    metrics.of_attempt(transaction, migration, replace(attempt, ended_at=transaction.now, **ending))
    detail = {"outcome": verdict.outcome.value, "reason": verdict.reason, "used": verdict.attempt_used}
    transaction.record(event_of(migration, "attempt.ended", detail=detail))
    if migration.status is Status.RUNNING:
        _move_on(transaction, migration, run, closing)


def interrupt_attempt(transaction: Transaction, migration: Migration, attempt: Attempt, reason: str) -> None:
    """Close an attempt that an orderly stop cut off; it is not used, and the migration is queued again."""
    _close_interrupted(transaction, migration, attempt, reason, used=False)
    if migration.status is Status.RUNNING:
        make_move(transaction, migration, Move.INTERRUPT, reason=reason)


def crash_attempt(transaction: Transaction, migration: Migration, attempt: Attempt, reason: str) -> None:
    """Close an attempt that a crash cut off; from the fourth crash of its phase on, it is used.

    What crashes the service each time is not repeated for ever: with its attempts used up a migration fails.
    """
    migrations = MigrationRepository(transaction.connection)
    run = migrations.phase_run(migration.id, attempt.phase)
    if run.interruptions < MOST_INTERRUPTIONS:
        migrations.change_phase(migration.id, attempt.phase, interruptions=run.interruptions + 1)
        interrupt_attempt(transaction, migration, attempt, reason)
        return
    used = run.attempts_used + 1
    migrations.change_phase(migration.id, attempt.phase, attempts_used=used)
    _close_interrupted(transaction, migration, attempt, reason, used=True)
    if migration.status is not Status.RUNNING:
        return
    if used < migration.policy.max_attempts:
        make_move(transaction, migration, Move.INTERRUPT, reason=reason)
    else:
        failed = make_move(
            transaction, migration, Move.FAIL, reason=f"{reason}, again and again; no attempt is left"
        )
        roll_back_after_failure(transaction, failed)


def checkpoint_name(attempt: Attempt) -> str:
    """The name of the checkpoint after an attempt."""
    return f"attempt-{attempt.phase}-{attempt.number}"


def written_verdict(verdict: Verdict) -> str:
    """A verdict on one line, as a checkpoint carries it."""
    values = asdict(_masked(verdict)) | {"outcome": verdict.outcome.value}
    return json.dumps(
        {
            name: value[:_WRITTEN_CHARACTERS] if isinstance(value, str) else value
            for name, value in values.items()
        }
    )


def read_verdict(line: str) -> Verdict:
    """The verdict that a checkpoint carries."""
    values = json.loads(line)
    return Verdict(**(values | {"outcome": Outcome(values["outcome"])}))


def _close_interrupted(
    transaction: Transaction, migration: Migration, attempt: Attempt, reason: str, *, used: bool
) -> None:
    MigrationRepository(transaction.connection).close_attempt(
        attempt.id, transaction.now, outcome=INTERRUPTED, reason=reason, used=used
    )
    detail = {"outcome": INTERRUPTED, "reason": reason, "used": used}
    transaction.record(event_of(migration, "attempt.ended", detail=detail))


def _masked(verdict: Verdict) -> Verdict:
    """The verdict as it may be kept: it quotes the agent."""
    return replace(verdict, reason=mask(verdict.reason), feedback=mask(verdict.feedback))


def _ending(closing: Closing) -> dict[str, Any]:
    """The columns of an attempt that its end is kept in."""
    verdict, turn = closing.verdict, closing.turn
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "evidence": _shown(closing.evidence),
        "used": verdict.attempt_used,
        "session_id": turn.session_id if turn else None,
        "tokens_in": turn.tokens_in if turn else None,
        "tokens_out": turn.tokens_out if turn else None,
        "cost_usd": turn.cost_usd if turn else None,
        "peak_memory_bytes": turn.peak_memory_bytes if turn else None,
    }


def _changes(run: PhaseRun, verdict: Verdict) -> dict[str, Any]:
    """The columns of a phase that the end of its attempt changes."""
    changes: dict[str, Any] = {"feedback": verdict.feedback or None}
    if verdict.attempt_used:
        changes["attempts_used"] = run.attempts_used + 1
    match verdict.outcome:
        case Outcome.CONFIRM:
            changes["state"] = PhaseState.ASKED
        case Outcome.DONE:
            changes["state"] = PhaseState.CONFIRMED
        case Outcome.RESUME_CHAT:
            changes["chat_resumes"] = run.chat_resumes + 1
        case Outcome.FOLLOW_UP:
            changes["questions_asked"] = run.questions_asked + 1
        case _:
            pass
    return changes


def _move_on(transaction: Transaction, migration: Migration, run: PhaseRun, closing: Closing) -> None:
    verdict, reason = closing.verdict, closing.verdict.reason
    match verdict.outcome:
        case Outcome.PARK:
            until = closing.turn.retry_at if closing.turn else None
            due = until or transaction.now + timedelta(seconds=PARK_S)
            make_move(transaction, migration, Move.PARK, reason=reason, due_at=due)
        case Outcome.BLOCK:
            make_move(transaction, migration, Move.BLOCK, reason=reason)
        case Outcome.QUARANTINE:
            moved = make_move(transaction, migration, Move.QUARANTINE, reason=reason)
            roll_back_after_failure(transaction, moved)
        case Outcome.FAIL:
            moved = make_move(transaction, migration, Move.FAIL, reason=reason)
            roll_back_after_failure(transaction, moved)
        case Outcome.CONFIRM:
            questions.ask(transaction, migration, WaitKind.CONFIRM, reason)
        case Outcome.WAIT_FOR_REPLY:
            questions.ask(transaction, migration, WaitKind.QUESTION, reason)
        case Outcome.DONE | Outcome.CANCELLED:
            pass
        case Outcome.RESUME_CHAT | Outcome.NEXT_ATTEMPT | Outcome.FOLLOW_UP | Outcome.DOUBT:
            due = transaction.now + timedelta(seconds=_delay_s(run, migration.policy.retry_delay_s))
            make_move(transaction, migration, Move.CONTINUE, reason=reason, due_at=due)
        case _:
            assert_never(verdict.outcome)


def _delay_s(run: PhaseRun, first_s: float) -> float:
    """`first_s` after the first failure, doubling, ten minutes at the most."""
    failures = run.attempts_used + run.chat_resumes + run.questions_asked
    return min(MAX_DELAY_S, first_s * 2.0**failures)


def _shown(evidence: Evidence | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    return {field.name: _plain(getattr(evidence, field.name)) for field in fields(evidence)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
