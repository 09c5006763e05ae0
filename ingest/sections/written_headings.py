"""Parts of a section that bold lines or list items open, as if these were headings."""

import re
from collections.abc import Iterator
from dataclasses import replace

from roadmark.ingest.document import Block, ItemList, Node, Paragraph
from roadmark.ingest.titles import read_title

_BOLD = re.compile(r"(?:\*\*|__)[^\n]+(?:\*\*|__)[^\n]{0,40}")


def parts_of_bold_lines(node: Node) -> list[Node]:
    """A part for each line in bold that stands alone; what follows it belongs to it."""
    parts: list[Node] = []
    last = node.children[0].line - 1 if node.children else node.end_line
    below: list[Block] = []
    for block in reversed(node.blocks):
        if isinstance(block, Paragraph) and _BOLD.fullmatch(block.text):
            parts.append(_part(node, block.text, block.line, last, tuple(reversed(below))))
            last, below = block.line - 1, []
        else:
            below.append(block)
    return parts[::-1]


def parts_of_items(node: Node) -> Iterator[Node]:
    """A part for each item at the first level of the section's own lists."""
    for item in node.lists():
        below = (ItemList(item.line, item.children), *item.rest) if item.children else item.rest
        yield _part(node, item.text.split("\n", 1)[0], item.line, item.end_line, below)


def _part(node: Node, raw: str, line: int, end_line: int, blocks: tuple[Block, ...]) -> Node:
    return replace(
        node,
        level=node.level + 1,
        line=line,
        end_line=end_line,
        raw_title=raw,
        title=read_title(raw).text,
        number="",
        kind="",
        blocks=blocks,
        children=(),
    )
