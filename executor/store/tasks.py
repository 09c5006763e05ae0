"""TaskRepository: tasks and what belongs to them, over the caller's connection."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from roadmark.executor.errors import Ambiguous, NotFound
from roadmark.executor.model import Migration, SpecProblem, Task, TaskFile, TaskItem, TaskPhase, TaskRisk
from roadmark.executor.states import NEEDS_PERSON, Status, TaskStatus
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import pack, plain, unpack
from roadmark.executor.store.statements import Answer, Joined, Query, insert_all, select_by, update_by


@dataclass(frozen=True, slots=True)
class Children:
    """The rows that a spec gives a task beside the task itself."""

    phases: tuple[TaskPhase, ...]
    items: tuple[TaskItem, ...]
    files: tuple[TaskFile, ...]
    risks: tuple[TaskRisk, ...]
    dependencies: tuple[str, ...]
    problems: tuple[SpecProblem, ...]


@dataclass(frozen=True, slots=True)
class FleetRow:
    """A line of the fleet: a task, its latest migration, its boxes of the phases, its problems."""

    task: "TaskSummary"
    migration: Migration | None
    items_done: int
    items_total: int
    errors: int
    warnings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """A task without its text, for lists."""

    id: str
    title: str
    type: str
    category: str | None
    priority: str
    status: TaskStatus
    source_path: str
    estimated_hours: float | None
    executable: bool
    automation_level: str
    migration_id: str | None
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StuckRow:
    """A migration that goes no further without a person, with its task's title."""

    migration: Migration
    title: str


@dataclass(frozen=True, slots=True)
class NamedTask:
    """What another spec may call a task by, and where it stands."""

    id: str
    title: str
    source_path: str
    status: TaskStatus


@dataclass(frozen=True, slots=True)
class _Ticked:
    """The key of a ticked box."""

    key: str


@dataclass(frozen=True, slots=True)
class _Wish:
    """A dependency as the spec names it."""

    task_id: str
    name: str


_QUEUED_WISHES = Joined(
    [(_Wish, t.task_dependencies)],
    sa.select(t.task_dependencies)
    .select_from(
        t.task_dependencies.join(t.migrations, t.migrations.c.task_id == t.task_dependencies.c.task_id)
    )
    .where(t.migrations.c.status == sa.literal_column(f"'{Status.QUEUED}'")),
)
_BY_ID = Query(Task, select_by(t.tasks, "id"))
_BY_PATH = Query(Task, select_by(t.tasks, "source_path"))
_PHASES = Query(TaskPhase, select_by(t.task_phases, "task_id").order_by(t.task_phases.c.ordinal))
_ITEMS = Query(
    TaskItem,
    select_by(t.task_items, "task_id").order_by(
        t.task_items.c.removed_at.is_not(None), t.task_items.c.line, t.task_items.c.key
    ),
)
_TICKED = Query(
    _Ticked,
    sa.select(t.task_items)
    .where(
        t.task_items.c.task_id
        == sa.select(t.migrations.c.task_id)
        .where(t.migrations.c.id == sa.bindparam("its_id", type_=t.migrations.c.id.type))
        .scalar_subquery(),
        t.task_items.c.mark == sa.literal_column("'x'"),
        t.task_items.c.removed_at.is_(None),
    )
    .order_by(t.task_items.c.line, t.task_items.c.key),
)
_FILES = Query(TaskFile, select_by(t.task_files, "task_id").order_by(t.task_files.c.id))
_RISKS = Query(TaskRisk, select_by(t.task_risks, "task_id").order_by(t.task_risks.c.id))
_PROBLEMS = Query(SpecProblem, select_by(t.spec_problems, "task_id").order_by(t.spec_problems.c.id))
_STUCK = (
    sa.select(t.migrations, t.tasks.c.title)
    .join(t.tasks, t.tasks.c.migration_id == t.migrations.c.id)
    .where(t.migrations.c.status.in_(NEEDS_PERSON - {Status.WAITING}))
    .order_by(t.migrations.c.created_at.desc(), t.migrations.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_WISHES = Query(_Wish, select_by(t.task_dependencies, "task_id").order_by(t.task_dependencies.c.id))
_SUMMARY = [getattr(t.tasks.c, name) for name in TaskSummary.__slots__]


class TaskRepository:
    """Reads and writes tasks."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def get(self, task_id: str) -> Task:
        """The task. Raises: NotFound."""
        task = _BY_ID.first(self._connection, its_id=task_id)
        if task is None:
            raise NotFound("task", task_id)
        return task

    def by_path(self, source_path: str) -> Task | None:
        """The task of this file, if there is one."""
        return _BY_PATH.first(self._connection, its_source_path=source_path)

    def by_paths(self, source_paths: Sequence[str]) -> dict[str, Task]:
        """The tasks of these files, by file; files without one are left out."""
        query = sa.select(t.tasks).where(t.tasks.c.source_path.in_(source_paths))
        return {row.source_path: unpack(Task, row) for row in self._connection.execute(query)}

    def find(self, wanted: str) -> str:
        """The id of the task meant by an id, its beginning, a path, a title or a migration's id.

        Raises: NotFound, Ambiguous.
        """
        c = t.tasks.c
        path_tail = c.source_path.iendswith(f"/{wanted}", autoescape=True)
        of_migration = sa.select(t.migrations.c.task_id).where(t.migrations.c.id == wanted)
        for condition in (
            c.id == wanted,
            c.id.in_(of_migration),
            c.source_path == wanted,
            sa.or_(path_tail, sa.func.lower(c.title) == wanted.lower()),
            c.id.istartswith(wanted, autoescape=True),
        ):
            matches = list(self._connection.execute(sa.select(c.id).where(condition)).scalars())
            if len(matches) == 1:
                return str(matches[0])
            if matches:
                raise Ambiguous("task", wanted, matches)
        raise NotFound("task", wanted)

    def paths(self) -> dict[str, tuple[str, str, TaskStatus]]:
        """For each known file: its task's id, content hash and status."""
        c = t.tasks.c
        rows = self._connection.execute(sa.select(c.source_path, c.id, c.content_sha256, c.status))
        return {row.source_path: (row.id, row.content_sha256, TaskStatus(row.status)) for row in rows}

    def insert(self, new: Sequence[tuple[Task, Children]]) -> None:
        """New tasks with their children; a statement a table, however many they are."""
        insert_all(self._connection, t.tasks, [pack(task) for task, _ in new])
        self._insert_children(new)

    def replace(self, task: Task, children: Children) -> None:
        """The task as its edited spec has it; all but the items are written anew."""
        self._connection.execute(sa.update(t.tasks).where(t.tasks.c.id == task.id).values(pack(task)))
        for table in (
            t.task_phases,
            t.task_items,
            t.task_files,
            t.task_risks,
            t.task_dependencies,
            t.spec_problems,
        ):
            self._connection.execute(sa.delete(table).where(table.c.task_id == task.id))
        self._insert_children([(task, children)])

    def update(self, task_id: str, **values: Any) -> None:
        """Set columns of one task."""
        packed = {name: plain(value) for name, value in values.items()}
        update_by(t.tasks, "id").queue(self._connection, packed | {"its_id": task_id})

    def phases(self, task_id: str) -> list[TaskPhase]:
        """The phases in order."""
        return _PHASES.all(self._connection, its_task_id=task_id)

    def items(self, task_id: str) -> list[TaskItem]:
        """All checkboxes in the order of the file; those that were removed from it come last."""
        return self.ask_items(task_id)()

    def ask_items(self, task_id: str) -> Answer[list[TaskItem]]:
        """Ask for `items`, to be waited for later."""
        return _ITEMS.ask_all(self._connection, its_task_id=task_id)

    def ask_ticked(self, migration_id: str) -> Answer[list[str]]:
        """Ask for the keys of the ticked boxes of a migration's task, to be waited for later."""
        asked = _TICKED.ask_all(self._connection, its_id=migration_id)
        return lambda: [ticked.key for ticked in asked()]

    def files(self, task_id: str) -> list[TaskFile]:
        """The declared files in the order of the spec."""
        return _FILES.all(self._connection, its_task_id=task_id)

    def risks(self, task_id: str) -> list[TaskRisk]:
        """The risks in the order of the spec."""
        return _RISKS.all(self._connection, its_task_id=task_id)

    def dependencies(self, task_id: str) -> list[str]:
        """What the spec says it depends on, as written."""
        return [wish.name for wish in _WISHES.all(self._connection, its_task_id=task_id)]

    def named(self) -> list[NamedTask]:
        """Every task that has not been withdrawn, by its names, the oldest first."""
        c = t.tasks.c
        query = sa.select(c.id, c.title, c.source_path, c.status).order_by(c.created_at, c.id)
        rows = self._connection.execute(query.where(c.status != TaskStatus.WITHDRAWN))
        return [NamedTask(row.id, row.title, row.source_path, TaskStatus(row.status)) for row in rows]

    def queued_dependencies(self) -> dict[str, list[str]]:
        """For each task with a queued migration and dependencies: what its spec says it depends on."""
        names: dict[str, list[str]] = {}
        for (wish,) in _QUEUED_WISHES.ask_all(self._connection)():
            names.setdefault(wish.task_id, []).append(wish.name)
        return names

    def problems(self, task_id: str) -> list[SpecProblem]:
        """The findings in this spec."""
        return _PROBLEMS.all(self._connection, its_task_id=task_id)

    def replace_problems(self, task_id: str, problems: Sequence[SpecProblem]) -> None:
        """What is wrong with the task's files now."""
        self._connection.execute(sa.delete(t.spec_problems).where(t.spec_problems.c.task_id == task_id))
        insert_all(self._connection, t.spec_problems, _packed([problems]))

    def mark_items(
        self, task_id: str, keys: Iterable[str], mark: str, by: str | None, at: datetime | None
    ) -> None:
        """Set the mark of the named items, and who set it when."""
        c = t.task_items.c
        chosen = sa.and_(c.task_id == task_id, c.key.in_(list(keys)))
        self._connection.execute(
            sa.update(t.task_items).where(chosen).values(mark=mark, done_by=by, done_at=at)
        )

    def all_problems(self) -> list[tuple[TaskSummary, list[SpecProblem]]]:
        """Every task that has findings, with them."""
        by_task: dict[str, list[SpecProblem]] = {}
        for row in self._connection.execute(sa.select(t.spec_problems).order_by(t.spec_problems.c.id)):
            by_task.setdefault(row.task_id, []).append(unpack(SpecProblem, row))
        query = sa.select(*_SUMMARY).where(t.tasks.c.id.in_(list(by_task))).order_by(t.tasks.c.source_path)
        return [(unpack(TaskSummary, row), by_task[row.id]) for row in self._connection.execute(query)]

    def fleet(self, after: str | None = None, limit: int = 100) -> list[FleetRow]:
        """At most `limit` tasks behind the one named, by file; withdrawn ones that never ran left out."""
        c = t.tasks.c
        shown = sa.or_(c.status != TaskStatus.WITHDRAWN, c.migration_id.is_not(None))
        query = sa.select(*_SUMMARY).where(shown).order_by(c.source_path, c.id).limit(limit)
        if after is not None:
            query = query.where(
                c.source_path > sa.select(c.source_path).where(c.id == after).scalar_subquery()
            )
        summaries = [unpack(TaskSummary, row) for row in self._connection.execute(query)]
        return self._with_migrations(summaries)

    def fleet_row(self, task_id: str) -> FleetRow:
        """The line of one task. Raises: NotFound."""
        row = self._connection.execute(sa.select(*_SUMMARY).where(t.tasks.c.id == task_id)).first()
        if row is None:
            raise NotFound("task", task_id)
        return self._with_migrations([unpack(TaskSummary, row)])[0]

    def stuck(self, limit: int) -> list[StuckRow]:
        """Tasks' latest migrations that ask nothing and need a person, the newest first."""
        rows = self._connection.execute(_STUCK, {"most": limit})
        return [StuckRow(unpack(Migration, row), row.title) for row in rows]

    def _with_migrations(self, tasks: Sequence[TaskSummary]) -> list[FleetRow]:
        migrations = self._latest_migrations(tasks)
        ids = [task.id for task in tasks]
        boxes = self._count_boxes(ids)
        problems = self._count_problems(ids)
        return [
            FleetRow(
                task,
                migrations.get(task.migration_id or ""),
                *boxes.get(task.id, (0, 0)),
                problems.get((task.id, "error"), 0),
                problems.get((task.id, "warning"), 0),
            )
            for task in tasks
        ]

    def _latest_migrations(self, tasks: Sequence[TaskSummary]) -> dict[str, Migration]:
        ids = [task.migration_id for task in tasks if task.migration_id]
        query = sa.select(t.migrations).where(t.migrations.c.id.in_(ids))
        return {row.id: unpack(Migration, row) for row in self._connection.execute(query)}

    def _count_boxes(self, ids: list[str]) -> dict[str, tuple[int, int]]:
        c = t.task_items.c
        done = sa.func.sum(sa.case((c.mark == "x", 1), else_=0))
        query = (
            sa.select(c.task_id, done, sa.func.count())
            .where(c.task_id.in_(ids), c.phase.is_not(None), c.removed_at.is_(None))
            .group_by(c.task_id)
        )
        return {row[0]: (int(row[1]), int(row[2])) for row in self._connection.execute(query)}

    def _count_problems(self, ids: list[str]) -> dict[tuple[str, str], int]:
        c = t.spec_problems.c
        query = (
            sa.select(c.task_id, c.severity, sa.func.count())
            .where(c.task_id.in_(ids))
            .group_by(c.task_id, c.severity)
        )
        return {(row[0], row[1]): row[2] for row in self._connection.execute(query)}

    def _insert_children(self, new: Sequence[tuple[Task, Children]]) -> None:
        dependencies = [
            {"task_id": task.id, "name": name} for task, children in new for name in children.dependencies
        ]
        for table, rows in (
            (t.task_phases, _packed(children.phases for _, children in new)),
            (t.task_items, _packed(children.items for _, children in new)),
            (t.task_files, _packed(children.files for _, children in new)),
            (t.task_risks, _packed(children.risks for _, children in new)),
            (t.task_dependencies, dependencies),
            (t.spec_problems, _packed(children.problems for _, children in new)),
        ):
            insert_all(self._connection, table, rows)


def _packed(groups: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    return [pack(row) for group in groups for row in group]
