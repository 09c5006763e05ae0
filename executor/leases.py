"""The leases of one process: how it takes a migration, and the heartbeat that keeps what it holds.

A lease that is not renewed runs out, and then another process may take the migration. Whoever takes it raises
its fence, so that a process which was only slow or frozen changes nothing more.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from roadmark.executor.lease import Lease
from roadmark.executor.model import Migration
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store

log = logging.getLogger(__name__)

LEASE_S = 15.0
"""How long a lease holds without a sign of life."""

_LEAST_S = 1.0
_BEATS = 3
"""Renewals within the time of a lease: two of them may be missed."""


class Leases:
    """Takes leases as `owner`, and renews those that are being worked under."""

    def __init__(self, store: Store, owner: str, lease_s: float = LEASE_S) -> None:
        self._store, self.owner, self.lease_s = store, owner, max(lease_s, _LEAST_S)
        self._kept: set[Lease] = set()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def taken(self, transaction: Transaction, migration: Migration) -> dict[str, Any]:
        """The columns by which a migration becomes ours."""
        return {
            "lease_owner": self.owner,
            "lease_until": transaction.now + timedelta(seconds=self.lease_s),
            "fence": migration.fence + 1,
        }

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[None]:
        """Renew the lease for as long as this lasts."""
        with self._lock:
            self._kept.add(lease)
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._kept.discard(lease)

    def end(self) -> None:
        """Renew nothing more."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        while not self._ending.wait(self.lease_s / _BEATS):
            try:
                self._renew()
            except Exception:  # whatever it is, the next beat may come through in time
                log.warning("leases could not be renewed", exc_info=True)

    def _renew(self) -> None:
        with self._lock:
            kept = tuple(self._kept)
        if not kept:
            return

        def work(transaction: Transaction) -> None:
            migrations = MigrationRepository(transaction.connection)
            until = transaction.now + timedelta(seconds=self.lease_s)
            for lease in kept:
                migrations.renew(lease.migration_id, lease.fence, until)

        self._store.write(work)
