"""The list of `roadmark ls` and the list of the pages say the same."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
import sqlalchemy as sa
from roadmark.executor.config import Settings
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.model import Task
from roadmark.executor.policy import policy_for
from roadmark.executor.spec_rows import children_of, task_of
from roadmark.executor.states import TaskStatus
from roadmark.executor.store import tables as t
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.listing import ListedTask, list_tasks
from roadmark.executor.store.listing_of_server import list_tasks_of
from roadmark.executor.store.reading import Reading
from roadmark.executor.store.rows import pack
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import FleetRow, TaskRepository
from roadmark.ingest.files_of_phase import assign_files
from roadmark.ingest.reader import read_spec

Listing = Callable[[], list[ListedTask]]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = """\
# Job {number} Implementation

## 1. Project Overview
- **Priority**: Low

## 4. Implementation Phases

#### Phase 1: Only (1 hour)
- [x] Begin
- [ ] End
"""


@pytest.fixture
def listing(tmp_path: Path, database_url: str) -> Iterator[Listing]:
    """What `roadmark ls` reads of the database: of a file by sqlite3 alone."""
    if not database_url:
        yield lambda: list_tasks(tmp_path)
        return
    sources: list[Reading] = []

    def read() -> list[ListedTask]:
        sources.append(Reading(tmp_path, database_url))
        return list_tasks_of(sources[-1])

    yield read
    for source in sources:
        source.close()


def keep(store: Store, texts: dict[str, str]) -> None:
    """Write the tasks of these files."""
    new = []
    for path, text in texts.items():
        spec = read_spec(PurePosixPath(path), text.encode())
        task = task_of(
            spec, text=text, sha256=path, project="p", now=NOW, status=TaskStatus.PENDING, known=None
        )
        new.append((task, children_of(spec, assign_files(spec), task.id, [], NOW)))
    store.write(lambda transaction: TaskRepository(transaction.connection).insert(new))


def line_of(row: FleetRow) -> tuple[object, ...]:
    task, migration = row.task, row.migration
    latest = (migration.id, migration.status, migration.reason) if migration else (None, None, None)
    known = (task.id, task.title, task.priority, task.source_path, task.status, task.executable)
    return (*known, *latest, row.items_done, row.items_total, row.errors)


def test_both_lists_have_the_same_lines(store: Store, listing: Listing) -> None:
    keep(
        store,
        {
            "b/run.md": SPEC.format(number=1),
            "a/broken.md": "# Nothing Implementation\n\n## 4. Implementation Phases\n",
            "B/first.md": SPEC.format(number=4),
            "gone.md": SPEC.format(number=2),
            "gone-after-a-run.md": SPEC.format(number=3),
        },
    )
    with store.read() as connection:
        ids = {path: task_id for path, (task_id, _, _) in TaskRepository(connection).paths().items()}

    def arrange(transaction: Transaction) -> None:
        for path in ("b/run.md", "gone-after-a-run.md"):
            task = TaskRepository(transaction.connection).get(ids[path])
            transaction.connection.execute(sa.insert(t.migrations), a_migration(task, path))
            TaskRepository(transaction.connection).update(ids[path], migration_id=f"m-{path}")
        for path in ("gone.md", "gone-after-a-run.md"):
            TaskRepository(transaction.connection).update(ids[path], status=TaskStatus.WITHDRAWN)
        transaction.connection.execute(
            sa.update(t.task_items).where(t.task_items.c.text == "End").values(removed_at=NOW)
        )

    store.write(arrange)
    with store.read() as connection:
        expected = [line_of(row) for row in TaskRepository(connection).fleet()]
    listed = [tuple(getattr(task, name) for name in task.__slots__) for task in listing()]
    assert listed == expected
    assert [line[3] for line in listed] == ["B/first.md", "a/broken.md", "b/run.md", "gone-after-a-run.md"]
    assert listed[2][6:11] == ("m-b/run.md", "failed", "it did nothing", 1, 1)


def a_migration(task: Task, path: str) -> dict[str, object]:
    """A failed migration's row."""
    numbers = dict.fromkeys(("phase", "phase_count", "attempt", "fence", "version"), 1)
    words = {
        "agent": "a",
        "spec_sha256": "x",
        "started_by": "x",
        "reason": "it did nothing",
    }
    moments = {"created_at": NOW, "updated_at": NOW}
    policy = pack(policy_for(task, Settings(specs=Path(), repo=Path(), state_dir=Path())))
    known = {"id": f"m-{path}", "task_id": task.id, "status": "failed", "start_confirmed": True}
    return {**numbers, **words, **moments, **known, "policy": policy}


def test_the_list_has_every_task(store: Store, listing: Listing) -> None:
    keep(store, {f"{number:04}.md": "# Small Implementation\n" for number in range(600)})
    assert len(listing()) == 600


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "roadmark.db").write_text("this is text, and not short of the size that SQLite wants to see")
    with pytest.raises(DatabaseUnusable, match="no database of Roadmark"):
        list_tasks(tmp_path)


def test_another_revision_is_refused_with_what_to_do(store: Store, listing: Listing) -> None:
    store.write(lambda t: t.connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'")))
    with pytest.raises(DatabaseUnusable, match="roadmark db upgrade"):
        listing()


def test_the_command_does_not_import_sqlalchemy() -> None:
    asked = "import sys, roadmark.cli.ls; print('sqlalchemy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
