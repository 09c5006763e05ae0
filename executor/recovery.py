"""Puts right what a worker left that is gone: no process lives, no attempt stays open, nothing is half moved.

At a start that is what this service left, or everybody, where the database is held alone. Later it is what
others left whose leases ran out. Taking over is a claim: the fence rises first, so that a worker which was
only frozen finds its lease lost, and two who find the same migration do not both put it right.
"""

import logging
from collections.abc import Iterable

from roadmark.executor.checkpointing import find_record, marker
from roadmark.executor.conclusion import (
    VERDICT_TRAILER,
    Closing,
    ask_to_conclude,
    crash_attempt,
    read_verdict,
)
from roadmark.executor.errors import Conflict, LeaseLost, RoadmarkError
from roadmark.executor.exchange import Exchange
from roadmark.executor.lease import Lease
from roadmark.executor.leases import Leases
from roadmark.executor.metrics import MigrationMetrics
from roadmark.executor.model import Attempt, Migration
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.places import Places
from roadmark.executor.states import WORKING, Move, Status
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import RELEASED, MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.process_tree import sweep, sweep_migration
from roadmark.executor.workspace.workspace import empty_trash

log = logging.getLogger(__name__)

REASON = "the service ended in the middle of it"


class Recovery:
    """What a start does first, and whoever finds a migration abandoned."""

    def __init__(
        self, *, store: Store, places: Places, exchange: Exchange, metrics: MigrationMetrics, leases: Leases
    ) -> None:
        self._store, self._places, self._exchange = store, places, exchange
        self._metrics, self._leases = metrics, leases

    def after_all(self) -> None:
        """Put right whatever is left: nobody else works on this database."""
        self._begin(self._working())

    def after_own(self) -> None:
        """Put right what this service left, whose state directory is held: it is dead for sure."""
        self._begin(one for one in self._working() if one.lease_owner == self._leases.owner)

    def take_over(self, migration: Migration) -> None:
        """Put right a migration that its worker left, as it was seen; nothing where it moved on since."""
        try:
            lease = self._store.write(lambda transaction: self._claim(transaction, migration))
        except Conflict:
            return
        log.warning("migration %s: taken over from %s", migration.id, migration.lease_owner or "nobody")
        sweep_migration(migration.id)
        with self._leases.keeping(lease):
            self._put_right(lease, migration)

    def _begin(self, left: Iterable[Migration]) -> None:
        sweep(self._places.marker)
        for migration in left:
            self.take_over(migration)
        self._store.write(_close_at_rest)
        empty_trash(self._places.state_dir)

    def _working(self) -> list[Migration]:
        with self._store.read() as connection:
            return MigrationRepository(connection).with_status(WORKING)

    def _claim(self, transaction: Transaction, seen: Migration) -> Lease:
        migrations = MigrationRepository(transaction.connection)
        now_there = migrations.get(seen.id)
        if now_there.lease_until != seen.lease_until:  # renewed meanwhile, which raises no version
            raise Conflict(seen.id, seen.version, now_there.version)
        taken = migrations.change(seen, transaction.now, **self._leases.taken(transaction, seen))
        self._store.forget_jobs(transaction, seen.id)
        if seen.lease_owner not in (None, self._leases.owner):
            detail = {"from": seen.lease_owner, "by": self._leases.owner}
            transaction.record(event_of(taken, "migration.taken_over", detail=detail))
        return Lease(taken.id, taken.fence)

    def _put_right(self, lease: Lease, migration: Migration) -> None:
        try:
            self._exchange.take_up(lease)
        except RoadmarkError as error:
            log.warning("the files of migration %s cannot be had: %s", migration.id, error)
        try:
            for attempt in self._open_attempts(migration.id):
                self._close(lease, attempt)
            self._store.write(lambda transaction: _settle(transaction, lease))
        except LeaseLost as lost:
            log.info("migration %s: left to whoever has it now (%s)", migration.id, lost)

    def _open_attempts(self, migration_id: str) -> list[Attempt]:
        with self._store.read() as connection:
            attempts = MigrationRepository(connection).attempts(migration_id)
        return [one for one in attempts if one.ended_at is None]

    def _close(self, lease: Lease, attempt: Attempt) -> None:
        """Take over what was finished, by its mark in the vault; close the rest as interrupted."""
        finished = self._finished(attempt)

        def work(transaction: Transaction) -> None:
            migration = lease.held(transaction)
            if finished is None:
                crash_attempt(transaction, migration, attempt, REASON)
            else:
                ask_to_conclude(transaction, self._metrics, attempt, finished)(migration)

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


def _settle(transaction: Transaction, lease: Lease) -> None:
    """A migration that was being worked on: queued again; one that was to end: ended; a rollback goes on."""
    migration = lease.held(transaction)
    if migration.status is Status.RUNNING:
        make_move(transaction, migration, Move.INTERRUPT, reason=REASON)
    elif migration.status is Status.CANCELLING and migration.wanted == "rollback":
        make_move(transaction, migration, Move.ROLL_BACK, wanted=None, **RELEASED)
    elif migration.status is Status.CANCELLING:
        make_move(transaction, migration, Move.STOPPED)
    elif migration.status is Status.ROLLING_BACK:
        MigrationRepository(transaction.connection).change(migration, transaction.now, **RELEASED)


def _close_at_rest(transaction: Transaction) -> None:
    """Close attempts whose migrations rest: an unexpected failure left them open."""
    migrations = MigrationRepository(transaction.connection)
    for attempt in migrations.open_attempts():
        migration = migrations.get(attempt.migration_id)
        if migration.status not in WORKING:
            crash_attempt(transaction, migration, attempt, REASON)
