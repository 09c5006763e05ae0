"""Opens a migration's workspace and takes its first checkpoint."""

from roadmark.executor.checkpointing import keep_checkpoint
from roadmark.executor.exchange import Exchange
from roadmark.executor.lease import Lease
from roadmark.executor.model import CheckpointKind, Migration
from roadmark.executor.moves import event_of
from roadmark.executor.places import Places
from roadmark.executor.positions import ask_position
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.workspace.checkpoints import take_checkpoint
from roadmark.executor.workspace.workspace import open_workspace

START = "start"
"""The name of the first checkpoint."""


class Opening:
    """The step before the first phase."""

    def __init__(self, store: Store, places: Places, exchange: Exchange) -> None:
        self._store, self._places, self._exchange = store, places, exchange

    def open(self, lease: Lease, migration: Migration) -> None:
        """Make the workspace from where its branch or the repository stands, and checkpoint it.

        Raises: WorkspaceError.
        """
        place = self._places.of(migration.id)
        opened = open_workspace(place, migration.base_commit, migration.branch)
        snapshot = take_checkpoint(place, START, {})
        self._exchange.send(migration)

        def work(transaction: Transaction, held: Migration) -> None:
            migrations = MigrationRepository(transaction.connection)
            held = migrations.change(held, transaction.now, base_commit=opened.base_commit)
            position = ask_position(transaction.connection, held)()
            keep_checkpoint(transaction, held, START, CheckpointKind.START, snapshot, position)
            transaction.record(event_of(held, "workspace.opened", detail={"base_commit": opened.base_commit}))

        lease.finish(self._store, work)
