"""Task Master ``tasks.json``: tasks with subtasks, statuses and dependencies by id; both shapes of the file.

The newer shape holds tasks by tag (``{"master": {"tasks": [...]}}``), the older one directly. A phase is a
task, its items are the subtasks. JSON has no boxes: nothing is ever ticked in such a file.
Source: eyaltoledano/claude-task-master, docs/task-structure.md.
"""

import re
from collections.abc import Iterator, Mapping

from roadmark.ingest.assemble import name_of_slug
from roadmark.ingest.boxes import item_name
from roadmark.ingest.problems import problem
from roadmark.ingest.sections.overview import read_priority
from roadmark.ingest.spec import PRIORITIES, Checkbox, Entry, Phase, Spec
from roadmark.ingest.strict_json import place, read_json

NAME = "taskmaster"
TASK_LIMIT = 500
_MARKS = {"done": "x", "completed": "x", "in-progress": "~", "review": "~", "cancelled": "-", "deferred": "-"}
_STATUSES = {"x": "completed", "~": "in_progress", "-": "cancelled", " ": "pending"}

Task = Mapping[str, object]


def read(path: str, text: str) -> Spec:
    """The spec that a ``tasks.json`` describes; bad JSON and unknown dependencies are findings."""
    found = read_json(text)
    title = _title(path)
    if found.error is not None:
        refused = problem("E110", found.line, f"this is not JSON: {found.error}", column=found.column)
        return Spec(path=path, format=NAME, title=title, text=text, problems=(refused,))
    tasks = list(_tasks(found.value))
    if len(tasks) > TASK_LIMIT:
        said = f"{len(tasks):,} tasks are more than the limit of {TASK_LIMIT:,}"
        return Spec(path=path, format=NAME, title=title, text=text, problems=(problem("E001", 1, said),))
    if not tasks:
        return Spec(path=path, format="document", title=title, text=text, description=text, is_spec=False)
    ordered, unknown = _in_order(tasks)
    lines = dict(_lines(text))
    phases = tuple(_phase(task, lines) for task in ordered)
    return Spec(
        path=path,
        format=NAME,
        title=title,
        text=text,
        description=text,
        type="feature",
        priority=_highest(tasks),
        phases=phases,
        problems=tuple(
            problem(
                "W205", lines.get(task, 1), f'task {task} depends on "{missing}", which is not in the file'
            )
            for task, missing in unknown
        ),
    )


def _title(path: str) -> str:
    parts = [part for part in path.split("/")[:-1] if part not in {".taskmaster", "tasks", "..", "."}]
    return f"{name_of_slug(parts[-1])}: tasks" if parts else "Tasks"


def _tasks(value: object) -> Iterator[Task]:
    if isinstance(value, dict):
        own = value.get("tasks")
        lists = (
            [own]
            if isinstance(own, list)
            else [part.get("tasks") for part in value.values() if _has_tasks(part)]
        )
        for group in lists:
            if isinstance(group, list):
                yield from (task for task in group if isinstance(task, dict) and "title" in task)


def _has_tasks(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("tasks"), list)


def _id(task: Task) -> str:
    return str(task.get("id", ""))


def _needs(task: Task) -> list[str]:
    needs = task.get("dependencies")
    return [str(need) for need in needs] if isinstance(needs, list) else []


def _in_order(tasks: list[Task]) -> tuple[list[Task], list[tuple[str, str]]]:
    """The tasks after what they depend on, else in file order; and the dependencies that are not there."""
    known = {_id(task) for task in tasks}
    unknown = [
        (_id(task), need) for task in tasks for need in _needs(task) if need.split(".")[0] not in known
    ]
    done: set[str] = set()
    ordered: list[Task] = []
    waiting = list(tasks)
    while waiting:
        ready = next((task for task in waiting if not _open_needs(task, known, done)), waiting[0])
        waiting.remove(ready)
        done.add(_id(ready))
        ordered.append(ready)
    return ordered, unknown


def _open_needs(task: Task, known: set[str], done: set[str]) -> set[str]:
    return (set(_needs(task)) & known) - done


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """The line of each task's title, by its id; the first one wins."""
    seen: set[str] = set()
    for found in re.finditer(r'"id"\s*:\s*"?([\w.-]+)"?', text):
        if found[1] not in seen:
            seen.add(found[1])
            yield found[1], place(text, found.start())[0]


def _phase(task: Task, lines: Mapping[str, int]) -> Phase:
    line = lines.get(_id(task), 1)
    mark = _mark(task)
    subtasks = task.get("subtasks")
    title = str(task["title"])
    subs: list[Task] = (
        [sub for sub in subtasks if isinstance(sub, dict)] if isinstance(subtasks, list) else []
    )
    return Phase(
        number=_id(task),
        name=title,
        hours=None,
        status=_STATUSES[mark],
        line=line,
        end_line=line,
        text="\n\n".join(_texts(task, subs)),
        items=tuple(_item(task, sub, line) for sub in subs) or (_item(task, task, line),),
        bullets=tuple(Entry(str(sub.get("title", "")), line) for sub in subs),
    )


def _texts(task: Task, subs: list[Task]) -> Iterator[str]:
    yield f"# {task['title']}"
    for part in (task, *subs):
        if part is not task:
            yield f"## {part.get('title', '')}"
        yield from (str(part[key]) for key in ("description", "details", "testStrategy") if part.get(key))


def _item(task: Task, part: Task, line: int) -> Checkbox:
    number = _id(task) if part is task else f"{_id(task)}.{_id(part)}"
    text = str(part.get("title", ""))
    return Checkbox(
        key=item_name(f"task {number}", text),
        text=text,
        mark=_mark(part),
        line=line,
        mark_line=0,
        column=0,
        section=str(task["title"]),
        depth=1,
    )


def _mark(part: Task) -> str:
    return _MARKS.get(str(part.get("status", "")).casefold(), " ")


def _highest(tasks: list[Task]) -> str | None:
    found = {read_priority(str(task.get("priority", ""))) for task in tasks}
    return next((name for name in PRIORITIES if name in found), None)
