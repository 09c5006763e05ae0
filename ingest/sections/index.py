"""Finding the sections of a document by what they are, wherever they stand."""

from collections.abc import Iterator
from functools import cached_property

from roadmark.ingest.document import Document, Node


class Sections:
    """The known sections of one document; the kinds are the keys of ``titles.SECTIONS``."""

    def __init__(self, document: Document) -> None:
        self.document = document

    @cached_property
    def _by_kind(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.document.nodes:
            if node.kind:
                found.setdefault(node.kind, []).append(node)
        return found

    def all(self, kind: str) -> tuple[Node, ...]:
        """Every section of a kind, in file order."""
        return tuple(self._by_kind.get(kind, ()))

    def first(self, kind: str) -> Node | None:
        """The first section of a kind, or None."""
        return next(iter(self._by_kind.get(kind, ())), None)

    def first_outside(self, kind: str, outside: Node | None) -> Node | None:
        """The first section of a kind that does not stand inside another section, else the first of all."""
        found = self.all(kind)
        free = (node for node in found if outside is None or not _holds(outside, node))
        return next(free, found[0] if found else None)


def inside(node: Node, kind: str) -> Iterator[Node]:
    """The sections of a kind at or below ``node``."""
    return (part for part in node.walk() if part.kind == kind)


def _holds(outer: Node, node: Node) -> bool:
    return outer.line <= node.line <= outer.end_line
