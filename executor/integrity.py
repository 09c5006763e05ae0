"""Integrity: do files, refs, rows, journal and boxes still say the same of a migration?

Asked after every rollback, and whenever somebody wants to know. Nothing is changed by asking.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from roadmark.executor.errors import RoadmarkError
from roadmark.executor.exchange import Exchange
from roadmark.executor.model import (
    Checkpoint,
    JournalEntry,
    Migration,
    Rollback,
    RollbackState,
    Task,
    TaskItem,
)
from roadmark.executor.places import Places
from roadmark.executor.states import WORKING
from roadmark.executor.store import journal
from roadmark.executor.store.checkpoints import CheckpointRepository
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.retention import RetentionRepository
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.workspace.standing import Standing, look
from roadmark.ingest.discovery import read_content
from roadmark.ingest.tick import boxes_of

_PAGE = 1000
_NAMED_AT_MOST = 5
_ROLLED_BACK = "rollback.done"
_FILES_MOVE = ("attempt.began", "phase.done")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: whether it holds, and what was found."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What the database says of a migration."""

    migration: Migration
    task: Task
    items: Sequence[TaskItem]
    checkpoints: Sequence[Checkpoint]
    rollbacks: Sequence[Rollback]
    entries: Sequence[JournalEntry]
    dropped_at: datetime | None


class Integrity:
    """Looks whether everything that is kept of a migration agrees."""

    def __init__(self, store: Store, places: Places, exchange: Exchange, specs: Path) -> None:
        self._store, self._places, self._exchange, self._specs = store, places, exchange, specs

    def check(self, migration_id: str) -> tuple[Check, ...]:
        """Every check with its outcome, in a fixed order. Raises: NotFound."""
        rows = self._rows(migration_id)
        return (*self._kept(rows), *_journal(rows), self._boxes(rows))

    def _rows(self, migration_id: str) -> _Rows:
        with self._store.read() as connection:
            migrations, tasks = MigrationRepository(connection), TaskRepository(connection)
            checkpoints = CheckpointRepository(connection)
            migration = migrations.get(migration_id)
            entries: list[JournalEntry] = []
            while page := journal.read_after(
                connection, entries[-1].seq if entries else 0, _PAGE, migration_id
            ):
                entries += page
            return _Rows(
                migration=migration,
                task=tasks.get(migration.task_id),
                items=tasks.items(migration.task_id),
                checkpoints=checkpoints.of_migration(migration_id),
                rollbacks=checkpoints.rollbacks(migration_id),
                entries=entries,
                dropped_at=RetentionRepository(connection).dropped_at(migration_id),
            )

    def _kept(self, rows: _Rows) -> Iterator[Check]:
        if rows.dropped_at is not None:
            yield Check(
                "checkpoints", holds=True, detail=f"deleted for their age on {rows.dropped_at:%Y-%m-%d}"
            )
            return
        if not rows.checkpoints:
            yield Check("checkpoints", holds=True, detail="none was taken yet")
            return
        migration = rows.migration
        expected = _expected_tree(rows)
        try:
            self._exchange.look(migration.id)
            place = self._places.of(migration.id)
            like = expected or rows.checkpoints[-1].tree
            found = look(place, like, migration.published_commit)
        except RoadmarkError as error:
            yield Check("checkpoints", holds=False, detail=str(error))
            return
        yield _checkpoints(rows, found)
        yield _files(expected, found)
        yield _refs(migration, found)

    def _boxes(self, rows: _Rows) -> Check:
        content = read_content(self._specs, rows.task.source_path)
        if content is None:
            return Check("boxes", holds=True, detail=f"{rows.task.source_path} is not there any more")
        in_file = {box.key: box.mark for box in boxes_of(content)}
        of_rows = {item.key: item for item in rows.items if item.removed_at is None}
        differing = [item.text for key, item in of_rows.items() if in_file.get(key) != item.mark]
        differing += [f"box {key}" for key in in_file if key not in of_rows]
        if differing:
            return Check("boxes", holds=False, detail=f"file and rows differ: {_named(differing)}")
        return Check("boxes", holds=True, detail=f"{len(in_file)} boxes are as their rows")


def failing(checks: Sequence[Check]) -> tuple[str, ...]:
    """The names of what does not hold."""
    return tuple(check.name for check in checks if not check.holds)


def _expected_tree(rows: _Rows) -> str | None:
    """What the files must be: the tree of the last rollback, until work goes on; else nobody can say."""
    done = [one for one in rows.rollbacks if one.state is RollbackState.DONE]
    if not done or done[-1].result is None or rows.migration.status in WORKING:
        return None
    told = [entry.kind for entry in rows.entries if entry.kind in _FILES_MOVE or entry.kind == _ROLLED_BACK]
    return str(done[-1].result["tree"]) if told[-1:] == [_ROLLED_BACK] else None


def _checkpoints(rows: _Rows, found: Standing) -> Check:
    wrong = [
        one.name for one in rows.checkpoints if found.checkpoints.get(one.ref) != (one.commit_id, one.tree)
    ]
    if wrong:
        return Check("checkpoints", holds=False, detail=f"the vault has them otherwise: {_named(wrong)}")
    return Check("checkpoints", holds=True, detail=f"{len(rows.checkpoints)} are in the vault as recorded")


def _files(expected: str | None, found: Standing) -> Check:
    if expected is None:
        return Check("files", holds=True, detail="no rollback since the last work: nothing to compare with")
    if found.files_tree is None:
        return Check("files", holds=False, detail="the workspace is gone; the next run makes it again")
    if found.files_tree != expected:
        return Check("files", holds=False, detail=f"tree {found.files_tree}, expected {expected}")
    return Check("files", holds=True, detail=f"tree {expected}, read byte for byte")


def _refs(migration: Migration, found: Standing) -> Check:
    if not found.is_base_kept:
        detail = f"refs/roadmark/keep/{migration.id} does not hold base commit {found.base_commit}"
        return Check("refs", holds=False, detail=detail)
    if migration.published_commit is None:
        return Check("refs", holds=True, detail="the base commit is kept; nothing is published")
    if found.holder is None:
        detail = f"no branch or tag holds {migration.published_commit}, published on {migration.branch}"
        return Check("refs", holds=False, detail=detail)
    return Check("refs", holds=True, detail=f"{found.holder} holds {migration.published_commit[:12]}")


def _journal(rows: _Rows) -> Iterator[Check]:
    wrong = [*_status_told_otherwise(rows), *_checkpoints_told_otherwise(rows), *_rollbacks_untold(rows)]
    if wrong:
        yield Check("journal", holds=False, detail=f"the journal says otherwise: {_named(wrong)}")
    else:
        yield Check("journal", holds=True, detail=f"{len(rows.entries)} entries agree with the rows")


def _status_told_otherwise(rows: _Rows) -> Iterator[str]:
    moves = [entry.to_status for entry in rows.entries if entry.to_status]
    if moves and moves[-1] != rows.migration.status:
        yield f"status {rows.migration.status}, last told {moves[-1]}"


def _checkpoints_told_otherwise(rows: _Rows) -> Iterator[str]:
    told = {
        entry.detail["checkpoint"]: entry.detail["tree"]
        for entry in rows.entries
        if entry.kind == "checkpoint.taken"
    }
    for one in rows.checkpoints:
        if told.get(one.id) != one.tree:
            yield f"checkpoint {one.name}"


def _rollbacks_untold(rows: _Rows) -> Iterator[str]:
    told = {
        entry.detail["rollback"]: entry.detail["actual_tree"]
        for entry in rows.entries
        if entry.kind == _ROLLED_BACK
    }
    for one in rows.rollbacks:
        if one.state in (RollbackState.DONE, RollbackState.UNDONE) and (
            one.result is None or told.get(one.id) != one.result["tree"]
        ):
            yield f"rollback {one.id}"


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")
