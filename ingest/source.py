"""The bytes of a file as text: limits, decoding, lines and front matter, before any Markdown is read."""

import re
from dataclasses import dataclass

from roadmark.ingest.problems import Problem, problem

_LINE_END = re.compile(r"\r\n|\r|\n")
_BAD = re.compile(r"[\udc80-\udcff]")
_BOM = "\ufeff"
_FENCE = re.compile(r"---[ \t]*")
_FENCE_END = re.compile(r"(?:---|\.\.\.)[ \t]*")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read at all; beyond, the file is refused with the figure (E001)."""

    size_bytes: int = 1024 * 1024
    lines: int = 10_000


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceText:
    """A file as text. All line tuples have the same length, and the same characters line by line.

    ``body_lines`` are empty where the front matter stands; ``byte_lines`` hold undecodable bytes as
    surrogates (and the byte order mark), so that byte columns can be told.
    """

    text: str
    lines: tuple[str, ...]
    body_lines: tuple[str, ...]
    byte_lines: tuple[str, ...]
    front_matter: str | None
    description: str


def check_limits(content: bytes, limits: Limits) -> Problem | None:
    """E001 or E002 for bytes that are not read at all, else None."""
    if len(content) > limits.size_bytes:
        said = f"{len(content):,} bytes are more than the limit of {limits.size_bytes:,}"
        return problem("E001", 1, said, hint="Split the spec into several files.")
    lines = content.count(b"\n") + 1
    if lines > limits.lines:
        said = f"{lines:,} lines are more than the limit of {limits.lines:,}"
        return problem("E001", 1, said, hint="Split the spec into several files.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:8192]:
        return problem("E002", 1, "this is not UTF-8 text", hint="Save the file as UTF-8.")
    return None


def read_source(content: bytes) -> tuple[SourceText, tuple[Problem, ...]]:
    """The text of a file; undecodable bytes become U+FFFD, with a warning at the first one."""
    raw = content.decode("utf-8", "surrogateescape")
    problems: list[Problem] = []
    text = raw.removeprefix(_BOM)
    bad = None if text.isascii() else _BAD.search(text)
    if bad:
        line = len(_LINE_END.findall(text, 0, bad.start())) + 1
        said = "bytes that are not UTF-8 are read as U+FFFD"
        problems.append(problem("W003", line, said, hint="Save the file as UTF-8."))
        text = _BAD.sub("\ufffd", text)
    text = text.replace("\0", "\ufffd")
    lines = _split_lines(text)
    end = _front_matter_end(lines)
    source = SourceText(
        text=text,
        lines=lines,
        body_lines=("",) * end + lines[end:],
        byte_lines=lines if raw == text else _split_lines(raw),
        front_matter="\n".join(lines[1 : end - 1]) if end else None,
        description="\n".join(lines[end:]).strip("\n") if end else text,
    )
    return source, tuple(problems)


def _split_lines(text: str) -> tuple[str, ...]:
    return tuple(_LINE_END.split(text) if "\r" in text else text.split("\n"))


def _front_matter_end(lines: tuple[str, ...]) -> int:
    """How many lines the front matter takes, its fences included; 0 where there is none."""
    if not _FENCE.fullmatch(lines[0]):
        return 0
    for at in range(1, len(lines)):
        if _FENCE_END.fullmatch(lines[at]):
            return at + 1
    return 0
