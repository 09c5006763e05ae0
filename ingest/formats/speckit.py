"""GitHub Spec Kit: ``tasks.md`` with ``T001 [P] [US1]`` items below phase headings.

Source: github/spec-kit, templates/tasks-template.md.
"""
# ruff: noqa: RUF001 - real files use these dashes and colons

import re
from dataclasses import replace

from roadmark.ingest.assemble import assemble, name_of_slug
from roadmark.ingest.boxes import read_boxes
from roadmark.ingest.document import Document
from roadmark.ingest.formats.checklist import phases_of_headings
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.phases import read_phases
from roadmark.ingest.spec import Checkbox, Spec

NAME = "speckit"
_ID = re.compile(r"^\W{0,3}T\d{3,4}[a-z]?\b")
_PARALLEL = re.compile(r"^\W{0,3}T\d{3,4}[a-z]?\W{0,3}\s+(?:\[[^\]]*\]\s*)*\[P\]")
_FOLDER = re.compile(r"(?:^|/)specs/(\d{3}-[^/]+)/tasks(?:@\w+)?\.md$")
_LEAD = re.compile(
    r"^(?:tasks?(?: list| breakdown)?|implementation tasks|任务列表|任务清单|任务|タスク)\s*[:：–—-]\s*", re.I
)


def recognises(document: Document) -> float:
    """Sure where a third of the boxes start with a task number, or by the place of the file."""
    boxed = [item for item in document.items if item.mark is not None]
    numbered = sum(_ID.match(item.text) is not None for item in boxed)
    if boxed and numbered * 3 >= len(boxed):
        return 0.9
    return 0.6 if boxed and _FOLDER.search(document.path) else 0.0


def read(document: Document) -> Spec:
    """The spec that a Spec Kit task list describes; ``[P]`` items may run beside each other."""
    sections = Sections(document)
    boxes = tuple(map(_with_marker, read_boxes(document)))
    phases = read_phases(sections, boxes) or phases_of_headings(document, document.root, boxes)
    spec = assemble(NAME, sections, boxes, phases, _folder_title(document.path))
    title = _LEAD.sub("", spec.title).strip(" []") or spec.title
    return replace(spec, title=title)


def _with_marker(box: Checkbox) -> Checkbox:
    return replace(box, parallel=_PARALLEL.match(box.text) is not None)


def _folder_title(path: str) -> str | None:
    found = _FOLDER.search(path)
    return name_of_slug(found[1]) if found else None
