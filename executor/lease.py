"""A worker's claim on a migration: whoever takes it next raises the fence, and older claims stop counting."""

from dataclasses import dataclass

from roadmark.executor.model import Migration
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository


@dataclass(frozen=True, slots=True)
class Lease:
    """The claim with this fence."""

    migration_id: str
    fence: int

    def is_held(self, transaction: Transaction) -> bool:
        """Whether the lease still holds."""
        return MigrationRepository(transaction.connection).get(self.migration_id).fence == self.fence

    def held(self, transaction: Transaction) -> Migration:
        """The migration, if the lease still holds. Raises: LeaseLost."""
        return MigrationRepository(transaction.connection).held(self.migration_id, self.fence)
