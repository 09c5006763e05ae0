"""What hosts tell each other of files: nothing where they share the disk, else by the repository's remote."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import sqlalchemy as sa
from roadmark.executor.checkpointing import marker
from roadmark.executor.lease import Lease
from roadmark.executor.masking import mask
from roadmark.executor.model import Checkpoint, Migration, RollbackState
from roadmark.executor.moves import event_of
from roadmark.executor.places import Places
from roadmark.executor.states import Status
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.clone import make_clone, publish_there
from roadmark.executor.workspace.errors import RemoteRefused
from roadmark.executor.workspace.publish import Published
from roadmark.executor.workspace.travel import Known, look_in, send_checkpoints, take_back, take_up

Result = TypeVar("Result")

PAUSES_S = (0.2, 1.0)
"""Between tries to reach the remote: a restart of its server, or a lost packet, is no finding."""


class Exchange(Protocol):
    """How a migration's files get from the host that worked on it to the next one."""

    def take_up(self, lease: Lease) -> None:
        """Have the files here, to be worked on under this claim. Raises: WorkspaceError."""

    def look(self, migration_id: str) -> None:
        """Have the files here, to be looked at. Raises: NotFound, WorkspaceError."""

    def send(self, migration: Migration) -> None:
        """Let others have the checkpoints. What does not get there is noted, and sent with the next."""

    def publish(self, migration: Migration, publish: Callable[[], Published]) -> Published:
        """Publish on the migration's branch, where everybody has it; its checkpoints are there first.

        Raises: what `publish` raises, RemoteRefused.
        """

    def take_back(self, migration_id: str) -> None:
        """Delete what was sent. Raises: RemoteRefused."""


class SharedDisk:
    """One host, or several over one file system: everything is there already."""

    def take_up(self, lease: Lease) -> None:
        """As in `Exchange`."""

    def look(self, migration_id: str) -> None:
        """As in `Exchange`."""

    def send(self, migration: Migration) -> None:
        """As in `Exchange`."""

    def publish(self, migration: Migration, publish: Callable[[], Published]) -> Published:
        """As in `Exchange`."""
        del migration
        return publish()

    def take_back(self, migration_id: str) -> None:
        """As in `Exchange`."""


class Remote:
    """Hosts that share a database and the repository's remote, and nothing else."""

    def __init__(self, store: Store, places: Places, url: str) -> None:
        self._store, self._places, self._url = store, places, url

    def take_up(self, lease: Lease) -> None:
        """As in `Exchange`; the history says where the files were made from what came from elsewhere."""
        with self._store.read() as connection:
            migration = MigrationRepository(connection).get(lease.migration_id)
            known = _known(connection, migration, lease.fence)
        if migration.status is Status.CANCELLING:
            return
        self._make_clone()
        place = self._places.of(migration.id)
        if _patiently(lambda: take_up(place, self._url, known)):
            self._store.record(event_of(migration, "workspace.moved", detail={"commit": known.stands_at}))

    def look(self, migration_id: str) -> None:
        """As in `Exchange`."""
        self._make_clone()
        with self._store.read() as connection:
            migration = MigrationRepository(connection).get(migration_id)
            known = _known(connection, migration, migration.fence)
        look_in(self._places.of(migration_id), self._url, known)

    def send(self, migration: Migration) -> None:
        """As in `Exchange`."""
        try:
            self._send(migration)
        except RemoteRefused as error:
            detail = {"reason": mask(error.why)}
            self._store.record(event_of(migration, "checkpoint.not_sent", detail=detail))

    def publish(self, migration: Migration, publish: Callable[[], Published]) -> Published:
        """As in `Exchange`."""
        self._send(migration)
        place, branch = self._places.of(migration.id), str(migration.branch)
        return _patiently(lambda: publish_there(place, self._url, branch, publish))

    def take_back(self, migration_id: str) -> None:
        """As in `Exchange`."""
        self._make_clone()
        take_back(self._places.of(migration_id), self._url)

    def _make_clone(self) -> None:
        _patiently(lambda: make_clone(self._places.state_dir, self._url))

    def _send(self, migration: Migration) -> None:
        _patiently(lambda: send_checkpoints(self._places.of(migration.id), self._url))


def exchange_of(store: Store, places: Places, url: str) -> Exchange:
    """The exchange by the remote of this URL; with none the disk is the exchange."""
    return Remote(store, places, url) if url else SharedDisk()


def _known(connection: sa.Connection, migration: Migration, fence: int) -> Known:
    checkpoints = CheckpointRepository(connection)
    taken = checkpoints.of_migration(migration.id)
    attempts = MigrationRepository(connection).attempts(migration.id)
    return Known(
        base_commit=migration.base_commit,
        fence=fence,
        refs={one.commit_id: one.ref for one in taken},
        stands_at=_stands_at(checkpoints, taken[-1]) if taken else None,
        published=migration.published_commit,
        marks=frozenset(marker(migration.id, one.phase, one.number) for one in attempts if not one.ended_at),
    )


def _stands_at(checkpoints: CheckpointRepository, newest: Checkpoint) -> str:
    """The newest checkpoint; where it was taken before a rollback that is done, the one rolled back to."""
    for rollback in checkpoints.rollbacks(newest.migration_id):
        if rollback.safety_checkpoint_id == newest.id and rollback.state is RollbackState.DONE:
            return checkpoints.get(rollback.checkpoint_id).commit_id
    return newest.commit_id


def _patiently(act: Callable[[], Result]) -> Result:
    """Raises: RemoteRefused where the last try was refused, too."""
    for pause_s in PAUSES_S:
        try:
            return act()
        except RemoteRefused:
            time.sleep(pause_s)
    return act()
