"""The roadmap template: fifteen sections from the project overview to the references.

Its companions are read too: phase files (a file that is one phase), analyses (their action plan is the work)
and indexes (which list the phases of a task and hold none of the work).
Source: the seed spec, and sections 1 and 2 of the ingest design.
"""

import re
from dataclasses import replace

from roadmark.ingest.assemble import assemble
from roadmark.ingest.boxes import read_boxes
from roadmark.ingest.document import Document, Node
from roadmark.ingest.fields import key_of
from roadmark.ingest.formats.checklist import phases_of_headings
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.overview import read_overview
from roadmark.ingest.sections.phases import phase_of_document, read_phases
from roadmark.ingest.spec import Checkbox, Phase, Spec

NAME = "roadmap"
_TELLING = ("phases", "files", "automation", "task_fields", "context", "requirements", "risks", "mapping")
_HEAD_KEYS = {
    "priority",
    "estimated time",
    "category",
    "dependencies",
    "feature component name",
    "related issues",
}
_PHASE_FILE = re.compile(r"-phase-\d+[a-z]?(?:@\w+)?\.md$|-subtask-\d+", re.I)
_ANALYSIS_FILE = re.compile(r"-analysis(?:@\w+)?\.md$", re.I)
_INDEX_FILE = re.compile(r"-index(?:@\w+)?\.md$", re.I)


def recognises(document: Document) -> float:
    """How sure it is that this is the roadmap template, from 0 to 1: its telling sections and fields."""
    kinds = {node.kind for node in document.nodes}
    telling = len(kinds & set(_TELLING))
    if telling < 2:
        keys = {key_of(field.label) for field in read_overview(Sections(document)).fields}
        telling += len(keys & _HEAD_KEYS) >= 2
        telling += bool(_PHASE_FILE.search(document.path) or _INDEX_FILE.search(document.path))
    return min(1.0, telling / 4)


def read(document: Document) -> Spec:
    """The spec that a roadmap file describes."""
    sections = Sections(document)
    boxes = read_boxes(document)
    role = role_of_name(document.path)
    phases = () if role == "index" else _phases(sections, boxes)
    return replace(assemble(NAME, sections, boxes, phases), role=role)


def role_of_name(path: str) -> str:
    """What part of a task's family a file name says it is.

    >>> role_of_name("a/login-phase-2.md"), role_of_name("a/login-index.md"), role_of_name("a/login.md")
    ('phase', 'index', 'task')
    """
    roles = (("phase", _PHASE_FILE), ("index", _INDEX_FILE), ("analysis", _ANALYSIS_FILE))
    return next((role for role, pattern in roles if pattern.search(path)), "task")


def _phases(sections: Sections, boxes: tuple[Checkbox, ...]) -> tuple[Phase, ...]:
    """Phase headings; else the headings of the phases section; else the file, where it is a phase file."""
    found = read_phases(sections, boxes)
    if found:
        return found
    home = _home(sections)
    if home is not None and role_of_name(sections.document.path) != "phase":
        return phases_of_headings(sections.document, home, boxes)
    only = phase_of_document(sections, boxes)
    if only is not None:
        return (only,)
    return phases_of_headings(sections.document, home, boxes) if home is not None else ()


def _home(sections: Sections) -> Node | None:
    """The section that holds the work where no heading is called a phase."""
    for kind in ("phases", "action_plan"):
        for node in sections.all(kind):
            if any(item.mark is not None for item in node.all_items()):
                return node
    return None
