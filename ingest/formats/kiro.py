"""Kiro ``tasks.md``: numbered boxes with sub-tasks, ``_Requirements: 1.1_``, ``[ ]*`` for optional ones.

Source: kiro.dev, specs documentation.
"""
# ruff: noqa: RUF001 - real files use these dashes and colons

import re
from collections.abc import Iterator
from dataclasses import replace

from roadmark.ingest.assemble import assemble, name_of_slug
from roadmark.ingest.boxes import boxes_between, read_boxes
from roadmark.ingest.document import Document, Item
from roadmark.ingest.plain import plain
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.phases import read_phases
from roadmark.ingest.spec import Checkbox, Phase, Spec

NAME = "kiro"
_NUMBERED = re.compile(r"^(?P<number>\d+(?:\.\d+)*)[.)]?\s+(?P<name>.+)", re.S)
_REQUIREMENTS = re.compile(r"_?\bRequirements?:\s*([^_\n]+)_?", re.I)
_FOLDER = re.compile(r"\.kiro/specs/([^/]+)/tasks(?:@\w+)?\.md$")
_FRAME = re.compile(
    r"^(?:implementation plan|implementation tasks|tasks?|实施计划|实现计划)\s*(?:[:：–—-]\s*|$)", re.I
)


def recognises(document: Document) -> float:
    """Sure by the place of the file; likely where numbered boxes name their requirements."""
    if _FOLDER.search(document.path):
        return 0.95
    boxed = [item for item in document.items if item.mark is not None]
    numbered = sum(_NUMBERED.match(item.text) is not None for item in boxed)
    has_requirements = any("_Requirements:" in item.text for item in document.items)
    return 0.85 if boxed and numbered * 2 >= len(boxed) and has_requirements else 0.0


def read(document: Document) -> Spec:
    """The spec that a Kiro task list describes: a phase for each top-level box."""
    sections = Sections(document)
    requirements = dict(_requirements(document))
    boxes = tuple(replace(box, requirements=requirements.get(box.line, ())) for box in read_boxes(document))
    phases = read_phases(sections, boxes) or tuple(_phases(document, boxes))
    folder = _FOLDER.search(document.path)
    spec = assemble(NAME, sections, boxes, phases, name_of_slug(folder[1]) if folder else None)
    title = _FRAME.sub("", spec.title).strip()
    return replace(spec, title=title or (name_of_slug(folder[1]) if folder else spec.title))


def _requirements(document: Document) -> Iterator[tuple[int, tuple[str, ...]]]:
    for item in document.items:
        if item.mark is not None:
            yield item.line, tuple(_numbers(item))


def _numbers(item: Item) -> Iterator[str]:
    for part in (item, *(child for child in item.children if child.mark is None)):
        for found in _REQUIREMENTS.findall(part.text):
            yield from (number.strip() for number in found.split(",") if number.strip())


def _phases(document: Document, boxes: tuple[Checkbox, ...]) -> Iterator[Phase]:
    tops = [item for node in document.nodes for item in node.lists() if item.mark is not None]
    for order, item in enumerate(tops, 1):
        text = plain(item.text.split("\n", 1)[0])
        found = _NUMBERED.match(text)
        yield Phase(
            number=found["number"] if found else str(order),
            name=found["name"] if found else text,
            hours=None,
            status="completed"
            if item.mark == "x"
            else "in_progress"
            if item.mark in ("~", "-", "/")
            else None,
            line=item.line,
            end_line=item.end_line,
            text=document.raw(item.line, item.end_line),
            items=boxes_between(boxes, item.line, item.end_line),
        )
