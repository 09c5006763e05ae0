"""A plain checklist: its headings are phases, its boxes the items."""

from collections.abc import Iterator

from roadmark.ingest.assemble import assemble, name_of_file
from roadmark.ingest.boxes import boxes_between, read_boxes
from roadmark.ingest.document import Document, Node
from roadmark.ingest.hours import read_duration
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.phases import name_of_heading, read_phase_heading, read_phases
from roadmark.ingest.spec import Checkbox, Phase, Spec
from roadmark.ingest.status import read_status

NAME = "checklist"
_NO_WORK = ("files", "criteria", "indicators", "risks", "dependencies", "rollback")


def recognises(document: Document) -> float:
    """0.2 for any file with a box or with phase headings: every other format goes first."""
    has_boxes = any(item.mark is not None for item in document.items)
    return 0.2 if has_boxes or read_phases(Sections(document), ()) else 0.0


def read(document: Document) -> Spec:
    """The spec that a checklist describes."""
    sections = Sections(document)
    boxes = read_boxes(document)
    phases = read_phases(sections, boxes) or phases_of_headings(document, document.root, boxes)
    return assemble(NAME, sections, boxes, phases, name_of_file(document.path))


def phases_of_headings(document: Document, home: Node, boxes: tuple[Checkbox, ...]) -> tuple[Phase, ...]:
    """A phase for each heading at the first level where the boxes part; boxes above come first."""
    node = home
    while not _own(node, boxes):
        with_boxes = [child for child in node.children if _work_below(child, boxes)]
        if len(with_boxes) != 1 or not with_boxes[0].children:
            break
        node = with_boxes[0]
    return tuple(_phases(document, node, boxes))


def _phases(document: Document, node: Node, boxes: tuple[Checkbox, ...]) -> Iterator[Phase]:
    own = _own(node, boxes)
    number = 1
    if own:
        yield phase_of_node(document, node, own, str(number), name_of_file(document.path))
        number += 1
    for child in node.children:
        below = _work_below(child, boxes)
        if below:
            yield phase_of_node(document, child, below, str(number), "")
            number += 1


def phase_of_node(
    document: Document, node: Node, items: tuple[Checkbox, ...], number: str, fallback: str
) -> Phase:
    """A phase from a heading that need not be called one; ``fallback`` names a heading without words."""
    heading = read_phase_heading(node.raw_title)
    duration = read_duration(node.raw_title)
    return Phase(
        number=heading.number if heading else number,
        name=(heading.name if heading else name_of_heading(node.title)) or fallback,
        hours=heading.hours if heading else duration.hours if duration else None,
        status=heading.status if heading else read_status(node.raw_title),
        line=node.line,
        end_line=node.end_line,
        text=document.raw(node.line, node.end_line),
        items=items,
    )


def _own(node: Node, boxes: tuple[Checkbox, ...]) -> tuple[Checkbox, ...]:
    """The boxes that stand above the first heading below a node."""
    last = node.children[0].line - 1 if node.children else node.end_line
    return boxes_between(boxes, node.line, last)


def _work_below(node: Node, boxes: tuple[Checkbox, ...]) -> tuple[Checkbox, ...]:
    """The boxes of a heading and of those below it; none of a heading whose boxes are no work."""
    return () if node.kind.startswith(_NO_WORK) else boxes_between(boxes, node.line, node.end_line)
