"""Corrections that need no guess: trailing commas, misspelt keys, bold that is never closed.

Each changes a few bytes at the place of a finding; everything else of the file stays as it is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from roadmark.ingest.problems import Problem
from roadmark.ingest.reader import read_spec
from roadmark.ingest.source import read_source

_MEANT = re.compile(r'did you mean "([^"]+)"')
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"')
_OPEN_BOLD = re.compile(r"^(?P<lead>\s*[-*+]\s+)\*\*(?P<key>[\w ]+?):(?!\*\*)(?P<value>[^*]*)$")
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of one line: ``before`` at ``column`` (from 1) becomes ``after``."""

    line: int
    column: int
    before: str
    after: str
    reason: str


def find_fixes(path: PurePath, content: bytes) -> tuple[Fix, ...]:
    """What can be corrected in a file without guessing, in file order."""
    spec = read_spec(path, content)
    source, problems = read_source(content)
    if not spec.text or problems:
        return ()
    found = [fix for problem in spec.problems for fix in _fixes_of(problem, source.lines)]
    first, last = _fields_of(spec.automation.line, spec.automation.text)
    found.extend(_bold_fixes(source.lines, first, last))
    return tuple(sorted(found, key=lambda fix: (fix.line, fix.column)))


def apply_fixes(content: bytes, fixes: tuple[Fix, ...]) -> bytes:
    """The bytes with every fix made; the last place first, so that the earlier ones stay where they are."""
    starts = [0, *(found.end() for found in _LINE_END.finditer(content))]
    lines = read_source(content)[0].byte_lines
    for fix in reversed(fixes):
        lead = lines[fix.line - 1][: fix.column - 1].encode("utf-8", "surrogateescape")
        at = starts[fix.line - 1] + len(lead)
        before = fix.before.encode("utf-8")
        if content[at : at + len(before)] == before:
            content = content[:at] + fix.after.encode("utf-8") + content[at + len(before) :]
    return content


def _fixes_of(problem: Problem, lines: tuple[str, ...]) -> Iterator[Fix]:
    line = lines[problem.line - 1] if problem.line <= len(lines) else ""
    rest = line[problem.column - 1 :]
    if problem.code == "W108" and rest.startswith(","):
        yield Fix(problem.line, problem.column, ",", "", "trailing comma taken out")
    meant = _MEANT.search(problem.message)
    key = _KEY.match(rest)
    if problem.code == "E103" and meant and key:
        yield Fix(problem.line, problem.column, key[0], f'"{meant[1]}"', f"{key[0]} is spelt {meant[1]}")


def _fields_of(line: int, text: str) -> tuple[int, int]:
    """First and last line of the task database fields; an empty range where there are none."""
    return (line, line + text.count("\n")) if line else (1, 0)


def _bold_fixes(lines: tuple[str, ...], first: int, last: int) -> Iterator[Fix]:
    for number in range(first, last + 1):
        found = _OPEN_BOLD.match(lines[number - 1])
        if found:
            key, value = found["key"], found["value"]
            quoted = re.sub(r"^(\s*)'([^']*)''$", r"\1'\2'", value)
            before = f"**{key}:{value}"
            yield Fix(number, found.end("lead") + 1, before, f"**{key}**:{quoted}", "bold closed")
