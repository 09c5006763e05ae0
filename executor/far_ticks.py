"""Ticks from elsewhere: a host without the specs ticks the rows, the one that has them brings the files up.

A file that somebody changed since it was read is left alone: its own marks count, by the next rescan.
"""

from collections.abc import Mapping

from roadmark.executor.intake import Intake
from roadmark.executor.store import journal
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.ingest.discovery import content_hash, read_content
from roadmark.ingest.tick import boxes_of


class FarTicks:
    """Looks into the journal for ticks, from its beginning at the first look."""

    def __init__(self, store: Store, intake: Intake) -> None:
        self._store, self._intake = store, intake
        self._seen = 0

    def bring(self) -> None:
        """Set the boxes of the files here that were ticked, or unticked, elsewhere since the last look."""
        with self._store.read() as connection:
            newest = journal.head(connection).seq
            tasks = journal.tasks_of_kind(connection, "task.ticked", self._seen)
        for task_id in tasks:
            self._bring(task_id)
        self._seen = newest

    def _bring(self, task_id: str) -> None:
        marks = self._differing(task_id)
        if not marks:
            return
        with self._intake.ticking(task_id, marks) as ticks:

            def work(transaction: Transaction) -> None:
                if ticks.content is not None:
                    text = ticks.content.decode("utf-8", "replace")
                    tasks = TaskRepository(transaction.connection)
                    tasks.update(task_id, content_sha256=content_hash(ticks.content), source_content=text)

            self._store.write(work)

    def _differing(self, task_id: str) -> Mapping[str, str]:
        """The marks of the rows that the file, as it was read last, has otherwise."""
        with self._store.read() as connection:
            tasks = TaskRepository(connection)
            task, items = tasks.get(task_id), tasks.items(task_id)
        content = read_content(self._intake.folder, task.source_path)
        if content is None or content_hash(content) != task.content_sha256:
            return {}
        in_file = {box.key: box.mark for box in boxes_of(content)}
        there = [item for item in items if item.removed_at is None and item.key in in_file]
        return {item.key: item.mark for item in there if item.mark != in_file[item.key]}
