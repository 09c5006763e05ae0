"""Task Master ``tasks.json``: tasks with subtasks, statuses and dependencies by id; both shapes of the file.

The newer shape holds tasks by tag (``{"master": {"tasks": [...]}}``), the older one directly. A phase is a
task, its items are the subtasks; the status of a part is its mark.
Source: eyaltoledano/claude-task-master, docs/task-structure.md.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

from roadmark.ingest.assemble import name_of_slug
from roadmark.ingest.boxes import item_name
from roadmark.ingest.json_places import Placed, elements, members, whole
from roadmark.ingest.problems import problem
from roadmark.ingest.sections.overview import read_priority
from roadmark.ingest.spec import PRIORITIES, Checkbox, Entry, Phase, Spec
from roadmark.ingest.strict_json import read_json

NAME = "taskmaster"
TASK_LIMIT = 500
STATUS_OF_MARK = {" ": "pending", "x": "done", "~": "in-progress", "/": "in-progress", "-": "cancelled"}
"""What is written for a mark."""
_MARKS = {"done": "x", "completed": "x", "in-progress": "~", "review": "~", "cancelled": "-", "deferred": "-"}
_STATUSES = {"x": "completed", "~": "in_progress", "-": "cancelled", " ": "pending"}

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A task or subtask: its key across edits, its values, and where its status stands if it has one."""

    key: str
    id: str
    title: str
    values: Values
    line: int
    status: Placed | None

    @property
    def mark(self) -> str:
        """Its status as the mark of a box."""
        return _MARKS.get(str(self.values.get("status", "")).casefold(), " ")


@dataclass(frozen=True, slots=True)
class Task:
    """A task and its subtasks."""

    own: Part
    subtasks: tuple[Part, ...]

    @property
    def work(self) -> tuple[Part, ...]:
        """What is carried out: the subtasks, or the task itself where it has none."""
        return self.subtasks or (self.own,)


def read(path: str, text: str) -> Spec:
    """The spec that a ``tasks.json`` describes; bad JSON and unknown dependencies are findings."""
    found = read_json(text)
    title = _title(path)
    if found.error is not None:
        refused = problem("E110", found.line, f"this is not JSON: {found.error}", column=found.column)
        return Spec(path=path, format=NAME, title=title, text=text, problems=(refused,))
    tasks = tasks_of(found.text)
    if len(tasks) > TASK_LIMIT:
        said = f"there are more tasks than the limit of {TASK_LIMIT:,}"
        return Spec(path=path, format=NAME, title=title, text=text, problems=(problem("E001", 1, said),))
    if not tasks:
        return Spec(path=path, format="document", title=title, text=text, description=text, is_spec=False)
    return Spec(
        path=path,
        format=NAME,
        title=title,
        text=text,
        description=text,
        type="feature",
        priority=_highest(tasks),
        phases=tuple(map(_phase, _in_order(tasks))),
        items=items_of(tasks),
        problems=tuple(
            problem("W205", part.line, f'task {part.id} depends on "{need}", which is not in the file')
            for part, need in _unknown_needs(tasks)
        ),
    )


def tasks_of(text: str) -> tuple[Task, ...]:
    """The tasks of a strict JSON text in file order, at most one more than the limit."""
    top = members(text, whole(text))
    own = top.get("tasks")
    tagged = [members(text, placed).get("tasks") for placed in top.values()]
    lists = [own] if own is not None and isinstance(own.value, list) else tagged
    reader = _Reader(text)
    tasks = (task for group in lists if group is not None for task in reader.tasks(group))
    return tuple(islice(tasks, TASK_LIMIT + 1))


def items_of(tasks: Sequence[Task]) -> tuple[Checkbox, ...]:
    """What is carried out of these tasks, as boxes."""
    return tuple(_item(task, part) for task in tasks for part in task.work)


class _Reader:
    """Reads parts one after the other; equal ones of several tags get different keys."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._names: Counter[str] = Counter()
        self._starts = (0, *accumulate(len(line) + 1 for line in text.split("\n")))

    def tasks(self, group: Placed) -> Iterator[Task]:
        for placed in elements(self._text, group):
            if isinstance(placed.value, dict) and "title" in placed.value:
                yield self._task(placed, placed.value)

    def _task(self, placed: Placed, values: Values) -> Task:
        number = str(values.get("id", ""))
        inner = members(self._text, placed).get("subtasks")
        subs = tuple(elements(self._text, inner)) if inner is not None else ()
        subtasks = tuple(
            self._part(sub, sub.value, f"{number}.{sub.value.get('id', '')}")
            for sub in subs
            if isinstance(sub.value, dict)
        )
        return Task(self._part(placed, values, number), subtasks)

    def _part(self, placed: Placed, values: Values, number: str) -> Part:
        title = str(values.get("title", ""))
        name = item_name(f"task {number}", title)
        self._names[name] += 1
        inner = members(self._text, placed)
        return Part(
            key=name if self._names[name] == 1 else f"{name}-{self._names[name]}",
            id=number,
            title=title,
            values=values,
            line=self._line(inner.get("id", placed).start),
            status=inner.get("status"),
        )

    def _line(self, offset: int) -> int:
        return bisect_right(self._starts, offset)


def _title(path: str) -> str:
    parts = [part for part in path.split("/")[:-1] if part not in {".taskmaster", "tasks", "..", "."}]
    return f"{name_of_slug(parts[-1])}: tasks" if parts else "Tasks"


def _needs(task: Task) -> list[str]:
    needs = task.own.values.get("dependencies")
    return [str(need) for need in needs] if isinstance(needs, list) else []


def _unknown_needs(tasks: Sequence[Task]) -> Iterator[tuple[Part, str]]:
    known = {task.own.id for task in tasks}
    for task in tasks:
        yield from ((task.own, need) for need in _needs(task) if need.split(".")[0] not in known)


def _in_order(tasks: Sequence[Task]) -> list[Task]:
    """The tasks after what they depend on, else in file order."""
    known = {task.own.id for task in tasks}
    done: set[str] = set()
    ordered: list[Task] = []
    waiting = list(tasks)
    while waiting:
        ready = next((task for task in waiting if not (set(_needs(task)) & known) - done), waiting[0])
        waiting.remove(ready)
        done.add(ready.own.id)
        ordered.append(ready)
    return ordered


def _phase(task: Task) -> Phase:
    own = task.own
    return Phase(
        number=own.id,
        name=own.title,
        hours=None,
        status=_STATUSES[own.mark],
        line=own.line,
        end_line=own.line,
        text="\n\n".join(_texts(task)),
        items=tuple(_item(task, part) for part in task.work),
        bullets=tuple(Entry(sub.title, sub.line) for sub in task.subtasks),
    )


def _texts(task: Task) -> Iterator[str]:
    yield f"# {task.own.title}"
    for part in (task.own, *task.subtasks):
        if part is not task.own:
            yield f"## {part.title}"
        details = (part.values.get(key) for key in ("description", "details", "testStrategy"))
        yield from (str(detail) for detail in details if detail)


def _item(task: Task, part: Part) -> Checkbox:
    return Checkbox(
        key=part.key,
        text=part.title,
        mark=part.mark,
        line=part.line,
        mark_line=0,
        column=0,
        section=task.own.title,
        depth=1,
    )


def _highest(tasks: Sequence[Task]) -> str | None:
    found = {read_priority(str(task.own.values.get("priority", ""))) for task in tasks}
    return next((name for name in PRIORITIES if name in found), None)
