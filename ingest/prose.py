"""What of a message is plain prose: a line scanner for replies and agents' messages, not for specs.

A claim or a reply must not be read out of code, a quotation, a heading, a table or an open box. The
scanner follows CommonMark's block rules where they decide that question, and is linear on any input.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

OPAQUE = "\ufffc"
"""Stands where a code span, a struck-out text or an image was."""

_FENCE = re.compile(r"\s*(`{3,}|~{3,})([^\n]*)")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})\s*$")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,9}[.)])\s+")
_BOX = re.compile(r"\[([ xX])\](?:\s+|$)")
_INDENTED = re.compile(r"(?: {4}|\t)")
_HTML = re.compile(r" {0,3}</?[A-Za-z]")
_LINK = re.compile(r"(!?)\[([^\[\]\n]{0,500})\]\([^()\s]{0,2000}\)")
_STRUCK = re.compile(r"~~[^~\n]{1,2000}~~")
_UNDERLINED = re.compile(r"(?<!\w)_{1,3}(?=\S)([^_\n]{1,500})_{1,3}(?!\w)")
_TICKS = re.compile(r"(`+)")


class LineKind(StrEnum):
    """What a line of a message is."""

    PROSE = "prose"
    BLANK = "blank"
    QUOTE = "quote"
    HEADING = "heading"
    CODE = "code"
    OPEN_BOX = "open_box"
    TICKED_BOX = "ticked_box"
    TABLE = "table"
    HTML = "html"


@dataclass(frozen=True, slots=True)
class ProseLine:
    """One line: its kind, its text without list and box markers, and whether it begins a block."""

    kind: LineKind
    text: str
    begins: bool = field(kw_only=True)


class _Scanner:
    """The few facts that have to be carried from line to line."""

    def __init__(self) -> None:
        self.fence = ""
        self.comment = False
        self.html = False
        self.listed = False
        self.before = LineKind.BLANK

    def line(self, line: str) -> ProseLine:
        found = self._carried(line) or self._structure(line) or self._words(line)
        self.before = found.kind
        return found

    def _carried(self, line: str) -> ProseLine | None:
        """A line inside something that an earlier line opened."""
        if self.fence:
            closing = line.strip()
            if set(closing) == {self.fence[0]} and len(closing) >= len(self.fence):
                self.fence = ""
            return ProseLine(LineKind.CODE, line, begins=False)
        if self.comment:
            self.comment = "-->" not in line
            return ProseLine(LineKind.HTML, line, begins=False)
        if not line.strip():
            self.html = False
            return ProseLine(LineKind.BLANK, "", begins=False)
        return ProseLine(LineKind.HTML, line, begins=False) if self.html else None

    def _structure(self, line: str) -> ProseLine | None:
        """A line whose own first characters say that it is no prose."""
        opening = _FENCE.match(line)
        if opening and not (opening[1][0] == "`" and "`" in opening[2]):
            self.fence = opening[1]
            return ProseLine(LineKind.CODE, line, begins=True)
        if _HEADING.match(line):
            self.listed = False
            return ProseLine(LineKind.HEADING, line.strip("# \t"), begins=True)
        if line.lstrip().startswith(">"):
            return ProseLine(LineKind.QUOTE, line.lstrip(" >"), begins=True)
        return self._markup(line)

    def _markup(self, line: str) -> ProseLine | None:
        stripped = line.strip()
        if stripped.startswith("<!--"):
            self.comment = "-->" not in stripped
            return ProseLine(LineKind.HTML, line, begins=True)
        if _HTML.match(line):
            self.html = True
            return ProseLine(LineKind.HTML, line, begins=True)
        if stripped.startswith("|") or (stripped.endswith("|") and len(stripped) > 1):
            return ProseLine(LineKind.TABLE, line, begins=True)
        if _INDENTED.match(line) and not self.listed and self.before in (LineKind.BLANK, LineKind.CODE):
            return ProseLine(LineKind.CODE, line, begins=True)
        return None

    def _words(self, line: str) -> ProseLine:
        item = _ITEM.match(line)
        if item:
            self.listed = True
            return _item(line[item.end() :])
        if self.before is LineKind.BLANK and not line[0].isspace():
            self.listed = False
        box = _item(line.lstrip())
        if box.kind is not LineKind.PROSE:
            return box
        if self.before is LineKind.QUOTE:  # CommonMark: a quotation goes on until a blank line
            return ProseLine(LineKind.QUOTE, line.strip(), begins=False)
        return ProseLine(LineKind.PROSE, line.strip(), begins=self.before is not LineKind.PROSE)


def _item(text: str) -> ProseLine:
    box = _BOX.match(text)
    if box:
        kind = LineKind.OPEN_BOX if box[1] == " " else LineKind.TICKED_BOX
        return ProseLine(kind, text[box.end() :].strip(), begins=True)
    if text.startswith(("☐", "☑", "☒")):
        kind = LineKind.TICKED_BOX if text[0] == "☑" else LineKind.OPEN_BOX
        return ProseLine(kind, text[1:].strip(), begins=True)
    return ProseLine(LineKind.PROSE, text.strip(), begins=True)


def scan(text: str) -> list[ProseLine]:
    """Every line of a message with its kind; a text underlined by ``===`` or ``---`` is a heading."""
    scanner = _Scanner()
    lines: list[ProseLine] = []
    for raw in text.splitlines():
        if scanner.before is LineKind.PROSE and _UNDERLINE.match(raw) and not scanner.fence:
            _make_heading(lines)
            scanner.before = LineKind.BLANK
        else:
            lines.append(scanner.line(raw))
    return lines


def _make_heading(lines: list[ProseLine]) -> None:
    """Turn the paragraph that ends here into a heading."""
    for at in range(len(lines) - 1, -1, -1):
        if lines[at].kind is not LineKind.PROSE:
            return
        lines[at] = ProseLine(LineKind.HEADING, lines[at].text, begins=lines[at].begins)
        if lines[at].begins:
            return


def paragraphs(text: str) -> Iterator[list[str]]:
    """The blocks of plain prose in order, each as its lines with the inline marks taken off.

    >>> list(paragraphs("# Title\\n\\nAll *good*,\\nsee `a.py`.\\n\\n- [ ] open\\n> quoted"))
    [['All good,', 'see \ufffc.']]
    """
    block: list[str] = []
    for line in scan(text):
        if block and (line.kind is not LineKind.PROSE or line.begins):
            yield inline_text("\n".join(block)).split("\n")
            block = []
        if line.kind is LineKind.PROSE:
            block.append(line.text)
    if block:
        yield inline_text("\n".join(block)).split("\n")


def inline_text(text: str) -> str:
    """Prose without its inline marks: code, images and struck-out text become :data:`OPAQUE`."""
    text = _without_code(text)
    text = _LINK.sub(lambda link: OPAQUE if link[1] else link[2], text)
    return _UNDERLINED.sub(r"\1", _STRUCK.sub(OPAQUE, text)).replace("*", "")


def _without_code(text: str) -> str:
    """Replace code spans: a run of backticks up to the next run of the same length."""
    parts = _TICKS.split(text)  # prose, run, prose, run, ..., prose
    later: dict[str, list[int]] = {}
    for at in range(len(parts) - 2, 0, -2):
        later.setdefault(parts[at], []).append(at)
    kept = [parts[0]]
    at = 1
    while at < len(parts):
        ends = later[parts[at]]
        while ends and ends[-1] <= at:
            ends.pop()
        if ends:
            at = ends[-1]
            kept.append(OPAQUE)
        else:
            kept.append(parts[at])
        kept.append(parts[at + 1])
        at += 2
    return "".join(kept)
