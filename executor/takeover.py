"""Finds migrations whose worker gives no sign of life, and has them put right.

A lease counts as abandoned when it has run out by the clock, and was also seen unrenewed for most of its time
by this process. So a clock that goes wrong on one host takes nothing from a worker that lives, and after the
database was away, everybody has time to renew.
"""

from dataclasses import dataclass
from datetime import datetime

from roadmark.executor.errors import DatabaseAway
from roadmark.executor.model import Migration
from roadmark.executor.recovery import Recovery
from roadmark.executor.states import WORKING
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store

_UNRENEWED = 2 / 3
"""The part of a lease's time in which one that lives is renewed at least once, and late as well."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """A lease as it was seen first, and when."""

    fence: int
    until: datetime | None
    since_s: float


class Takeover:
    """Looked at often; two processes may look at once."""

    def __init__(self, store: Store, recovery: Recovery, lease_s: float) -> None:
        self._store, self._recovery, self._lease_s = store, recovery, lease_s
        self._seen: dict[str, _Sight] = {}

    def look(self) -> None:
        """Take over what is abandoned. After the database was away, everything is seen for the first time."""
        try:
            with self._store.read() as connection:
                working = MigrationRepository(connection).with_status(WORKING)
        except DatabaseAway:
            self._seen.clear()
            return
        self._seen = {one.id: self._sight(one) for one in working if one.lease_until is not None}
        for migration in working:
            if self._is_abandoned(migration):
                self._recovery.take_over(migration)

    def _sight(self, migration: Migration) -> _Sight:
        seen = self._seen.get(migration.id)
        if seen is not None and (seen.fence, seen.until) == (migration.fence, migration.lease_until):
            return seen
        return _Sight(migration.fence, migration.lease_until, self._store.clock.monotonic_s())

    def _is_abandoned(self, migration: Migration) -> bool:
        if migration.lease_until is None or migration.lease_until > self._store.clock.now():
            return False
        unrenewed_s = self._store.clock.monotonic_s() - self._seen[migration.id].since_s
        return unrenewed_s >= self._lease_s * _UNRENEWED
