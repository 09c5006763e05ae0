"""The implementation phases: which headings they are, their hours, status and boxes."""
# ruff: noqa: RUF001 - real files use these dashes and colons

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from roadmark.ingest.boxes import boxes_between
from roadmark.ingest.document import Document, Node
from roadmark.ingest.fields import fields_of, first_field
from roadmark.ingest.hours import read_duration
from roadmark.ingest.plain import plain, squeeze, without_emoji
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.overview import time_of_section
from roadmark.ingest.sections.written_headings import parts_of_bold_lines, parts_of_items
from roadmark.ingest.spec import Checkbox, Entry, Field, Phase
from roadmark.ingest.status import read_status
from roadmark.ingest.titles import without_status

_WORDS = r"(?:sub-?)?(?:phase|task|step|stage|sprint|milestone|etappe|schritt|teil|part|フェーズ|阶段)"
_HEADING = re.compile(
    rf"^(?:\d+(?:\.\d+)*[.)]?\s+)?{_WORDS}"
    r"(?:\s*#?\s*(?P<number>\d+(?:\.\d+)*[a-z]?)|\s+(?P<letter>(?-i:[IVX]+|[A-Z])))\b"
    r"\s*(?:[:：.)–—-]\s*)?(?P<name>.*)$",
    re.I | re.S,
)
_CJK_WORD = "(?:阶段|フェーズ|段階)"
_CJK_HEADING = re.compile(
    rf"^(?:第?\s*(?=[一二三四五六七八九十\d]+\s*{_CJK_WORD})|{_CJK_WORD}\s*)(?P<number>[一二三四五六七八九十\d]+)"
    rf"\s*{_CJK_WORD}?\s*[:：.、–—-]?\s*(?P<name>.*)$"
)
_BRACKETS = re.compile(r"\s*[(\[（]([^()\[\]（）]*)[)\]）]")
_BRACKETED_NUMBER = re.compile(r"\[(\d+(?:\.\d+)?)\]")
_ENDED = re.compile(r"completed|finished", re.I)
_DATED = re.compile(
    r"(?:\s*[-–—]\s*(?:started|completed|finished|created|updated|last updated)\s*:\s*[\dT:.\-Z ]+)+\W*$",
    re.I,
)
_DATE = re.compile(r"\b(?:\d{4}-\d{2}-\d{2}|days?\s+\d[\d\s–-]*|weeks?\s+\d[\d\s–-]*)\b", re.I)
_STRICT = re.compile(r"^(?:\d+(?:\.\d+)*[.)]?\s+)?(?:sub-?)?(?:phase|フェーズ|阶段|第)", re.I)
_LENGTH = 500
_EDGE = " :：-–—"
_IN_TITLE = re.compile(r"[-–—:(]\s*((?:phase|subtask|step)\s*\d+[a-z]?\b[^)]*)", re.I)
_NOT_WORK = {
    "criteria",
    "indicators",
    "risks",
    "testing",
    "deployment",
    "rollback",
    "security",
    "performance",
    "dependencies",
    "files",
    "documentation",
}
_TIME_KEYS = ("estimated time", "duration", "time", "estimated duration", "estimate", "effort", "dauer")
_STATUS_KEYS = ("status", "current status", "state")


@dataclass(frozen=True, slots=True)
class PhaseHeading:
    """A phase heading taken apart; ``hours`` and ``status`` are None where it does not give them."""

    number: str
    name: str
    hours: float | None
    status: str | None


def read_phases(sections: Sections, boxes: tuple[Checkbox, ...]) -> tuple[Phase, ...]:
    """The phases of the file, from its phases section or, without one, from its phase headings."""
    nodes = _phase_nodes(sections)
    return tuple(_phase(sections.document, node, heading, boxes) for node, heading in nodes)


def phases_section(sections: Sections) -> Node | None:
    """The section whose headings are the phases."""
    named = sections.all("phases")
    return next((node for node in named if _phases_below(node, strict=False)), named[0] if named else None)


def phase_of_document(sections: Sections, boxes: tuple[Checkbox, ...]) -> Phase | None:
    """The whole file as one phase, where its first heading is a phase's: boxes of other lists left out."""
    document = sections.document
    for node in document.root.children:
        heading = read_phase_heading(node.raw_title) or _phase_in_title(node.raw_title)
        if node.level > 1 or heading is None:
            continue
        spans = [(part.line, part.end_line) for part in node.walk() if part.kind in _NOT_WORK]
        work = tuple(box for box in boxes if not any(first <= box.line <= last for first, last in spans))
        phase = _phase(document, node, heading, work)
        hours, status = _stated(sections)
        if hours is None and (duration := time_of_section(sections)):
            hours = duration.hours
        return replace(
            phase, hours=hours if phase.hours is None else phase.hours, status=phase.status or status
        )
    return None


def _phase_in_title(raw: str) -> PhaseHeading | None:
    """The phase at the end of a title such as ``Health Endpoint - Phase 2: Addresses``."""
    found = _IN_TITLE.search(plain(raw))
    return read_phase_heading(found[1]) if found else None


def _stated(sections: Sections) -> tuple[float | None, str | None]:
    """Hours and status that the overview, or the head of the file, states."""
    nodes = (*sections.all("overview"), *sections.document.root.children)
    fields = tuple(field for node in nodes for field in fields_of(node))
    return _hours_and_status(fields)


def _hours_and_status(fields: tuple[Field, ...]) -> tuple[float | None, str | None]:
    time = first_field(fields, _TIME_KEYS)
    said = first_field(fields, _STATUS_KEYS)
    duration = read_duration(time.value) if time else None
    return duration.hours if duration else None, read_status(said.value) if said else None


def _phase_nodes(sections: Sections) -> list[tuple[Node, PhaseHeading]]:
    for node in sections.all("phases"):
        if found := _phases_below(node, strict=False):
            return found
    for node in sections.document.nodes:
        if found := _phase_children(node, strict=True):
            return found
    for node in sections.all("phases"):
        if found := _phases_in_lines(node):
            return found
    return []


def _phases_in_lines(node: Node) -> list[tuple[Node, PhaseHeading]]:
    """The phases of a section that names them in bold lines or list items instead of headings."""
    for parts in (parts_of_bold_lines(node), parts_of_items(node)):
        if found := _phases_among(parts, strict=True):
            return found
    return []


def _phases_below(node: Node, *, strict: bool) -> list[tuple[Node, PhaseHeading]]:
    """The phase headings at the first depth below a section that has any."""
    level = [node]
    while level:
        found = [pair for parent in level for pair in _phase_children(parent, strict=strict)]
        if found:
            return found
        level = [child for parent in level for child in parent.children]
    return []


def _phase_children(node: Node, *, strict: bool) -> list[tuple[Node, PhaseHeading]]:
    return _phases_among(node.children, strict=strict)


def _phases_among(nodes: Iterable[Node], *, strict: bool) -> list[tuple[Node, PhaseHeading]]:
    pairs = ((node, read_phase_heading(node.raw_title)) for node in nodes)
    return [
        (node, heading)
        for node, heading in pairs
        if heading and (not strict or _STRICT.match(_bare(node.raw_title)))
    ]


@lru_cache(maxsize=4096)
def read_phase_heading(raw: str) -> PhaseHeading | None:
    """The parts of a heading such as ``Phase 2: Core ✅ COMPLETED (4 hours)``, or None.

    >>> read_phase_heading("Phase 2: Core ✅ COMPLETED (4 hours)")
    PhaseHeading(number='2', name='Core', hours=4.0, status='completed')
    """
    raw = raw[:_LENGTH]
    found = _HEADING.match(_bare(raw)) or _CJK_HEADING.match(_bare(raw))
    if not found:
        return None
    number = found["number"] or found.groupdict().get("letter") or ""
    words = plain(raw).strip(_EDGE)
    rest = words[-len(found["name"]) :] if found["name"] else ""
    name, hours, status = _name_hours_status(rest)
    around = words[: len(words) - len(rest)] + (rest.replace(name, " ", 1) if name in rest else "")
    return PhaseHeading(number, name or words, hours, status or read_status(around))


def name_of_heading(title: str) -> str:
    """A heading's words without the time and the status that stand behind them.

    >>> name_of_heading("Alpha (8h) - DONE")
    'Alpha'
    """
    return _name_hours_status(title[:_LENGTH])[0] or title


def _bare(raw: str) -> str:
    return plain(without_emoji(raw[:8]) + raw[8:]).strip(_EDGE)


def _name_hours_status(rest: str) -> tuple[str, float | None, str | None]:
    hours: float | None = None
    status: str | None = None
    rest = _BRACKETED_NUMBER.sub(r"\1", rest)
    dated = _DATED.search(rest)
    if dated:
        status = "completed" if _ENDED.search(dated[0]) else "in_progress"
        rest = rest[: dated.start()]
    for bracket in _BRACKETS.findall(rest):
        duration = read_duration(bracket)
        said = read_status(bracket)
        if duration and hours is None:
            hours = duration.hours
        status = status or said
        if duration or said or _DATE.search(bracket):
            rest = re.sub(rf"\s*[(\[（]{re.escape(bracket)}[)\]）]", " ", rest, count=1)
    name = squeeze(without_emoji(without_status(squeeze(rest)))).strip(_EDGE)
    duration = read_duration(name) if hours is None else None
    if duration and duration.end == len(name):
        hours = duration.hours
        name = name[: duration.start].strip(" :：-–—,~")
    return name, hours, status


def _phase(document: Document, node: Node, heading: PhaseHeading, boxes: tuple[Checkbox, ...]) -> Phase:
    items = boxes_between(boxes, node.line, node.end_line)
    hours, status = heading.hours, heading.status
    if hours is None or status is None:
        stated_hours, stated_status = _hours_and_status(fields_of(node))
        hours = stated_hours if hours is None else hours
        status = status or stated_status
    return Phase(
        number=heading.number,
        name=heading.name,
        hours=hours,
        status=status,
        line=node.line,
        end_line=node.end_line,
        text=document.raw(node.line, node.end_line),
        items=items,
        bullets=() if items else tuple(_bullets(node)),
    )


def _bullets(node: Node) -> Iterator[Entry]:
    for part in node.walk():
        yield from (Entry(plain(item.text), item.line) for item in part.lists() if plain(item.text))
