"""Backlog.md: one task a file, YAML front matter, acceptance criteria between markers.

Source: MrLesk/Backlog.md, its task format.
"""

from dataclasses import replace

from roadmark.ingest.assemble import assemble
from roadmark.ingest.boxes import read_boxes
from roadmark.ingest.document import Document, Node
from roadmark.ingest.plain import plain
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.spec import Checkbox, Entry, Phase, Spec
from roadmark.ingest.status import read_status

NAME = "backlog"
_KEYS = {"id", "status", "assignee", "created_date", "labels", "dependencies"}
_WORK = ("implementation plan", "plan")


def recognises(document: Document) -> float:
    """Sure where the front matter has an id, a status and another key of the format."""
    keys = set(document.front_matter)
    return 0.95 if {"id", "status"} <= keys and len(keys & _KEYS) >= 3 else 0.0


def read(document: Document) -> Spec:
    """The spec that a task file describes: one phase, its acceptance criteria, or its plan's steps."""
    sections = Sections(document)
    boxes = read_boxes(document)
    front = document.front_matter
    title = str(front.get("title") or "")
    phase = _phase(document, boxes, title)
    spec = assemble(NAME, sections, boxes, (phase,) if phase else (), title or None)
    dependencies = front.get("dependencies")
    return replace(
        spec,
        title=title or spec.title,
        status=read_status(str(front.get("status", ""))),
        dependencies=tuple(map(str, dependencies)) if isinstance(dependencies, list | tuple) else (),
    )


def _phase(document: Document, boxes: tuple[Checkbox, ...], title: str) -> Phase | None:
    steps = tuple(_plan(document))
    if not title and not boxes and not steps:
        return None
    work = steps or (Entry(title, 1),)
    return Phase(
        number="1",
        name=title or "Task",
        hours=None,
        status=read_status(str(document.front_matter.get("status", ""))),
        line=boxes[0].line if boxes else work[0].line,
        end_line=len(document.lines),
        text=document.raw(1, len(document.lines)),
        items=boxes,
        bullets=() if boxes else work,
    )


def _plan(document: Document) -> list[Entry]:
    nodes: list[Node] = [node for node in document.nodes if node.title.casefold() in _WORK]
    return [Entry(plain(item.text), item.line) for node in nodes for item in node.lists()]
