"""Pushes branches to the operator's remote after they moved: beside the workers, one after the other.

What the remote refuses is noted and holds nothing up; the next phase pushes again.
"""

import logging
import queue
import threading
from collections.abc import Callable, Sequence

from roadmark.executor.errors import RoadmarkError
from roadmark.executor.masking import mask
from roadmark.executor.model import JournalEntry
from roadmark.executor.moves import event_of
from roadmark.executor.places import Places
from roadmark.executor.store.lane import LaneClosed
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.pushing import push

log = logging.getLogger(__name__)

PUBLISHING = frozenset({"branch.published", "rollback.done"})
"""After these the branch may be elsewhere than it was."""

_ENDING_S = 5.0


class Pusher:
    """Listens to the journal from `start` to `stop`."""

    def __init__(self, store: Store, places: Places, remote: str) -> None:
        self._store, self._places, self._remote = store, places, remote
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="pusher", daemon=True)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Push from now on, where a remote is named."""
        if self._remote:
            self._unsubscribe = self._store.bus.subscribe(self._hear)
            self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, if that is soon."""
        self._unsubscribe()
        self._wanted.put(None)
        if self._thread.is_alive():
            self._thread.join(_ENDING_S)

    def _hear(self, entries: Sequence[JournalEntry]) -> None:
        moved = (entry.migration_id for entry in entries if entry.kind in PUBLISHING)
        for migration_id in dict.fromkeys(filter(None, moved)):
            self._wanted.put(migration_id)

    def _serve(self) -> None:
        while (migration_id := self._wanted.get()) is not None:
            try:
                self._push(migration_id)
            except LaneClosed:
                return
            except Exception:  # the next branch is another matter
                log.exception("pushing the branch of migration %s failed unexpectedly", migration_id)

    def _push(self, migration_id: str) -> None:
        with self._store.read() as connection:
            migration = MigrationRepository(connection).get(migration_id)
        if migration.branch is None or migration.published_commit is None:
            return
        detail = {"branch": migration.branch, "remote": self._remote}
        try:
            push(self._places.of(migration_id), migration.branch, self._remote)
        except RoadmarkError as error:
            refused = {**detail, "reason": mask(str(error))}
            self._store.record(event_of(migration, "branch.push_failed", detail=refused))
        else:
            self._store.record(event_of(migration, "branch.pushed", detail=detail))
