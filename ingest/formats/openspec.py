"""OpenSpec ``changes/<id>/tasks.md``: numbered headings with numbered boxes; the folder names the change.

Source: Fission-AI/OpenSpec, its conventions for changes.
"""
# ruff: noqa: RUF001 - real files use these dashes and colons

import re
from dataclasses import replace

from roadmark.ingest.assemble import assemble, name_of_slug
from roadmark.ingest.boxes import read_boxes
from roadmark.ingest.document import Document, Node
from roadmark.ingest.formats.checklist import phases_of_headings
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.spec import Spec

NAME = "openspec"
_FOLDER = re.compile(r"(?:^|/)openspec/changes/(?:archive/)?([^/]+)/tasks(?:@\w+)?\.md$")
_NUMBER = re.compile(r"^\W{0,2}(\d+)\.\d+")
_FRAME = re.compile(r"^(?:tasks?|implementation tasks?|tasks? list)\s*(?:[:：–—-]\s*|$)", re.I)


def recognises(document: Document) -> float:
    """Sure by the place of the file; likely where most boxes carry their heading's number."""
    if _FOLDER.search(document.path):
        return 0.95
    nodes = [node for node in document.nodes if node.number and _boxes(node)]
    fitting = sum(_carries_number(node) for node in nodes)
    return 0.7 if len(nodes) > 1 and fitting == len(nodes) else 0.0


def _boxes(node: Node) -> list[str]:
    return [item.text for item in node.lists() if item.mark is not None]


def _carries_number(node: Node) -> bool:
    found = [_NUMBER.match(text) for text in _boxes(node)]
    return all(match is not None and match[1] == node.number for match in found)


def read(document: Document) -> Spec:
    """The spec that a change's task list describes."""
    sections = Sections(document)
    boxes = read_boxes(document)
    folder = _FOLDER.search(document.path)
    name = name_of_slug(folder[1]) if folder else None
    spec = assemble(NAME, sections, boxes, phases_of_headings(document, document.root, boxes), name)
    title = _FRAME.sub("", spec.title).strip()
    return replace(spec, title=title or name or spec.title)
