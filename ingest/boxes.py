"""The checkboxes of a file, each with a key that stays the same while the file is edited around it."""

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass

from roadmark.ingest.document import Document, Item, Node
from roadmark.ingest.plain import plain, words_of
from roadmark.ingest.spec import Checkbox
from roadmark.ingest.titles import stable_title

_SLUG_LENGTH = 48


@dataclass(frozen=True, slots=True)
class _Home:
    """Where a box stands: the titles for a person, and their words for a key."""

    section: str
    words: str


def read_boxes(document: Document) -> tuple[Checkbox, ...]:
    """Every box of the file in order, with its mark's line and byte column."""
    counts: Counter[str] = Counter()
    found: list[Checkbox] = []
    _walk(document, document.root, (), counts, found)
    return tuple(found)


def boxes_between(boxes: tuple[Checkbox, ...], first_line: int, last_line: int) -> tuple[Checkbox, ...]:
    """The boxes of these lines, both included; ``boxes`` are in file order."""
    start = bisect_left(boxes, first_line, key=lambda box: box.line)
    end = bisect_right(boxes, last_line, key=lambda box: box.line)
    return boxes[start:end]


def _walk(
    document: Document, node: Node, path: tuple[str, ...], counts: Counter[str], found: list[Checkbox]
) -> None:
    home = _Home(" / ".join(path), words_of(" / ".join(map(stable_title, path))))
    for top in node.lists():
        found.extend(_box(document, item, home, counts) for item in top.walk() if item.mark is not None)
    for child in node.children:
        below = (*path, child.title) if child.level > 1 else path
        _walk(document, child, below, counts, found)


def _box(document: Document, item: Item, home: _Home, counts: Counter[str]) -> Checkbox:
    text = plain(item.text)
    name = item_name(home.words, text)
    counts[name] += 1
    key = name if counts[name] == 1 else f"{name}-{counts[name]}"
    byte_line = document.byte_lines[item.mark_line - 1]
    byte_order_mark = len(byte_line) - len(document.lines[item.mark_line - 1])
    prefix = byte_line[: item.mark_column - 1 + byte_order_mark]
    return Checkbox(
        key=key,
        text=text,
        mark=item.mark or " ",
        line=item.line,
        mark_line=item.mark_line,
        column=len(prefix.encode("utf-8", "surrogateescape")) + 1,
        section=home.section,
        depth=item.depth,
        optional=item.is_optional,
    )


def item_name(section: str, text: str) -> str:
    """A readable name of an item: equal for equal section and words, whatever marks and emphasis."""
    words = words_of(text)
    digest = hashlib.sha256(f"{section}\n{words}".encode("utf-8", "replace")).hexdigest()[:10]
    slug = words.replace(" ", "-")[:_SLUG_LENGTH].strip("-")
    return f"{slug}.{digest}" if slug else digest
