"""Replies from files: ``login.reply.md`` beside ``login.md`` answers the open question of its task, once.

A file that was taken is renamed to ``login.reply.done.md``, or ``login.reply.unclear.md`` where it was no
answer; nothing of a person's is deleted.
"""

import logging
import os
import threading
from pathlib import Path

from roadmark.executor.errors import NoOpenWait, ReplyUnclear, RoadmarkError
from roadmark.executor.manager import MigrationManager
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.ingest.discovery import REPLY_SUFFIX
from roadmark.ingest.named_files import NamedFiles

log = logging.getLogger(__name__)

_MOST_BYTES = 64 * 1024


class ReplyFiles:
    """Looks for replies in the folder of specs."""

    def __init__(self, store: Store, manager: MigrationManager, folder: Path) -> None:
        self._store, self._manager, self._folder = store, manager, folder
        self._found = NamedFiles(folder, REPLY_SUFFIX)
        self._lock = threading.Lock()

    def take(self) -> None:
        """Give each file's text as a reply; one whose task asks nothing stays until it does."""
        with self._lock:
            for path in self._found.find():
                if path.is_file() and not path.is_symlink():
                    self._take(path)

    def _take(self, path: Path) -> None:
        migration_id = self._asking(path)
        if migration_id is None:
            return
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        if not text.strip():
            return
        try:
            self._manager.reply(migration_id, text, "reply file", "file")
        except NoOpenWait:
            return
        except ReplyUnclear:
            _rename(path, "unclear")
        except RoadmarkError as error:
            log.warning("%s: %s", path, error)
        else:
            _rename(path, "done")

    def _asking(self, path: Path) -> str | None:
        spec = path.with_name(path.name.removesuffix(REPLY_SUFFIX) + ".md")
        with self._store.read() as connection:
            task = TaskRepository(connection).by_path(spec.relative_to(self._folder).as_posix())
        return task.migration_id if task else None


def _rename(path: Path, outcome: str) -> None:
    """Out of the way, under a name that no reply of before has."""
    stem = path.name.removesuffix(".md")
    names = (f"{stem}.{outcome}{f'.{number}' if number else ''}.md" for number in range(10_000))
    os.rename(path, next(new for name in names if not (new := path.with_name(name)).exists()))
