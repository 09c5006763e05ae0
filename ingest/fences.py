"""Fences that Markdown closes too early or never: repaired before the blocks are parsed.

A fence such as ```` ```json ```` inside a plain or ```` ```markdown ```` fence opens a level in the author's
mind, but not in Markdown: the inner end closes the outer fence, and what follows turns inside out. Lines keep
their number; an inner fence line gets a sign in front that keeps Markdown from seeing it.
"""

import re
from dataclasses import dataclass

from roadmark.ingest.problems import Problem, problem

GUARD = "\ue000"
"""Stands in front of a hidden fence line; taken off again from the text of the fence."""

REPAIR_LIMIT = 100
"""Looking for the end of a fence costs a pass over the file; a hostile file could ask for thousands."""

_FENCE = re.compile(r"^ {0,3}(?:[-*+>] {1,3})?(?P<sign>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_OUTER = ("", "markdown", "md", "text", "txt")
_HEADING = re.compile(r"^#{1,6} \S")


@dataclass(frozen=True, slots=True)
class _Opened:
    line: int
    sign: str
    info: str


def repair_fences(lines: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The lines with nested fences hidden and unclosed ones closed, and a warning for each repair."""
    if not any("```" in line or "~~~" in line for line in lines):
        return lines, ()
    made = list(lines)
    problems: list[Problem] = []
    at = 0
    while at < len(made) and len(problems) < REPAIR_LIMIT:
        opened = _opening(made[at], at)
        at = at + 1 if opened is None else _pass_fence(made, opened, problems) + 1
    return (tuple(made), tuple(problems)) if problems else (lines, ())


def _opening(line: str, at: int) -> _Opened | None:
    found = _FENCE.match(line)
    return _Opened(at, found["sign"], found["info"].strip().casefold()) if found else None


def _closes(line: str, opened: _Opened) -> bool:
    bare = line.strip(" \t>")
    return len(bare) >= len(opened.sign) and bare == opened.sign[0] * len(bare)


def _pass_fence(lines: list[str], opened: _Opened, problems: list[Problem]) -> int:
    """The index of the line that ends the fence, after repairing it where that is needed."""
    plain_end = _plain_end(lines, opened)
    last = len(lines) if plain_end is None else plain_end
    if opened.info in _OUTER and any(_opens_inside(lines[at], opened) for at in range(opened.line + 1, last)):
        end = _nested_end(lines, opened)
        if end is not None and end != plain_end:
            _hide(lines, opened, end, problems)
            return end
    if plain_end is None:
        return _close_unclosed(lines, opened, problems)
    return plain_end


def _plain_end(lines: list[str], opened: _Opened) -> int | None:
    return next((at for at in range(opened.line + 1, len(lines)) if _closes(lines[at], opened)), None)


def _opens_inside(line: str, opened: _Opened) -> bool:
    found = _FENCE.match(line)
    return bool(found and found["info"].strip() and found["sign"][0] == opened.sign[0])


def _nested_end(lines: list[str], opened: _Opened) -> int | None:
    """Where the fence ends when each line with a language opens a level and each bare one closes it."""
    depth = 1
    for at in range(opened.line + 1, len(lines)):
        if _opens_inside(lines[at], opened):
            depth += 1
        elif _closes(lines[at], opened):
            depth -= 1
        if depth == 0:
            return at
    return None


def _hide(lines: list[str], opened: _Opened, end: int, problems: list[Problem]) -> None:
    for at in range(opened.line + 1, end):
        if _FENCE.match(lines[at]):
            lines[at] = GUARD + lines[at]
    said = "a fence inside this fence ends it too early; read as nested"
    hint = f"Open and close the outer fence with {opened.sign}{opened.sign[0]}."
    problems.append(problem("W010", opened.line + 1, said, hint=hint))


def _close_unclosed(lines: list[str], opened: _Opened, problems: list[Problem]) -> int:
    """Ends a fence that never closes above the first heading after a blank line."""
    said = "this fence is never closed"
    for at in range(opened.line + 2, len(lines)):
        if _HEADING.match(lines[at]) and not lines[at].startswith("# ") and not lines[at - 1].strip():
            lines[at - 1] = opened.sign
            said += f"; read as closed above line {at + 1}"
            problems.append(problem("W011", opened.line + 1, said, hint=f"Add {opened.sign} where it ends."))
            return at - 1
    problems.append(problem("W011", opened.line + 1, said, hint=f"Add {opened.sign} where it ends."))
    return len(lines)
