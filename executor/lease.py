"""A worker's claim on a migration: whoever takes it next raises the fence, and older claims stop counting."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from roadmark.executor.model import Migration
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store

Result = TypeVar("Result")

AskUnderLease = Callable[[Transaction], Callable[[Migration], Result]]
"""Asks the database for what work needs, and gives the work on the migration, which waits for the answers."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The claim with this fence."""

    migration_id: str
    fence: int
    look: Callable[[Transaction], None] | None = field(default=None, compare=False, repr=False)
    """Called at the end of the transaction that finishes a step."""

    def is_held(self, transaction: Transaction) -> bool:
        """Whether the lease still holds."""
        return MigrationRepository(transaction.connection).get(self.migration_id).fence == self.fence

    def held(self, transaction: Transaction) -> Migration:
        """The migration, if the lease still holds. Raises: LeaseLost."""
        return MigrationRepository(transaction.connection).held(self.migration_id, self.fence)

    def write(self, store: Store, work: Callable[[Transaction, Migration], Result]) -> Result:
        """Do `work` with the migration in the writer lane, if the lease still holds.

        It changes this migration and no other one. Raises: LeaseLost; what `work` raises.
        """
        return store.write(partial(self._work, work), self.migration_id)

    def write_asking(self, store: Store, ask: AskUnderLease[Result]) -> Result:
        """`write` what `ask` gives, which asks for what it reads before it is done. Raises: as `write`."""
        return store.write_asking(partial(self._ask, ask), self.migration_id)

    def finish(self, store: Store, work: Callable[[Transaction, Migration], Result]) -> Result:
        """`write` the last part of a step, and `look`. Raises: as `write`."""
        return self.finish_asking(store, partial(partial, work))

    def finish_asking(self, store: Store, ask: AskUnderLease[Result]) -> Result:
        """`finish` what `ask` gives, which asks for what it reads before it is done. Raises: as `write`."""
        return self.write_asking(store, partial(self._ask_last, ask))

    def _work(self, work: Callable[[Transaction, Migration], Result], transaction: Transaction) -> Result:
        return work(transaction, self.held(transaction))

    def _ask(self, ask: AskUnderLease[Result], transaction: Transaction) -> Callable[[], Result]:
        work = ask(transaction)
        return lambda: work(self.held(transaction))

    def _ask_last(
        self, ask: AskUnderLease[Result], transaction: Transaction
    ) -> Callable[[Migration], Result]:
        return partial(self._work_and_look, ask(transaction), transaction)

    def _work_and_look(
        self, work: Callable[[Migration], Result], transaction: Transaction, migration: Migration
    ) -> Result:
        result = work(migration)
        if self.look is not None:
            self.look(transaction)
        return result
