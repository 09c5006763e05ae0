"""Agents' logs for a page: the file's lines by number, confined to the state folder's logs.

A line of the file is `HH:MM:SS stream text`; its number is the line's number in the journal too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from roadmark.executor.model import Attempt
from roadmark.web.problems import Refused

TAIL = 300
MORE = 1000
_LINE = re.compile(r"^(\d\d:\d\d:\d\d) (\S+) +(.*)$", re.DOTALL)
_LONGEST = 4000
_MOST_FOUND = 500


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log, counted from 1."""

    n: int
    time: str
    stream: str
    text: str


class Tail:
    """Reads on where it stopped, by bytes, so that a growing log is never read twice."""

    def __init__(self, path: Path, lines: int) -> None:
        """Begin behind the first `lines` lines."""
        self.path = path
        self._n, self._offset = 0, 0
        for raw in islice(_raw_lines(path), lines):
            self._n, self._offset = self._n + 1, self._offset + len(raw)

    @property
    def line(self) -> int:
        """The number of the last line that was read."""
        return self._n

    def read(self, most: int) -> list[LogLine]:
        """The whole lines that came since, at most `most`."""
        if not self.path.is_file():
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            raws = [raw for raw in islice(file, most) if raw.endswith(b"\n")]
        lines = [_line(self._n + index, raw) for index, raw in enumerate(raws, 1)]
        self._n, self._offset = self._n + len(raws), self._offset + sum(map(len, raws))
        return lines


@dataclass(frozen=True, slots=True)
class LogPart:
    """Some lines of an attempt's log; `total` is how many there are."""

    attempt: Attempt
    lines: tuple[LogLine, ...]
    total: int

    @property
    def earlier(self) -> int:
        """How many lines come before these."""
        return self.lines[0].n - 1 if self.lines else 0


def tail(state_dir: Path, attempt: Attempt, before: int | None = None, count: int = TAIL) -> LogPart:
    """The last `count` lines, or the last ones before line `before`."""
    path = log_file(state_dir, attempt.log_path)
    lines, total = _tail_of(path, _version(path), before, count)
    return LogPart(attempt, lines, total)


def find(state_dir: Path, attempt: Attempt, wanted: str, *, only_errors: bool = False) -> LogPart:
    """At most 500 lines that contain `wanted`, whatever the case."""
    path, folded = log_file(state_dir, attempt.log_path), wanted.casefold()
    lines = (_line(n, raw) for n, raw in enumerate(_raw_lines(path), 1))
    found = (line for line in lines if folded in line.text.casefold() and (not only_errors or is_error(line)))
    total = sum(1 for _ in _raw_lines(path))
    return LogPart(attempt, tuple(islice(found, _MOST_FOUND)), total)


def is_error(line: LogLine) -> bool:
    """Whether a line reports a failure: said by its stream or by its words."""
    return line.stream in ("error", "stderr") or _ERROR.search(line.text) is not None


def log_file(state_dir: Path, name: str | Path) -> Path:
    """The log's file. Raises: Refused where it lies outside of the logs' folder."""
    folder = (state_dir / "logs").resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise Refused("not-found", "this attempt has no log in the logs' folder")
    return path


_ERROR = re.compile(r"(error|failed|failure|exception|traceback|fatal|panic)s?\b", re.IGNORECASE)


@lru_cache(maxsize=32)
def _tail_of(
    path: Path, version: tuple[int, int], before: int | None, count: int
) -> tuple[tuple[LogLine, ...], int]:
    """The lines and how many there are; kept until the file is another version."""
    del version
    total = sum(1 for _ in _raw_lines(path))
    end = total if before is None else max(0, min(before - 1, total))
    first = max(0, end - count)
    lines = islice(enumerate(_raw_lines(path), 1), first, end)
    return tuple(_line(n, raw) for n, raw in lines), total


def _version(path: Path) -> tuple[int, int]:
    """A file's size and when it was written; zeros where it is not there."""
    if not path.is_file():
        return 0, 0
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _raw_lines(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        yield from file


def _line(n: int, raw: bytes) -> LogLine:
    text = raw.rstrip(b"\n").decode("utf-8", "replace")
    found = _LINE.match(text)
    if found is None:
        return LogLine(n, "", "", text[:_LONGEST])
    return LogLine(n, found[1], found[2], found[3][:_LONGEST])
