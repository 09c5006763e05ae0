"""What a task waits for: the names in its spec, found among the other tasks.

A spec names others by title, slug or path. A name that is found holds the task back until that task is
completed; a name that is found nowhere holds nothing back and is shown: specs name finished work too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import sqlalchemy as sa
from roadmark.executor.states import TaskStatus
from roadmark.executor.store.tasks import NamedTask, TaskRepository


@dataclass(frozen=True, slots=True)
class Dependency:
    """A name as the spec has it, and the task that it means; None where there is no such task."""

    name: str
    task: NamedTask | None

    @property
    def is_met(self) -> bool:
        """Whether it holds nothing back."""
        return self.task is None or self.task.status is TaskStatus.COMPLETED


def dependencies_of(connection: sa.Connection, task_id: str) -> tuple[Dependency, ...]:
    """The dependencies of a task in the order of its spec; the task itself is none."""
    tasks = TaskRepository(connection)
    names = tasks.dependencies(task_id)
    return _resolved(task_id, names, _by_name(tasks.named())) if names else ()


def dependents_of(connection: sa.Connection, task_id: str) -> tuple[str, ...]:
    """The tasks that depend on this one, however far, each before those that it depends on itself."""
    tasks = TaskRepository(connection)
    named = tasks.named()
    by_name = _by_name(named)
    directly: dict[str, list[str]] = {}
    for task in named:
        for dependency in _resolved(task.id, tasks.dependencies(task.id), by_name):
            if dependency.task is not None:
                directly.setdefault(dependency.task.id, []).append(task.id)
    ordered: list[str] = []
    waiting, seen = [(task_id, False)], set[str]()
    while waiting:
        current, is_left = waiting.pop()
        if is_left:
            ordered.append(current)
        elif current not in seen:
            seen.add(current)
            waiting += [(current, True), *((one, False) for one in directly.get(current, ()))]
    return tuple(ordered[:-1])


def held_back(connection: sa.Connection) -> frozenset[str]:
    """The tasks that have a queued migration and a dependency that is not completed."""
    tasks = TaskRepository(connection)
    names = tasks.queued_dependencies()
    if not names:
        return frozenset()
    by_name = _by_name(tasks.named())
    return frozenset(
        task_id
        for task_id, wanted in names.items()
        if not all(dependency.is_met for dependency in _resolved(task_id, wanted, by_name))
    )


def is_held_back(connection: sa.Connection, task_id: str) -> bool:
    """Whether the task depends on one that is not completed."""
    return not all(dependency.is_met for dependency in dependencies_of(connection, task_id))


def cycle_of(connection: sa.Connection, task_id: str) -> tuple[str, ...]:
    """The titles along a circle of dependencies that leads back to the task; empty where there is none."""
    tasks = TaskRepository(connection)
    by_name = _by_name(tasks.named())
    waiting: list[tuple[str, tuple[str, ...]]] = [(task_id, ())]
    seen: set[str] = set()
    while waiting:
        current, titles = waiting.pop()
        for dependency in _resolved(current, tasks.dependencies(current), by_name):
            if dependency.task is None:
                continue
            if dependency.task.id == task_id:
                return (*titles, dependency.task.title)
            if dependency.task.id not in seen:
                seen.add(dependency.task.id)
                waiting.append((dependency.task.id, (*titles, dependency.task.title)))
    return ()


def slug(text: str) -> str:
    """A title as a name of a file would have it.

    >>> slug("User Login (v2)")
    'user-login-v2'
    """
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")


def _resolved(task_id: str, names: Sequence[str], by_name: Mapping[str, NamedTask]) -> tuple[Dependency, ...]:
    found = (Dependency(name, _find(name, by_name)) for name in names)
    return tuple(one for one in found if one.task is None or one.task.id != task_id)


def _find(name: str, by_name: Mapping[str, NamedTask]) -> NamedTask | None:
    plain = name.strip().strip("`").removeprefix("./")
    return by_name.get(plain) or by_name.get(slug(plain)) or by_name.get(slug(PurePosixPath(plain).stem))


def _by_name(tasks: Sequence[NamedTask]) -> dict[str, NamedTask]:
    """Each task by its path and, weaker, by the slugs of its path's stem and title."""
    names: dict[str, NamedTask] = {}
    for task in tasks:
        names.setdefault(slug(task.title), task)
    for task in tasks:
        names.setdefault(slug(PurePosixPath(task.source_path).stem), task)
    return names | {task.source_path: task for task in tasks}
