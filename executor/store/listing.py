"""The list of tasks by sqlite3 alone: importing SQLAlchemy takes longer than the whole list.

Source: docs/decisions/0010.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store.identity import DATABASE, REVISION

LIST = """
SELECT t.id, t.title, t.priority, t.source_path, t.status, t.executable,
       m.id, m.status, m.reason,
       coalesce(i.done, 0), coalesce(i.total, 0), coalesce(p.errors, 0)
FROM tasks t
LEFT JOIN migrations m ON m.id = t.migration_id
LEFT JOIN (SELECT task_id, count(*) FILTER (WHERE mark = 'x') AS done, count(*) AS total FROM task_items
           WHERE phase IS NOT NULL AND removed_at IS NULL GROUP BY task_id) i ON i.task_id = t.id
LEFT JOIN (SELECT task_id, count(*) AS errors FROM spec_problems
           WHERE severity = 'error' GROUP BY task_id) p ON p.task_id = t.id
WHERE t.status <> 'withdrawn' OR t.migration_id IS NOT NULL
ORDER BY t.source_path, t.id
"""
"""The columns are the fields of `ListedTask`. As it stands here, SQLite and PostgreSQL understand it."""


@dataclass(frozen=True, slots=True)
class ListedTask:
    """A line of the list: a task, its latest migration where there is one, its boxes of the phases."""

    id: str
    title: str
    priority: str
    source_path: str
    status: str
    executable: bool
    migration_id: str | None
    migration_status: str | None
    reason: str | None
    items_done: int
    items_total: int
    errors: int


def list_tasks(state_dir: Path) -> list[ListedTask]:
    """Every task by its file; withdrawn ones that never ran left out.

    Raises: DatabaseUnusable where there is no database of the present revision.
    """
    path = state_dir / DATABASE
    if not path.is_file():
        raise DatabaseUnusable(str(path), "is not there yet; 'roadmark serve' or 'roadmark run' makes it")
    try:
        with closing(sqlite3.connect(path)) as connection:
            _refuse_other_revisions(connection, path)
            return [listed(row) for row in connection.execute(LIST)]
    except sqlite3.DatabaseError as error:
        raise DatabaseUnusable(str(path), f"is no database of Roadmark ({error})") from error


def listed(row: Sequence[Any]) -> ListedTask:
    """The row of an answer."""
    values = dict(zip(ListedTask.__slots__, row, strict=True))
    return ListedTask(**values | {"executable": bool(values["executable"])})


def _refuse_other_revisions(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if found != REVISION:
        why = f"has revision {found}, this Roadmark reads {REVISION}; run 'roadmark db upgrade'"
        raise DatabaseUnusable(str(path), why)
