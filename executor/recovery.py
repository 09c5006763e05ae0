"""Puts right what a crash left: no process of it lives, no attempt stays open, no migration stays half moved.

Run once at a start, while the state directory is held and before anything works.
"""

import logging
from collections.abc import Sequence

from roadmark.executor.checkpointing import find_record, marker
from roadmark.executor.conclusion import VERDICT_TRAILER, Closing, conclude, crash_attempt, read_verdict
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.metrics import MigrationMetrics
from roadmark.executor.model import Attempt, Migration
from roadmark.executor.moves import make_move
from roadmark.executor.places import Places
from roadmark.executor.states import WORKING, Move, Status
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.process_tree import sweep
from roadmark.executor.workspace.workspace import empty_trash

log = logging.getLogger(__name__)

REASON = "the service ended in the middle of it"


class Recovery:
    """What a start does first."""

    def __init__(self, store: Store, places: Places, metrics: MigrationMetrics) -> None:
        self._store, self._places, self._metrics = store, places, metrics

    def run(self) -> None:
        """Prove the old processes dead, close what is open, queue what can go on."""
        sweep(self._places.marker)
        open_attempts, unfinished = self._left_over()
        for attempt in open_attempts:
            self._close(attempt)
        for migration in unfinished:
            self._settle(migration.id)
        empty_trash(self._places.state_dir)

    def _settle(self, migration_id: str) -> None:
        self._store.write(lambda transaction: _settle(transaction, migration_id))

    def _left_over(self) -> tuple[Sequence[Attempt], Sequence[Migration]]:
        with self._store.read() as connection:
            migrations = MigrationRepository(connection)
            return migrations.open_attempts(), migrations.with_status(WORKING)

    def _close(self, attempt: Attempt) -> None:
        """Take over what was finished, by its mark in the vault; close the rest as interrupted."""
        finished = self._finished(attempt)

        def work(transaction: Transaction) -> None:
            migration = MigrationRepository(transaction.connection).get(attempt.migration_id)
            if finished is None:
                crash_attempt(transaction, migration, attempt, REASON)
            else:
                conclude(transaction, self._metrics, migration, attempt, finished)

        log.info(
            "attempt %s of migration %s: %s",
            attempt.number,
            attempt.migration_id,
            "taken over as finished" if finished else "closed as interrupted",
        )
        self._store.write(work)

    def _finished(self, attempt: Attempt) -> Closing | None:
        place = self._places.of(attempt.migration_id)
        try:
            record = find_record(place, marker(attempt.migration_id, attempt.phase, attempt.number))
        except RoadmarkError as error:
            log.warning("the vault of migration %s cannot be read: %s", attempt.migration_id, error)
            return None
        if record is None or VERDICT_TRAILER not in record.trailers:
            return None
        return Closing(read_verdict(record.trailers[VERDICT_TRAILER]), record.snapshot)


def _settle(transaction: Transaction, migration_id: str) -> None:
    """A migration that was being worked on: queued again; one that was to end: ended; a rollback goes on."""
    migration = MigrationRepository(transaction.connection).get(migration_id)
    if migration.status is Status.RUNNING:
        make_move(transaction, migration, Move.INTERRUPT, reason=REASON)
    elif migration.status is Status.CANCELLING and migration.wanted == "rollback":
        make_move(transaction, migration, Move.ROLL_BACK, wanted=None)
    elif migration.status is Status.CANCELLING:
        make_move(transaction, migration, Move.STOPPED)
