"""Pipe tables: what stands in the paragraphs of a section as rows of cells.

Source: GitHub Flavored Markdown, section 4.10.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from roadmark.ingest.document import Node, Paragraph
from roadmark.ingest.plain import LENGTH_LIMIT, plain

_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*+\|?[ \t]*")
_BETWEEN = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its line and the raw text of its cells."""

    line: int
    cells: tuple[str, ...]

    def cell(self, column: int | None) -> str:
        """The raw text of a cell; empty where the row has no such column."""
        return self.cells[column] if column is not None and column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the head row and the rows below it."""

    head: Row
    rows: tuple[Row, ...]

    def column(self, *names: str) -> int | None:
        """The first column whose title has one of these words; names in front win."""
        titles = [plain(cell).casefold() for cell in self.head.cells]
        return next((at for name in names for at, title in enumerate(titles) if name in title), None)


def tables_of(node: Node) -> Iterator[Table]:
    """The tables that stand directly under a heading."""
    for paragraph in node.paragraphs():
        table = _table(paragraph) if "|" in paragraph.text else None
        if table is not None:
            yield table


def _table(paragraph: Paragraph) -> Table | None:
    lines = paragraph.text.split("\n")
    for at in range(1, len(lines)):
        if "|" in lines[at - 1] and "-" in lines[at] and _DELIMITER.fullmatch(lines[at]):
            rows = [_row(line, paragraph.line + number) for number, line in enumerate(lines)]
            return Table(rows[at - 1], tuple(row for row in rows[at + 1 :] if len(row.cells) > 1))
    return None


def _row(line: str, number: int) -> Row:
    bare = line[:LENGTH_LIMIT].strip().removeprefix("|").removesuffix("|")
    return Row(number, tuple(cell.strip().replace("\\|", "|") for cell in _BETWEEN.split(bare)))
