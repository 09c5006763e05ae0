"""Ticks written into the bytes of a spec: only the byte of a mark, or a status in JSON, ever changes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from roadmark.ingest.boxes import read_boxes
from roadmark.ingest.fences import repair_fences
from roadmark.ingest.formats import taskmaster
from roadmark.ingest.formats.taskmaster import STATUS_OF_MARK, Task, tasks_of
from roadmark.ingest.json_places import Placed
from roadmark.ingest.markdown import read_document
from roadmark.ingest.source import DEFAULT_LIMITS, check_limits, read_source
from roadmark.ingest.spec import Checkbox
from roadmark.ingest.strict_json import read_json

MARKS = (" ", "x", "~", "-", "/")
_LINE_END = re.compile(rb"\r\n|\r|\n")
_JSON_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{/]")
_IN_JSON = {"/": "~"}
"""Marks that one status stands for."""
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class TickResult:
    """The new bytes, the keys whose mark changed, and the keys that the file no longer holds."""

    content: bytes
    changed: tuple[str, ...]
    missing: tuple[str, ...]


def boxes_of(content: bytes) -> tuple[Checkbox, ...]:
    """The boxes of a file's bytes in order; none of a file that is too large or no text."""
    if check_limits(content, DEFAULT_LIMITS) is not None:
        return ()
    if tasks := _tasks(content):
        return taskmaster.items_of(tasks)
    source, _ = read_source(content)
    body_lines, _ = repair_fences(source.body_lines)
    return read_boxes(read_document("", replace(source, body_lines=body_lines)))


def set_marks(content: bytes, marks: Mapping[str, str]) -> TickResult:
    """The file with the marks of these box keys set; everything else stays as it is, byte for byte.

    In a ``tasks.json`` a mark is the value of a status; a part that has none is missing.

    Raises:
        ValueError: for a mark that is none of MARKS.
    """
    unknown = sorted(set(marks.values()) - set(MARKS))
    if unknown:
        raise ValueError(f"a mark is one of {MARKS}, not {unknown[0]!r}")
    if tasks := _tasks(content):
        return _set_statuses(content, tasks, {key: _IN_JSON.get(mark, mark) for key, mark in marks.items()})
    return _set_boxes(content, marks)


def _set_boxes(content: bytes, marks: Mapping[str, str]) -> TickResult:
    boxes = {box.key: box for box in boxes_of(content)}
    starts = _line_starts(content)
    new = bytearray(content)
    changed = [key for key, mark in marks.items() if key in boxes and boxes[key].mark != mark]
    for key in changed:
        box = boxes[key]
        new[starts[box.mark_line - 1] + box.column - 1] = ord(marks[key])
    missing = tuple(key for key in marks if key not in boxes)
    return TickResult(bytes(new), tuple(changed), missing)


def _line_starts(content: bytes) -> list[int]:
    return [0, *(found.end() for found in _LINE_END.finditer(content))]


def _tasks(content: bytes) -> tuple[Task, ...]:
    """The tasks of a ``tasks.json``; none of anything else. No Markdown file is one JSON object."""
    if not _JSON_START.match(content) or check_limits(content, DEFAULT_LIMITS) is not None:
        return ()
    source, _ = read_source(content)
    found = read_json(source.text)
    return tasks_of(found.text) if found.error is None else ()


def _set_statuses(content: bytes, tasks: Sequence[Task], marks: Mapping[str, str]) -> TickResult:
    parts = {part.key: part for task in tasks for part in task.work if part.status is not None}
    changed = tuple(key for key, mark in marks.items() if key in parts and parts[key].mark != mark)
    edits = [edit for task in tasks for edit in _edits(task, {key: marks[key] for key in changed})]
    missing = tuple(key for key in marks if key not in parts)
    return TickResult(_replaced(content, edits), changed, missing)


def _edits(task: Task, marks: Mapping[str, str]) -> Iterator[tuple[Placed, str]]:
    """The statuses to replace; a task follows its subtasks where it did before, and when all are done."""
    after = [marks.get(part.key, part.mark) for part in task.work]
    for part in task.work:
        if part.key in marks and part.status is not None:
            yield part.status, marks[part.key]
    own, now = task.own, _together(after)
    if task.subtasks and own.status is not None and any(part.key in marks for part in task.subtasks):
        before = _together([part.mark for part in task.subtasks])
        if now != own.mark and (now == "x" or own.mark == before):
            yield own.status, now


def _together(marks: Sequence[str]) -> str:
    """The mark of a task whose subtasks have these."""
    kinds = set(marks)
    if len(kinds) == 1:
        return marks[0]
    return "x" if kinds == {"x", "-"} else "~"


def _replaced(content: bytes, edits: Iterable[tuple[Placed, str]]) -> bytes:
    raw = content.decode("utf-8", "surrogateescape")
    text = raw.removeprefix(_BOM)
    pieces, at = [raw[: len(raw) - len(text)]], 0
    for placed, mark in sorted(edits, key=lambda edit: edit[0].start):
        pieces += [text[at : placed.start], f'"{STATUS_OF_MARK[mark]}"']
        at = placed.end
    return "".join((*pieces, text[at:])).encode("utf-8", "surrogateescape")
