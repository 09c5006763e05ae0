"""Carries one migration forward, step by step, until it rests: waits, parks, ends or loses its lease.

Each step is safe to repeat: it looks at the rows, does one thing, and writes the result only while the
lease still holds. What the next step is, is a pure function of the rows.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import assert_never

from roadmark.executor import questions
from roadmark.executor.attempt import AttemptRunner
from roadmark.executor.config import Settings
from roadmark.executor.dependencies import is_held_back
from roadmark.executor.errors import Conflict, DatabaseAway, LeaseLost, MoveRefused, RoadmarkError
from roadmark.executor.exchange import Exchange
from roadmark.executor.landing import Landing
from roadmark.executor.lease import Lease
from roadmark.executor.leases import Leases
from roadmark.executor.limits import Halt, halt_of
from roadmark.executor.log_lines import about_migration
from roadmark.executor.masking import mask
from roadmark.executor.model import Migration, PhaseRun, Wait
from roadmark.executor.moves import make_move
from roadmark.executor.opening import Opening
from roadmark.executor.policy import asks_before_phase, may_be_here
from roadmark.executor.rollback import MigrationRollback
from roadmark.executor.states import Move, PhaseState, Status, WaitKind
from roadmark.executor.store.known import Start
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.situations import Situation, SituationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.errors import RemoteUnreachable

log = logging.getLogger(__name__)

UNREACHABLE_S = 60.0
"""After this time a migration whose remote could not be reached is tried again."""


class Step(Enum):
    """What is to be done next."""

    ASK_AGAIN = auto()
    ASK_START = auto()
    OPEN = auto()
    ASK_BEGIN = auto()
    HALT = auto()
    ATTEMPT = auto()
    ASK_CONFIRM = auto()
    LAND = auto()
    NEXT_PHASE = auto()
    FINISH = auto()


@dataclass(frozen=True, slots=True)
class Rows:
    """What the next step depends on."""

    migration: Migration
    run: PhaseRun
    wait: Wait | None
    start: Start | None
    halt: Halt | None


class _Sight:
    """What a worker saw at the end of the step before, until it is taken."""

    def __init__(self) -> None:
        self.rows: Rows | None = None

    def taken(self) -> Rows | None:
        """What was seen, once."""
        rows, self.rows = self.rows, None
        return rows


def next_step(rows: Rows) -> Step:
    """The next step of a claimed migration."""
    if rows.wait is not None:
        return Step.ASK_AGAIN
    if not rows.migration.start_confirmed:
        return Step.ASK_START
    if rows.start is None:
        return Step.OPEN
    match rows.run.state:
        case PhaseState.PENDING:
            if asks_before_phase(rows.migration.policy) and not rows.run.cleared:
                return Step.ASK_BEGIN
            return Step.ATTEMPT if rows.halt is None else Step.HALT
        case PhaseState.ASKED:
            return Step.ASK_CONFIRM
        case PhaseState.CONFIRMED:
            return Step.LAND
        case PhaseState.DONE:
            return Step.FINISH if rows.migration.phase >= rows.migration.phase_count else Step.NEXT_PHASE
        case _:
            assert_never(rows.run.state)


class Worker:
    """Works on migrations, one call a migration; calls for different ones may run beside each other."""

    def __init__(
        self,
        *,
        store: Store,
        leases: Leases,
        exchange: Exchange,
        opening: Opening,
        attempts: AttemptRunner,
        landing: Landing,
        rollbacks: MigrationRollback,
        settings: Settings,
    ) -> None:
        self._store, self._leases, self._exchange = store, leases, exchange
        self._opening, self._attempts, self._landing = opening, attempts, landing
        self._rollbacks, self._settings = rollbacks, settings

    def advance(self, migration_id: str) -> None:
        """Take the migration as far as it goes. Never raises for what concerns only this migration."""
        with about_migration(migration_id), _left_to_others(migration_id):
            lease = self._claim(migration_id)
            if lease is not None:
                with self._leases.keeping(lease):
                    self._advance_or_block(lease)

    def _advance_or_block(self, lease: Lease) -> None:
        try:
            self._exchange.take_up(lease)
            self._advance(lease)
        except (Conflict, LeaseLost, MoveRefused):
            raise
        except DatabaseAway as error:  # nothing can be written: it is taken over when its lease has run out
            log.warning("migration %s: left where it is: %s", lease.migration_id, error)
        except RemoteUnreachable as error:
            self._park(lease, mask(str(error)))
        except RoadmarkError as error:
            self._block(lease, mask(str(error)))
        except Exception as error:  # the top of a worker: nothing of it may stop the others
            log.exception("migration %s: unexpected failure", lease.migration_id)
            self._block(lease, mask(f"unexpected failure: {type(error).__name__}: {error}"))

    def _advance(self, claimed: Lease) -> None:
        sight = _Sight()
        lease = replace(claimed, look=partial(self._look, sight, claimed.migration_id))
        while True:
            rows = sight.taken() or self._rows(lease)
            migration = rows.migration
            match migration.status:
                case Status.RUNNING if migration.wanted == "pause":
                    lease.write(self._store, _pause)
                    return
                case Status.RUNNING:
                    self._take_step(lease, rows)
                case Status.CANCELLING:
                    lease.write(self._store, _stopped)
                case Status.ROLLING_BACK:
                    self._rollbacks.carry_out(lease)
                    return
                case _:
                    return

    def _claim(self, migration_id: str) -> Lease | None:
        """Take the lease of a queued migration, or of a rollback that nobody carries out."""

        def work(transaction: Transaction) -> Lease | None:
            migrations = MigrationRepository(transaction.connection)
            migration = migrations.get(migration_id)
            if not may_be_here(migration.policy, self._settings):
                return None
            taken = self._leases.taken(transaction, migration)
            if migration.status is Status.QUEUED:
                if is_held_back(transaction.connection, migration.task_id):
                    return None
                make_move(transaction, migration, Move.CLAIM, **taken)
            elif migration.status is Status.ROLLING_BACK and migration.lease_until is None:
                migrations.change(migration, transaction.now, **taken)
            else:
                return None
            return Lease(migration_id, migration.fence + 1)

        return self._store.write(work, migration_id)

    def _rows(self, lease: Lease) -> Rows:
        """What there is to go by, once the steps are taken that are rows and nothing else. Raises: LeaseLost.

        Asked in the writer lane: its pages are in memory, a reader has to read them anew after each commit.
        """

        def ask(transaction: Transaction) -> Callable[[Migration], Rows]:
            asked = SituationRepository(transaction.connection).ask(lease.migration_id)
            return lambda _held: self._rows_of(transaction, asked())

        return lease.write_asking(self._store, ask)

    def _look(self, sight: _Sight, migration_id: str, transaction: Transaction) -> None:
        """Keep what comes next in sight at the end of a step, where that asks for nothing more."""
        situation = SituationRepository(transaction.connection).known(migration_id)
        sight.rows = None if situation is None else self._rows_of(transaction, situation)

    def _rows_of(self, transaction: Transaction, situation: Situation) -> Rows:
        situations = SituationRepository(transaction.connection)
        rows = self._rows_at(transaction, situation)
        while _keep_books(transaction, rows):
            rows = self._rows_at(transaction, situations.ask(rows.migration.id)())
        return rows

    def _rows_at(self, transaction: Transaction, situation: Situation) -> Rows:
        migration = situation.migration
        halt = halt_of(transaction.connection, self._settings, migration, transaction.now)
        return Rows(migration, situation.run, situation.wait, situation.start, halt)

    def _take_step(self, lease: Lease, rows: Rows) -> None:
        migration = rows.migration
        match next_step(rows):
            case Step.ASK_AGAIN | Step.ASK_START | Step.ASK_BEGIN | Step.ASK_CONFIRM as step:
                self._ask(lease, *_question(step, rows))
            case Step.OPEN:
                self._opening.open(lease, migration)
            case Step.HALT if rows.halt is not None:
                self._halt(lease, rows.halt)
            case Step.ATTEMPT:
                self._attempts.run(lease, migration, rows.run)
            case Step.LAND:
                self._landing.land(lease, migration, rows.run)

    def _ask(self, lease: Lease, kind: WaitKind, prompt: str) -> None:
        def work(transaction: Transaction, migration: Migration) -> None:
            questions.ask(transaction, migration, kind, prompt)

        lease.finish(self._store, work)

    def _halt(self, lease: Lease, halt: Halt) -> None:
        """Park or block it, where the operator's hours or limits hold it back."""
        move = Move.BLOCK if halt.until is None else Move.PARK

        def work(transaction: Transaction, migration: Migration) -> None:
            make_move(transaction, migration, move, reason=halt.reason, due_at=halt.until)

        lease.finish(self._store, work)

    def _park(self, lease: Lease, reason: str) -> None:
        """Try it again later, by itself; a rollback that cannot go on is a person's matter at once."""

        def work(transaction: Transaction, migration: Migration) -> None:
            if migration.status is Status.RUNNING:
                due = transaction.now + timedelta(seconds=UNREACHABLE_S)
                make_move(transaction, migration, Move.PARK, reason=reason, due_at=due)
            elif migration.status is Status.ROLLING_BACK:
                make_move(transaction, migration, Move.BLOCK, reason=reason)

        lease.write(self._store, work)

    def _block(self, lease: Lease, reason: str) -> None:
        def work(transaction: Transaction, migration: Migration) -> None:
            if migration.status in (Status.RUNNING, Status.ROLLING_BACK):
                make_move(transaction, migration, Move.BLOCK, reason=reason)

        lease.write(self._store, work)


@contextmanager
def _left_to_others(migration_id: str) -> Iterator[None]:
    """Do no more where somebody else has the migration meanwhile, or a person moved it."""
    try:
        yield
    except (Conflict, LeaseLost, MoveRefused) as error:
        log.info("migration %s: left to whoever has it now (%s)", migration_id, error)


def _pause(transaction: Transaction, migration: Migration) -> None:
    queued = make_move(transaction, migration, Move.CONTINUE, wanted=None)
    make_move(transaction, queued, Move.PAUSE)


def _stopped(transaction: Transaction, migration: Migration) -> None:
    if migration.wanted == "rollback":
        make_move(transaction, migration, Move.ROLL_BACK, wanted=None)
    else:
        make_move(transaction, migration, Move.STOPPED)


def _keep_books(transaction: Transaction, rows: Rows) -> bool:
    """Take a step that changes rows alone, where that is the next one; whether it was."""
    migration = rows.migration
    if migration.status is not Status.RUNNING or migration.wanted == "pause":
        return False
    match next_step(rows):
        case Step.NEXT_PHASE:
            changes = {"phase": migration.phase + 1, "attempt": 0}
            MigrationRepository(transaction.connection).change(migration, transaction.now, **changes)
            return True
        case Step.FINISH:
            make_move(transaction, migration, Move.FINISH)
            return True
        case _:
            return False


def _question(step: Step, rows: Rows) -> tuple[WaitKind, str]:
    phase = f'Phase {rows.run.phase} "{rows.run.name}"'
    match step:
        case Step.ASK_START:
            return WaitKind.START, _start_prompt(rows.migration)
        case Step.ASK_BEGIN:
            return WaitKind.BEGIN, f"{phase} is next. May it begin?"
        case Step.ASK_CONFIRM:
            return WaitKind.CONFIRM, f"{phase} says it is ready."
        case _:
            return rows.wait.kind if rows.wait else WaitKind.QUESTION, ""


def _start_prompt(migration: Migration) -> str:
    where = f" on branch {migration.branch}" if migration.branch else ""
    phases = f"{migration.phase_count} phases will be carried out"
    return f'{phases} by agent "{migration.agent}"{where}. May it begin?'
