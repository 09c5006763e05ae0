"""Ticks written into the bytes of a spec: only the byte of a mark ever changes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from roadmark.ingest.boxes import read_boxes
from roadmark.ingest.fences import repair_fences
from roadmark.ingest.markdown import read_document
from roadmark.ingest.source import DEFAULT_LIMITS, check_limits, read_source
from roadmark.ingest.spec import Checkbox

MARKS = (" ", "x", "~", "-", "/")
_LINE_END = re.compile(rb"\r\n|\r|\n")


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
    source, _ = read_source(content)
    body_lines, _ = repair_fences(source.body_lines)
    return read_boxes(read_document("", replace(source, body_lines=body_lines)))


def set_marks(content: bytes, marks: Mapping[str, str]) -> TickResult:
    """The file with the marks of these box keys set; everything else stays as it is, byte for byte.

    Raises:
        ValueError: for a mark that is none of MARKS.
    """
    unknown = sorted(set(marks.values()) - set(MARKS))
    if unknown:
        raise ValueError(f"a mark is one of {MARKS}, not {unknown[0]!r}")
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
