"""Findings about a spec: what is wrong, where it stands, and what to do about it.

A code's letter is its weight: E = the spec cannot be executed, W = probably not meant, I = a note.
Each code is explained on a page of its own (``roadmark rule E103``), kept in ``ingest/rules``.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"
    """The spec cannot be executed until this is gone."""
    WARNING = "warning"
    """Probably not what the author meant; the spec can be executed."""
    INFO = "info"
    """Worth knowing: how something was read, or what was assumed."""


_SEVERITY_BY_LETTER = {"E": Severity.ERROR, "W": Severity.WARNING, "I": Severity.INFO}


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
    """The finding ``code`` with the severity that its letter stands for."""
    return Problem(code, _SEVERITY_BY_LETTER[code[0]], max(line, 1), max(column, 1), message, hint)


def in_reading_order(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """The findings from the top of the file to its end, without repeats."""
    return tuple(sorted(set(problems), key=lambda p: (p.line, p.column, p.code, p.message)))
