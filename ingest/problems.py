"""Findings about a spec: what is wrong, where it stands, and what to do about it.

A code's letter is its weight: E = the spec cannot be executed, W = probably not meant, I = a note.
Each code is explained on a page of its own (``roadmark rule E103``), kept in ``ingest/rules``.
"""

from dataclasses import dataclass
from enum import StrEnum

SHOWN_LIMIT = 500
"""A hostile file could have as many findings as lines; errors are kept first."""


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """The spec cannot be executed until this is gone."""
    WARNING = "warning"
    """Probably not what the author meant; the spec can be executed."""
    INFO = "info"
    """Worth knowing: how something was read, or what was assumed."""


_SEVERITY_BY_LETTER = {"E": Severity.ERROR, "W": Severity.WARNING, "I": Severity.INFO}

CODES = {
    "E001": "a limit of size, lines or nesting is exceeded",
    "E002": "the file is not UTF-8 text",
    "W003": "some bytes are not UTF-8",
    "W004": "hidden characters",
    "W005": "control characters",
    "W010": "a fence inside a fence",
    "W011": "a fence that is never closed",
    "E101": "the execution context is not JSON",
    "E102": "the execution context is not an object",
    "E103": "a misspelt key in the execution context",
    "E104": "a value of the execution context that does not fit",
    "E105": "an unknown automation level",
    "E106": "a task database field that does not fit",
    "W107": "a comment in the execution context",
    "W108": "a trailing comma in the execution context",
    "I109": "a key of the execution context that nothing reads",
    "E110": "a tasks.json that is not JSON",
    "I111": "no automation level",
    "E112": "a branch name that git refuses",
    "E201": "no phases",
    "W202": "a phase without work",
    "W203": "hours that do not add up",
    "I204": "no estimated time",
    "W205": "a dependency that is not in the file",
    "E206": "a template that is not filled in",
    "W207": "a status that the boxes do not bear out",
    "W208": "two different values for one field",
    "W209": "a box without text",
    "I210": "an index",
    "W212": "a mark that is not known",
    "E301": "a path outside the repository",
    "W302": "a file in two lists",
    "E401": "front matter that cannot be read",
    "W402": "a value of the front matter that does not fit",
    "W403": "a misspelt key in the front matter",
    "W501": "a mapping block that says something else",
    "I502": "a source path that is not the file's",
    "W503": "a mapping block whose metadata is not JSON",
    "I601": "opinions on the status that differ",
}
"""Every code with its summary."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding at one place of a spec; ``line`` and ``column`` count from 1 (column in characters)."""

    code: str
    severity: Severity
    line: int
    column: int
    message: str
    hint: str = ""


def problem(code: str, line: int, message: str, *, column: int = 1, hint: str = "") -> Problem:
    """The finding ``code`` (a key of CODES) with the severity that its letter stands for."""
    if code not in CODES:
        raise KeyError(code)
    return Problem(code, _SEVERITY_BY_LETTER[code[0]], max(line, 1), max(column, 1), message, hint)


def in_reading_order(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The findings from the top of the file to its end, without repeats, at most SHOWN_LIMIT of them."""
    unique = set(problems)
    if len(unique) > SHOWN_LIMIT:
        weight = list(Severity)
        unique = set(sorted(unique, key=lambda p: (weight.index(p.severity), p.line, p.column))[:SHOWN_LIMIT])
    return tuple(sorted(unique, key=lambda p: (p.line, p.column, p.code, p.message)))
