"""The journal's numbers for tasks, by which it is indexed, in the order in which it first told of them.

An index by the tasks' ids is five times the bytes, and ids are random: with each commit of many migrations it
cost one page for each of them. Tasks with numbers next to each other run at about the same time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from roadmark.executor.store.among import Among
from roadmark.executor.store.known import known
from roadmark.executor.store.statements import Query, insert_all
from roadmark.executor.store.tables import journal_tasks, migration_tracking


@dataclass(frozen=True, slots=True)
class _Numbered:
    """A task's number."""

    number: int
    task_id: str


_BY_TASKS = Query(_Numbered, sa.select(journal_tasks).where(Among(journal_tasks.c.task_id, "ids")))
_LAST = Query(_Numbered, sa.select(journal_tasks).order_by(journal_tasks.c.number.desc()).limit(1))


def is_about(task_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Entries about the task, found by the index."""
    its_number = sa.select(journal_tasks.c.number).where(journal_tasks.c.task_id == task_id)
    return migration_tracking.c.task_number == its_number.scalar_subquery()


def numbers_of(connection: sa.Connection, task_ids: Collection[str]) -> Mapping[str, int]:
    """The numbers of these tasks, and of others; one that has none gets the next."""
    numbers = known(connection).numbers
    missing = [task_id for task_id in dict.fromkeys(task_ids) if task_id not in numbers]
    if missing:
        numbers.update((one.task_id, one.number) for one in _BY_TASKS.all(connection, ids=missing))
        numbers.update(_numbered(connection, [task_id for task_id in missing if task_id not in numbers]))
    return numbers


def _numbered(connection: sa.Connection, new: Sequence[str]) -> Mapping[str, int]:
    """The next numbers, for tasks that the journal tells of for the first time."""
    if not new:
        return {}
    last = _LAST.first(connection)
    first = last.number + 1 if last else 1
    numbers = {task_id: number for number, task_id in enumerate(new, first)}
    rows = [{"number": number, "task_id": task_id} for task_id, number in numbers.items()]
    insert_all(connection, journal_tasks, rows)
    return numbers
