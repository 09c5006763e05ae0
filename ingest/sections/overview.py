"""The project overview: name, priority, category, time, status, dependencies, related issues."""
# ruff: noqa: RUF001 - real files use these dashes

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from roadmark.ingest.document import Document, Node
from roadmark.ingest.fields import all_fields_of, fields_of, first_field, key_of
from roadmark.ingest.hours import Duration, read_duration
from roadmark.ingest.plain import plain, says_nothing
from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.sections.checklists import read_entries
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.spec import Field, Spec
from roadmark.ingest.status import read_status
from roadmark.ingest.titles import read_title

NAME_KEYS = (
    "feature component name",
    "feature name",
    "component name",
    "name",
    "project name",
    "subtask name",
    "task name",
    "titel",
    "title",
    "task",
    "feature",
    "aufgabe",
    "名称",
    "功能名称",
    "项目名称",
    "名前",
    "機能名",
)
PRIORITY_KEYS = ("priority", "priorität", "优先级", "優先度")
TIME_KEYS = (
    "estimated time",
    "total estimated time",
    "estimated hours",
    "estimated effort",
    "time estimate",
    "estimated duration",
    "total time",
    "duration",
    "effort",
    "geschätzte zeit",
    "geschätzter aufwand",
    "aufwand",
    "预计时间",
    "預計時間",
    "见积时间",
    "预估时间",
    "見積もり時間",
    "見積時間",
)
STATUS_KEYS = ("status", "current status", "task status", "implementation status", "状态", "状態")
CATEGORY_KEYS = ("category", "kategorie", "task category", "类别")
DEPENDENCY_KEYS = ("dependencies", "dependency", "depends on", "abhängigkeiten", "依赖")
REQUIRED_KEYS = ("requires", "required", "depends on", "dependencies", "internal dependencies", "benötigt")
ISSUE_KEYS = ("related issues", "related issue", "issues", "zugehörige issues")
TYPE_KEYS = ("type", "task type", "typ")

_PRIORITIES = (
    ("critical", r"critical|urgent|blocker|kritisch|p0|紧急"),
    ("high", r"high|highest|hoch|hohe|p1|高"),
    ("medium", r"medium|normal|moderate|mittel|p2|中"),
    ("low", r"low|lowest|niedrig|p[34]|低"),
)
_PRIORITY_PATTERNS = tuple(
    (name, re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.I)) for name, words in _PRIORITIES
)
_FRAME_TITLE = re.compile(
    r"^(?:prompt:|create comprehensive|\[|project plan template|task template|template\b)"
    r"|\[(?:feature|name|title|task|project|component)[^\]]*\]",
    re.I,
)
_TITLE_TAIL = re.compile(
    r"\s*(?:[-–—:]\s*)?(?:implementation|feature|task|master)\s+(?:plan|status|task|index|roadmap|overview)\s*$"
    r"|\s+[-–—:]\s*(?:implementation|master index|index|umsetzungsplan)\s*$|\s+implementation\s*$",
    re.I,
)
_PLACEHOLDER = re.compile(r"\[[^\]]*\]|\{[^}]*\}|<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the head of a spec says; None where it does not."""

    title: str | None
    title_line: int
    type: str | None
    priority: str | None
    category: str | None
    status: str | None
    duration: Duration | None
    dependencies: tuple[str, ...]
    related_issues: tuple[str, ...]
    fields: tuple[Field, ...]


def read_overview(sections: Sections) -> Overview:
    """The fields of the overview section, else those above the first section."""
    fields = _overview_fields(sections)
    title, line = _title(sections.document, fields)
    time = first_field(fields, TIME_KEYS)
    return Overview(
        title=title,
        title_line=line,
        type=_value(fields, TYPE_KEYS),
        priority=read_priority(_value(fields, PRIORITY_KEYS) or ""),
        category=_value(fields, CATEGORY_KEYS),
        status=read_status(_value(fields, STATUS_KEYS) or ""),
        duration=read_duration(time.value) if time else time_of_section(sections),
        dependencies=_dependencies(sections, fields),
        related_issues=_texts(first_field(fields, ISSUE_KEYS)),
        fields=fields,
    )


def _overview_fields(sections: Sections) -> tuple[Field, ...]:
    """Fields of the overview sections first, then those that stand above any section."""
    found: list[Field] = []
    for node in sections.all("overview"):
        found.extend(all_fields_of(node))
    root = sections.document.root
    heads = [root, *(child for child in root.children if child.level == 1)]
    for node in heads:
        found.extend(fields_of(node))
    return tuple(found)


def time_of_section(sections: Sections) -> Duration | None:
    """The time that a section of its own ("Estimated Time") states; of several, each belongs to a phase."""
    nodes = sections.all("time")
    if len(nodes) != 1:
        return None
    lines = [paragraph.text for paragraph in nodes[0].paragraphs()] + [item.text for item in nodes[0].lists()]
    return next((duration for line in lines if (duration := read_duration(plain(line)))), None)


def read_priority(text: str) -> str | None:
    """``critical``, ``high``, ``medium`` or ``low``: the first that the text names, else None.

    >>> read_priority("High (Foundation for other subtasks)"), read_priority("soon")
    ('high', None)
    """
    found = ((match.start(), name) for name, pattern in _PRIORITY_PATTERNS if (match := pattern.search(text)))
    return min(found, default=(0, None))[1]


def _value(fields: tuple[Field, ...], keys: tuple[str, ...]) -> str | None:
    field = first_field(fields, keys)
    if field is None or is_placeholder(field.value) or says_nothing(field.value):
        return None
    return field.value


def is_placeholder(value: str) -> bool:
    """Whether a value is a blank of the template: ``[Name]``, ``{name}``, ``a | b | c``."""
    return _PLACEHOLDER.fullmatch(value.strip()) is not None or value.count(" | ") > 1


def _title(document: Document, fields: tuple[Field, ...]) -> tuple[str | None, int]:
    named = first_field(fields, NAME_KEYS)
    if named and not is_placeholder(named.value) and not says_nothing(named.value):
        return named.value, named.line
    for node in document.nodes:
        if node.level == 1 and (title := title_of_heading(node)):
            return title, node.line
    return None, 1


def title_of_heading(node: Node) -> str | None:
    """The task's name in a first heading, without "Implementation (Plan)"; None for a copied prompt frame."""
    words = read_title(node.raw_title).text
    if _FRAME_TITLE.search(plain(words)):
        return None
    shorter = _TITLE_TAIL.sub("", words).strip()
    return shorter or words or None


def _dependencies(sections: Sections, fields: tuple[Field, ...]) -> tuple[str, ...]:
    """The dependencies field, else what a section of its own requires, else the list of that section."""
    stated = first_field(fields, DEPENDENCY_KEYS)
    node = sections.first("dependencies")
    if stated is not None or node is None:
        return _texts(stated)
    own = fields_of(node)
    required = first_field(own, REQUIRED_KEYS)
    if required is not None or own:
        return _texts(required)
    return tuple(entry.text for entry in read_entries(node))


def _texts(field: Field | None) -> tuple[str, ...]:
    if field is None:
        return ()
    return tuple(entry.text for entry in field.entries if not says_nothing(entry.text))


def check_fields(spec: Spec) -> Iterator[Problem]:
    """E206 for a name that is still the template's, W208 for fields that say two different things."""
    for field in spec.overview:
        if key_of(field.label) in NAME_KEYS and is_placeholder(field.value):
            said = f'the {field.label.lower()} is still the template\'s "{field.value}"'
            yield problem("E206", field.line, said, hint="Fill the template in.")
    yield from _different(spec.overview, PRIORITY_KEYS, read_priority)
    yield from _different(spec.overview, STATUS_KEYS, read_status)


def _different(
    fields: tuple[Field, ...], keys: tuple[str, ...], read: Callable[[str], str | None]
) -> Iterator[Problem]:
    stated = [(field, read(field.value)) for field in fields if key_of(field.label) in keys]
    said = [(field, value) for field, value in stated if value is not None]
    for field, value in said[1:]:
        if value != said[0][1]:
            first = said[0][0]
            other = f'"{first.value}" on line {first.line}, which counts'
            message = f'{field.label} is "{field.value}" here and {other}'
            yield problem("W208", field.line, message, hint="Keep one of them.")
