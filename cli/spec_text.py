"""A spec for a person's terminal: a summary, and findings with the line they stand on.

Control characters of a spec never reach the terminal.
"""

import re
from collections.abc import Iterator

from roadmark.ingest.problems import Problem
from roadmark.ingest.spec import Spec

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def safe(text: str) -> str:
    """The text with control and direction characters shown as escapes."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def summary(spec: Spec) -> str:
    """A few lines about a spec: title, facts, phases, counts, findings."""
    return safe("\n".join(_summary_lines(spec)))


def _summary_lines(spec: Spec) -> Iterator[str]:
    files = spec.files
    facts = (spec.format, spec.type, spec.category, spec.priority, _hours(spec.estimated_hours))
    yield f"{spec.path}: {spec.title}"
    yield "  " + ", ".join(fact for fact in facts if fact)
    for phase in spec.phases:
        done = sum(box.is_done for box in phase.items)
        time = _hours(phase.hours) or "no time"
        yield f"  phase {phase.number}: {phase.name} ({time}), {done} of {len(phase.items)} done"
    yield (
        f"  files: {len(files.create)} to create, {len(files.modify)} to modify,"
        f" {len(files.delete)} to delete, {len(files.move)} to move"
    )
    yield (
        f"  risks: {len(spec.risks)}, success criteria: {len(spec.success_criteria)},"
        f" success indicators: {len(spec.success_indicators)}"
    )
    for found in spec.problems:
        yield "  " + finding(spec.path, found)


def _hours(hours: float | None) -> str:
    return f"{hours:g} hours" if hours is not None else ""


def finding(path: str, found: Problem) -> str:
    """``path:line:column: CODE message``."""
    place = safe(path).replace("\n", "\\x0a")  # a name with a line break must not forge a line
    return safe(f"{place}:{found.line}:{found.column}: {found.code} {found.message}")


def with_frame(path: str, found: Problem, lines: tuple[str, ...]) -> str:
    """A finding with the line it stands on, a marker under its column, and the hint."""
    parts = [finding(path, found)]
    if 0 < found.line <= len(lines) and lines[found.line - 1].strip():
        number = str(found.line)
        shown = safe(lines[found.line - 1].replace("\t", " "))[:160]
        parts.append(f"  {number} | {shown}")
        if found.column <= len(shown):
            parts.append(f"  {' ' * len(number)} | {' ' * (found.column - 1)}^")
    if found.hint:
        parts.append(f"  hint: {safe(found.hint)}")
    return "\n".join(parts)
