"""Retention: what a finished migration left behind is deleted some days after its end.

Its workspace, its agent's home and logs, and its checkpoints go; so does the one ref of ours that kept its
base in the user's repository. Rows, journal, branches and everything else of the user's stay. The checkpoints
of a result that is on no branch are the result itself: they stay as well.
"""

import logging
import threading
from datetime import timedelta

from roadmark.executor.errors import RoadmarkError
from roadmark.executor.exchange import Exchange
from roadmark.executor.model import Migration
from roadmark.executor.moves import event_of
from roadmark.executor.places import Places
from roadmark.executor.states import ENDED, Status
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.retention import RetentionRepository, Retired
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.errors import WorkspaceUnknown
from roadmark.executor.workspace.files import remove_trees
from roadmark.executor.workspace.upkeep import collect_garbage, forget_migration
from roadmark.executor.workspace.workspace import remove_workspace

log = logging.getLogger(__name__)


class Retention:
    """Deletes what is older than `days`; 0 keeps everything."""

    def __init__(
        self, store: Store, places: Places, exchange: Exchange, days: int, stopping: threading.Event
    ) -> None:
        self._store, self._places, self._exchange = store, places, exchange
        self._days, self._stopping = days, stopping

    def sweep(self) -> None:
        """Give up what is old, then delete the files of all that is given up. A crash is made good later."""
        if self._days == 0:
            return
        for migration in self._old():
            self._give_up(migration)
        deleted = [retired.migration_id for retired in self._given_up() if self._delete(retired)]
        if deleted and not self._stopping.is_set():
            collect_garbage(self._places.of(deleted[0]))

    def _old(self) -> list[Migration]:
        before = self._store.clock.now() - timedelta(days=self._days)
        with self._store.read() as connection:
            return RetentionRepository(connection).old(before)

    def _given_up(self) -> list[Retired]:
        with self._store.read() as connection:
            return RetentionRepository(connection).given_up()

    def _give_up(self, migration: Migration) -> None:
        """First the row, so that no rollback begins to work with files that are being deleted."""

        def work(transaction: Transaction) -> None:
            seen = MigrationRepository(transaction.connection).get(migration.id)
            if seen.version != migration.version or seen.status not in ENDED:
                return
            retired = Retired(migration.id, transaction.now, _is_only_here(migration))
            RetentionRepository(transaction.connection).give_up(retired)
            detail = {"days": self._days, "checkpoints_kept": retired.checkpoints_kept}
            transaction.record(event_of(migration, "migration.retired", detail=detail))

        self._store.write(work)

    def _delete(self, retired: Retired) -> bool:
        """Delete what is still there; whether anything was."""
        if self._stopping.is_set() or not self._has_files(retired):
            return False
        place = self._places.of(retired.migration_id)
        try:
            if retired.checkpoints_kept:
                remove_workspace(place)
            else:
                self._exchange.take_back(retired.migration_id)
                forget_migration(place)
        except WorkspaceUnknown:
            log.debug("migration %s has no checkpoints to give up", retired.migration_id)
        except RoadmarkError as error:
            log.warning("the files of migration %s cannot be deleted yet: %s", retired.migration_id, error)
            return False
        remove_trees([self._places.logs / retired.migration_id])
        return True

    def _has_files(self, retired: Retired) -> bool:
        places, migration_id = self._places, retired.migration_id
        folders = [places.workspace(migration_id), places.home(migration_id), places.logs / migration_id]
        if not retired.checkpoints_kept:
            folders.append(places.facts(migration_id))
        return any(folder.exists() for folder in folders)


def _is_only_here(migration: Migration) -> bool:
    """Whether the result stands on no branch: the checkpoints are all there is of it."""
    return migration.status is Status.COMPLETED and migration.published_commit is None
