"""A Markdown file as a tree of headings with the lists, paragraphs and fences under each.

Lines count from 1 and ``end_line`` is the last line that belongs to the thing. Text is raw Markdown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; ``text`` may hold several lines."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A code block; ``line`` is where its opening fence stands, so its text starts one line below."""

    line: int
    end_line: int
    info: str
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """A list item: its first paragraph without box and marker, and what is nested below it."""

    line: int
    end_line: int
    depth: int
    number: str
    """The number of an ordered item, else empty."""
    text: str
    mark: str | None
    """The mark of its box (``" "``, ``"x"``, ``"~"``, ``"-"``, ``"/"``), None where it has no box."""
    mark_line: int
    mark_column: int
    """Where the mark stands, in characters from 1."""
    is_optional: bool
    children: tuple["Item", ...]
    rest: tuple["Paragraph | Fence", ...]

    def walk(self) -> Iterator["Item"]:
        """The item and everything nested below it, in file order."""
        waiting = [self]
        while waiting:
            item = waiting.pop()
            yield item
            waiting.extend(reversed(item.children))


@dataclass(frozen=True, slots=True)
class ItemList:
    """A bullet or ordered list."""

    line: int
    items: tuple[Item, ...]


Block = Paragraph | Fence | ItemList


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the top level of the file; headings inside lists and quotes are paragraphs."""

    line: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Node:
    """A section: heading, own blocks, and the sections below. The root has level 0 and no heading."""

    level: int
    line: int
    end_line: int
    raw_title: str
    title: str
    """The heading without number, emoji, emphasis, colon and status."""
    number: str
    kind: str
    """The normalised name of a known section (``phases``, ``risks``), else empty."""
    blocks: tuple[Block, ...]
    children: tuple["Node", ...]

    def walk(self) -> Iterator["Node"]:
        """The section and all sections below it, in file order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))

    def lists(self) -> Iterator[Item]:
        """The top-level list items that stand directly under the heading."""
        for block in self.blocks:
            if isinstance(block, ItemList):
                yield from block.items

    def all_items(self) -> Iterator[Item]:
        """Every list item of the section and of the sections below, nested ones included."""
        for node in self.walk():
            for item in node.lists():
                if item.children:
                    yield from item.walk()
                else:
                    yield item

    def fences(self) -> Iterator[Fence]:
        """The fences of the section and of the sections below, those inside list items included."""
        for node in self.walk():
            for block in node.blocks:
                yield from fences_of(block)

    def paragraphs(self) -> Iterator[Paragraph]:
        """The paragraphs that stand directly under the heading."""
        for block in self.blocks:
            if isinstance(block, Paragraph):
                yield block


def fences_of(block: Block) -> Iterator[Fence]:
    """The fence itself, or the fences nested in a list."""
    if isinstance(block, Fence):
        yield block
    elif isinstance(block, ItemList):
        for top in block.items:
            for item in top.walk():
                yield from (part for part in item.rest if isinstance(part, Fence))


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file: where it is, its lines without line ends, its front matter, and its tree.

    ``lines`` are clean text; ``byte_lines`` are the same lines as ``surrogateescape`` gave them, so that a
    byte column can be told. Both count characters alike.
    """

    path: str
    text: str
    lines: tuple[str, ...]
    byte_lines: tuple[str, ...]
    root: Node
    nodes: tuple[Node, ...] = ()
    """Every section of the file in order, the root first."""
    fences: tuple[Fence, ...] = ()
    """Every fence of the file in order, those inside list items included."""
    items: tuple[Item, ...] = ()
    """Every list item of the file, nested ones included."""
    cut_line: int = 0
    """The first line whose content stands too deep to be read; 0 where everything was read."""
    front_matter: Mapping[str, object] = field(default_factory=dict)

    def raw(self, first_line: int, last_line: int) -> str:
        """The raw lines from ``first_line`` to ``last_line``, both included."""
        return "\n".join(self.lines[first_line - 1 : last_line]).rstrip()
