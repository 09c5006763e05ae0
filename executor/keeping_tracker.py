"""The tracker of a running service: what it read is kept until the journal tells of something new.

Every act on a task writes a journal entry about the task in the transaction of the act, so that a view holds
as long as the newest of these is the same. An agent's output is no act. Source: docs/decisions/0008.
"""

from collections.abc import Callable
from functools import partial

from roadmark.executor.kept import Kept
from roadmark.executor.model import JournalEntry
from roadmark.executor.store.reading import Readable
from roadmark.executor.store.tasks import StuckRow
from roadmark.executor.store.waits import InboxRow
from roadmark.executor.tracker import MigrationTracker, MigrationView, TaskView

_MOST_VIEWS = 200
_MOST_POSITIONS = 5_000


class KeepingTracker(MigrationTracker):
    """Answers as the tracker does, and reads only what has changed since it read last."""

    def __init__(self, store: Readable, mark: Callable[[], int]) -> None:
        """Over a store; `mark` changes with every commit of anybody."""
        super().__init__(store)
        self._mark = mark
        self._views = Kept(_MOST_VIEWS)
        self._positions = Kept(_MOST_POSITIONS)
        self._tasks = Kept(_MOST_POSITIONS)

    def task(self, task_id: str) -> TaskView:
        """A task with its children. Raises: NotFound."""
        return self._views.get(("task", task_id), self.last_act(task_id), partial(super().task, task_id))

    def migration(self, migration_id: str) -> MigrationView:
        """A migration with its children. Raises: NotFound."""
        read = partial(super().migration, migration_id)
        task_id = self._tasks.get(migration_id, None, lambda: read().migration.task_id)
        return self._views.get(("migration", migration_id), self.last_act(task_id), read)

    def timeline(self, task_id: str, limit: int) -> list[JournalEntry]:
        """What happened to a task but for its agents' output, newest first."""
        read = partial(super().timeline, task_id, limit)
        return self._views.get(("timeline", task_id, limit), self.last_act(task_id), read)

    def needs_person(self) -> tuple[list[InboxRow], list[StuckRow]]:
        """The open questions, and the newest migrations that go no further without a person."""
        return self._views.get("needs", self.last_act(), super().needs_person)

    def last_act(self, task_id: str | None = None) -> int:
        """The sequence number of the newest entry, or of the newest about a task, that is no output."""
        return self._positions.get(("act", task_id), self._mark(), partial(super().last_act, task_id))

    def last_seq(self) -> int:
        """The sequence number of the newest journal entry; 0 while nothing has happened."""
        return self._positions.get("newest", self._mark(), super().last_seq)
