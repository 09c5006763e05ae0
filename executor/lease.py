"""A worker's claim on a migration: whoever takes it next raises the fence, and older claims stop counting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from roadmark.executor.errors import LeaseLost
from roadmark.executor.model import Migration
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.situations import Situation, SituationRepository
from roadmark.executor.store.store import Store

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lease:
    """The claim with this fence."""

    migration_id: str
    fence: int

    def is_held(self, transaction: Transaction) -> bool:
        """Whether the lease still holds."""
        return MigrationRepository(transaction.connection).get(self.migration_id).fence == self.fence

    def write(self, store: Store, work: Callable[[Transaction, Migration], Result]) -> Result:
        """Do `work` with the migration in the writer lane, if the lease still holds.

        Raises: LeaseLost; what `work` raises.
        """
        return store.write(lambda transaction: work(transaction, self.held(transaction)), self.migration_id)

    def situation(self, transaction: Transaction) -> Situation:
        """The migration and what its next step depends on, if the lease still holds. Raises: LeaseLost."""
        situation = SituationRepository(transaction.connection).of(self.migration_id)
        if situation.migration.fence != self.fence:
            raise LeaseLost(self.migration_id, self.fence)
        return situation

    def held(self, transaction: Transaction) -> Migration:
        """The migration, if the lease still holds. Raises: LeaseLost."""
        return MigrationRepository(transaction.connection).held(self.migration_id, self.fence)
