"""A worker's claim on a migration: whoever takes it next raises the fence, and older claims stop counting."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from roadmark.executor.model import Migration
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
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

        It changes this migration and no other one. Raises: LeaseLost; what `work` raises.
        """

        def under_lease(transaction: Transaction) -> Result:
            return work(transaction, self.held(transaction))

        return store.write(under_lease, self.migration_id)

    def write_asking(
        self, store: Store, ask: Callable[[Transaction], Callable[[Migration], Result]]
    ) -> Result:
        """`write` what `ask` gives, which asks for what it reads before it is done. Raises: as `write`."""

        def asking(transaction: Transaction) -> Callable[[], Result]:
            work = ask(transaction)
            return lambda: work(self.held(transaction))

        return store.write_asking(asking, self.migration_id)

    def held(self, transaction: Transaction) -> Migration:
        """The migration, if the lease still holds. Raises: LeaseLost."""
        return MigrationRepository(transaction.connection).held(self.migration_id, self.fence)
