"""Intake: spec files become tasks, and ticks go back into the files. The one writer of both.

A file is taken by its content: an unchanged one is never parsed again, a moved one is known by its
hash, a deleted one withdraws its task and erases nothing.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from roadmark.executor.config import Settings
from roadmark.executor.errors import NotFound
from roadmark.executor.events import SYSTEM, Event
from roadmark.executor.model import Task
from roadmark.executor.spec_rows import children_of, problems_of, status_of, task_of
from roadmark.executor.states import TASK_STATUS_OF, TaskStatus
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import Children, TaskRepository
from roadmark.executor.workspace.spec_readers import BIG_BYTES, ReadFile, Wanted, read_files
from roadmark.ingest.discovery import FoundFile, Skipped, content_hash, read_content, scan
from roadmark.ingest.families import companions_of, is_index, links_of
from roadmark.ingest.tick import set_marks

_BATCH = 32
"""Specs whose rows are written in one transaction."""

SETTLED_S = 0.3
"""A file counts once its size and time were still for this long; editors write in pieces."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that is no task of its own: it belongs to the task of `main`, or is no spec at all (None)."""

    path: str
    sha256: str
    main: str | None


Kin = tuple[tuple[str, str], ...]
"""The other files of a main file's family: paths and hashes."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """What was written into a spec's file.

    `content` is what it holds now; None where there is no file any more, or where somebody had changed it
    since it was read: then the next rescan is to read it.
    """

    task: Task
    content: bytes | None
    unmatched: tuple[str, ...]

    def apply(self, transaction: Transaction, keys: Sequence[str], mark: str, by: str) -> None:
        """Bring the rows to what the file says now."""
        tasks = TaskRepository(transaction.connection)
        done = mark == "x"
        tasks.mark_items(self.task.id, keys, mark, by if done else None, transaction.now if done else None)
        if self.content is not None:
            text = self.content.decode("utf-8", "replace")
            tasks.update(self.task.id, content_sha256=content_hash(self.content), source_content=text)
        if self.task.migration_id is None:
            tasks.update(self.task.id, status=_status_of_boxes(tasks, self.task))
        detail = {"keys": list(keys), "mark": mark, "unmatched": list(self.unmatched)}
        transaction.record(Event(kind="task.ticked", actor=by, task_id=self.task.id, detail=detail))


class Intake:
    """Keeps tasks and files in step."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._scanning, self._lock = threading.Lock(), threading.RLock()
        self._ended = threading.Event()
        self._ticked: set[str] = set()
        self._files: Mapping[str, FoundFile] = {}
        self._keeps_the_folder = not settings.database_url
        self.folder = settings.specs
        self.last_scan_at: datetime | None = None
        self.skipped: tuple[Skipped, ...] = ()
        self._listed: dict[str, Listed] = {}
        self._kin: dict[str, Kin] = {}
        self._links: dict[str, tuple[str, ...]] = {}

    def keep_the_folder(self) -> None:
        """From now on this folder says what is gone or moved.

        On SQLite any folder does. On PostgreSQL a task may have been read from another host's folder, so
        only the one process that serves asks for this.
        """
        self._keeps_the_folder = True

    def rescan(self) -> bool:
        """Take in what came, changed, moved or went. True where a file was too young to be taken yet.

        One rescan at a time; a tick waits for a batch of it at most.
        """
        with self._scanning:
            return self._rescan()

    def rescan_unless_scanning(self) -> None:
        """As `rescan`; nothing where one is under way, which may take minutes."""
        if self._scanning.acquire(blocking=False):
            try:
                self._rescan()
            finally:
                self._scanning.release()

    def _rescan(self) -> bool:
        with self._lock:
            self._ticked.clear()
        found = scan(self.folder, self._files)
        self.skipped = found.skipped
        with self._store.read() as connection:
            known = TaskRepository(connection).paths()
        young = self._young(found.files)
        self._take(found.files, known, young)
        if self._keeps_the_folder:
            self._withdraw(found.files, known)
        self.last_scan_at = self._store.clock.now()
        self._files = {path: file for path, file in found.files.items() if path not in young}
        return bool(young)

    def end(self) -> None:
        """Take in nothing more; a rescan that is under way ends after its present batch."""
        self._ended.set()

    @property
    def listed(self) -> tuple[Listed, ...]:
        """Files that are no task of their own: companions of a task's main file, and what is no spec."""
        return tuple(self._listed[path] for path in sorted(self._listed))

    def rescan_settled(self) -> None:
        """Take everything in, waiting for files that are still being written."""
        while self.rescan():
            time.sleep(SETTLED_S)

    def tick(self, task_id: str, key: str, mark: str, actor: str) -> None:
        """Set one box, in the file and in its row. Raises: NotFound."""
        with self._store.read() as connection:
            if key not in {item.key for item in TaskRepository(connection).items(task_id)}:
                raise NotFound("box", key)
        with self.ticking(task_id, {key: mark}) as ticks:
            self._store.write(lambda transaction: ticks.apply(transaction, [key], mark, actor))

    @contextmanager
    def ticking(self, task_id: str, marks: Mapping[str, str]) -> Iterator[Ticks]:
        """Write marks into the task's file, then let the caller bring the rows up to it.

        The file comes first: after a crash in between the same marks are written again, to no effect.
        """
        with self._lock:
            with self._store.read() as connection:
                task = TaskRepository(connection).get(task_id)
            content, unmatched = self._write_marks(task, marks)
            self._ticked.add(task.source_path)
            yield Ticks(task, content, unmatched)

    def _write_marks(self, task: Task, marks: Mapping[str, str]) -> tuple[bytes | None, tuple[str, ...]]:
        path = self._confined(task.source_path)
        content = read_content(self.folder, task.source_path) if path else None
        while path is not None and content is not None:
            result = set_marks(content, marks)
            now = read_content(self.folder, task.source_path)
            if now == content:
                if result.changed:
                    _replace(path, result.content)
                in_step = content_hash(content) == task.content_sha256
                return result.content if in_step else None, result.missing
            content = now  # somebody saved it meanwhile: their edit stays, the marks are set in it
        return None, tuple(marks)

    def _confined(self, source_path: str) -> Path | None:
        """The file itself, if it lies in the folder; a link out of it is not followed."""
        path = (self.folder / source_path).resolve()
        return path if path.is_relative_to(self.folder.resolve()) and path.is_file() else None

    def _young(self, files: Mapping[str, FoundFile]) -> list[str]:
        """Files written so lately that the writer may not have finished."""
        edge = self._store.clock.now().timestamp() - SETTLED_S
        return [path for path, file in files.items() if edge < file.modified_ns / 1e9 < edge + 1]

    def _take(
        self,
        files: Mapping[str, FoundFile],
        known: Mapping[str, tuple[str, str, TaskStatus]],
        young: Sequence[str],
    ) -> None:
        gone = {sha: path for path, (_, sha, _) in known.items() if path not in files}
        companions = companions_of(files, self._links_in(files))
        kin = _kin(files, companions)
        kept = {path: one for path, one in self._listed.items() if _still_listed(one, files, companions)}
        self._listed = kept | {
            path: Listed(path, files[path].sha256, main) for path, main in companions.items()
        }
        wanted, weighed = [], []
        for path, file in files.items():
            if path in young or path in self._listed:
                continue
            if path not in known and file.sha256 in gone:
                self._move(gone.pop(file.sha256), path)
            elif path not in known or known[path][1] != file.sha256 or known[path][2] is TaskStatus.WITHDRAWN:
                wanted.append(path)
            elif kin.get(path) != self._kin.get(path):
                weighed.append(path)
        self._kin = kin
        for batch in self._read([_wanted(files, kin, path) for path in wanted]):
            self._save_batch([read for read in batch if read.spec.is_spec])
            for read in batch:
                if not read.spec.is_spec:
                    self._listed[read.spec.path] = Listed(read.spec.path, read.sha256, None)
        for batch in self._read([_wanted(files, kin, path) for path in weighed]):
            self._weigh_batch(batch)

    def _links_in(self, files: Mapping[str, FoundFile]) -> dict[str, tuple[str, ...]]:
        """What each index links to; an index is read once for each content."""
        known, links = self._links, {}
        self._links = {}
        for path in filter(is_index, files):
            name = f"{files[path].sha256} {path}"
            if name not in known:
                content = read_content(self.folder, path) or b""
                known[name] = links_of(path, content.decode("utf-8", "replace"))
            self._links[name] = links[path] = known[name]
        return links

    def _read(self, wanted: Sequence[Wanted]) -> Iterator[Sequence[ReadFile]]:
        """The files in batches; big ones, which may be meant to hold everything up, after all others."""
        small = [one for one in wanted if one.file.size_bytes <= BIG_BYTES]
        big = [one for one in wanted if one.file.size_bytes > BIG_BYTES]
        for group in (small, big):
            reads = read_files(self.folder, group)
            while not self._ended.is_set() and (batch := list(islice(reads, _BATCH))):
                yield batch

    def _weigh_batch(self, batch: Sequence[ReadFile]) -> None:
        with self._lock:
            sound = self._not_ticked(batch)
            self._store.write(lambda transaction: _weigh_all(transaction, sound))

    def _save_batch(self, batch: Sequence[ReadFile]) -> None:
        with self._lock:
            sound = self._not_ticked(batch)
            self._store.write(lambda transaction: self._save_all(transaction, sound))

    def _not_ticked(self, batch: Sequence[ReadFile]) -> list[ReadFile]:
        """Without those that were ticked since they may have been read: the next rescan has them whole."""
        return [read for read in batch if read.spec.path not in self._ticked]

    def _save_all(self, transaction: Transaction, reads: Sequence[ReadFile]) -> None:
        tasks = TaskRepository(transaction.connection)
        known = tasks.by_paths([read.spec.path for read in reads])
        new = []
        for read in reads:
            before = known.get(read.spec.path)
            known_items = tasks.items(before.id) if before else []
            task = self._task_of(read, before, transaction.now)
            children = children_of(read.spec, read.assigned, task.id, known_items, transaction.now)
            if before is None:
                new.append((task, children))
            else:
                tasks.replace(task, children)
                if before.status is TaskStatus.WITHDRAWN and before.migration_id is not None:
                    tasks.update(task.id, status=_status_before(transaction, task))
            transaction.record(_taken(task, children))
        tasks.insert(new)

    def _task_of(self, read: ReadFile, before: Task | None, now: datetime) -> Task:
        return task_of(
            read.spec,
            text=read.text,
            sha256=read.sha256,
            project=self._settings.project,
            now=now,
            status=status_of(read.status, before),
            known=before,
        )

    def _move(self, old: str, new: str) -> None:
        if not self._keeps_the_folder:
            return

        def work(transaction: Transaction) -> None:
            tasks = TaskRepository(transaction.connection)
            task = tasks.by_path(old)
            if task is None:
                return
            status = _status_before(transaction, task) if task.status is TaskStatus.WITHDRAWN else task.status
            tasks.update(task.id, source_path=new, status=status, updated_at=transaction.now)
            transaction.record(Event(kind="spec.moved", task_id=task.id, detail={"from": old, "path": new}))

        with self._lock:
            self._store.write(work)

    def _withdraw(
        self, files: Mapping[str, FoundFile], known: Mapping[str, tuple[str, str, TaskStatus]]
    ) -> None:
        with self._store.read() as connection:
            present = TaskRepository(connection).paths()
        lost = {
            path: row
            for path, row in present.items()
            if path in known
            and (path not in files or path in self._listed)
            and row[2] is not TaskStatus.WITHDRAWN
        }

        def work(transaction: Transaction) -> None:
            for path, (task_id, _, _) in lost.items():
                TaskRepository(transaction.connection).update(
                    task_id, status=TaskStatus.WITHDRAWN.value, updated_at=transaction.now
                )
                transaction.record(
                    Event(kind="spec.withdrawn", actor=SYSTEM, task_id=task_id, detail={"path": path})
                )

        if lost:
            with self._lock:
                self._store.write(work)


def _taken(task: Task, children: Children) -> Event:
    detail = {"path": task.source_path, "revision": task.revision, "problems": len(children.problems)}
    kind = "spec.added" if task.revision == 1 else "spec.changed"
    return Event(kind=kind, task_id=task.id, detail=detail)


def _kin(files: Mapping[str, FoundFile], companions: Mapping[str, str]) -> dict[str, Kin]:
    """For each main file that has companions: these, with their hashes."""
    kin: dict[str, Kin] = {}
    for path in sorted(companions):
        kin[companions[path]] = (*kin.get(companions[path], ()), (path, files[path].sha256))
    return kin


def _wanted(files: Mapping[str, FoundFile], kin: Mapping[str, Kin], path: str) -> Wanted:
    return Wanted(files[path], tuple(companion for companion, _ in kin.get(path, ())))


def _weigh_all(transaction: Transaction, reads: Sequence[ReadFile]) -> None:
    """What the families of unchanged main files say now: their findings, and how far their tasks are."""
    tasks = TaskRepository(transaction.connection)
    known = tasks.by_paths([read.spec.path for read in reads])
    for read in reads:
        task = known[read.spec.path]
        problems, status = problems_of(read.spec, task.id), status_of(read.status, task)
        if (list(problems), status) == (tasks.problems(task.id), task.status):
            continue
        tasks.replace_problems(task.id, problems)
        tasks.update(task.id, status=status, updated_at=transaction.now)
        detail = {"path": task.source_path, "revision": task.revision, "problems": len(problems)}
        transaction.record(Event(kind="spec.weighed", task_id=task.id, detail=detail))


def _still_listed(one: Listed, files: Mapping[str, FoundFile], companions: Mapping[str, str]) -> bool:
    """Whether what was found out about a file still holds."""
    if one.path not in files:
        return False
    return one.path in companions if one.main else files[one.path].sha256 == one.sha256


def _status_before(transaction: Transaction, task: Task) -> str:
    """What a task that came back is: as its migration says, else pending."""
    if task.migration_id is None:
        return _status_of_boxes(TaskRepository(transaction.connection), task).value
    return TASK_STATUS_OF[MigrationRepository(transaction.connection).get(task.migration_id).status].value


def _status_of_boxes(tasks: TaskRepository, task: Task) -> TaskStatus:
    """What the boxes of the phases say; without any the status stays."""
    marks = [item.mark == "x" for item in tasks.items(task.id) if item.phase and item.removed_at is None]
    if not marks:
        return TaskStatus.PENDING if task.status is TaskStatus.WITHDRAWN else task.status
    return status_of("completed" if all(marks) else "in_progress" if any(marks) else "pending", None)


def _replace(path: Path, content: bytes) -> None:
    """Put the bytes in place of the file at once; its mode stays, and a crash leaves the old or the new."""
    draft = path.with_name(f".{path.name}.roadmark-new")
    with open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(draft, path.stat().st_mode & 0o7777)
    os.replace(draft, path)
