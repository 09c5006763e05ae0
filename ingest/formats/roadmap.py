"""The roadmap template: fifteen sections from the project overview to the references.

Source: the seed spec, and sections 1 and 2 of the ingest design.
"""

from collections.abc import Iterator
from dataclasses import replace

from roadmark.ingest.boxes import read_boxes
from roadmark.ingest.classify import category_of_changes, category_of_folder, known_type, type_of_title
from roadmark.ingest.document import Document, Node
from roadmark.ingest.fields import all_fields_of, first_field
from roadmark.ingest.metadata import build_metadata
from roadmark.ingest.plain import says_nothing
from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.sections.automation import read_automation, read_context
from roadmark.ingest.sections.checklists import (
    read_criteria,
    read_deployment,
    read_entries,
    read_groups,
    read_indicators,
)
from roadmark.ingest.sections.files import check_files, read_files
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.mapping import MappingBlock, read_mapping
from roadmark.ingest.sections.overview import (
    CATEGORY_KEYS,
    Overview,
    is_placeholder,
    read_overview,
    read_priority,
)
from roadmark.ingest.sections.phases import phases_section, read_phases
from roadmark.ingest.sections.requirements import read_requirements
from roadmark.ingest.sections.risks import read_risks
from roadmark.ingest.spec import Field, Phase, Section, Spec, TechnicalRequirements

NAME = "roadmap"
_TELLING = ("phases", "files", "automation", "task_fields", "context", "requirements", "risks", "mapping")


def recognises(document: Document) -> float:
    """How sure it is that this is the roadmap template: the share of its telling sections, from 0 to 1."""
    kinds = {node.kind for node in document.root.walk()}
    return len(kinds & set(_TELLING)) / len(_TELLING)


def read(document: Document) -> Spec:
    """The spec that a roadmap file describes, with its findings."""
    sections = Sections(document)
    overview = read_overview(sections)
    phases_node = phases_section(sections)
    boxes = read_boxes(document)
    phases = read_phases(sections, boxes)
    files = read_files(sections, phases_node)
    requirements = read_requirements(sections)
    block = read_mapping(document)
    automation, automation_problems = read_automation(sections)
    context, context_problems = read_context(sections)
    if automation.new_chat_required is None:
        automation = replace(automation, new_chat_required=context.requires_new_chat)
    hours = estimated_hours(overview, block, phases)
    title = overview.title or _mapped(block, "title") or document.path.rsplit("/", 1)[-1]
    return Spec(
        path=document.path,
        format=NAME,
        title=title,
        title_line=overview.title_line,
        text=document.text,
        type=known_type(overview.type) or known_type(_mapped(block, "type")) or type_of_title(title),
        priority=overview.priority or read_priority(_mapped(block, "priority") or ""),
        category=_category(sections, overview, block, requirements),
        status=overview.status,
        estimated_hours=hours,
        estimated_hours_min=overview.duration.low if overview.duration else hours,
        dependencies=overview.dependencies,
        related_issues=overview.related_issues,
        overview=overview.fields,
        requirements=requirements,
        phases=phases,
        items=boxes,
        files=files,
        code_standards=_fields(sections.first("standards")),
        security=read_entries(sections.first("security")),
        performance=_fields(sections.first("performance")),
        testing=read_groups(sections.first("testing")),
        documentation=read_groups(sections.first("documentation")),
        deployment=read_deployment(sections),
        rollback_plan=read_entries(sections.first("rollback")),
        success_criteria=read_criteria(sections, phases_node),
        success_indicators=read_indicators(sections),
        risks=read_risks(sections),
        references=_fields(sections.first("references")),
        automation=automation,
        context=context,
        metadata=build_metadata(block, requirements, files, len(phases)),
        sections=tuple(list_sections(document)),
        problems=(
            *automation_problems,
            *context_problems,
            *check_files(files),
            *check_phases(phases, phases_node),
            *check_hours(overview, phases),
        ),
    )


def _fields(node: Node | None) -> tuple[Field, ...]:
    return all_fields_of(node) if node is not None else ()


def _mapped(block: MappingBlock, column: str) -> str | None:
    value = block.values.get(column)
    return None if value is None or is_placeholder(value) or says_nothing(value) else value


def _category(
    sections: Sections, overview: Overview, block: MappingBlock, requirements: TechnicalRequirements
) -> str | None:
    stated = [field for node in sections.all("task_fields") for field in all_fields_of(node)]
    field = first_field(tuple(stated), CATEGORY_KEYS)
    if field is not None and not is_placeholder(field.value):
        return field.value
    return (
        overview.category
        or _mapped(block, "category")
        or category_of_folder(sections.document.path)
        or category_of_changes(requirements)
    )


def estimated_hours(overview: Overview, block: MappingBlock, phases: tuple[Phase, ...]) -> float | None:
    """The stated time, else the mapping block's, else the sum of the phases, in hours."""
    if overview.duration is not None:
        return overview.duration.hours
    try:
        return float(block.values.get("estimated_hours", ""))
    except ValueError:
        pass
    stated = [phase.hours for phase in phases if phase.hours is not None]
    return sum(stated) if stated else None


def list_sections(document: Document) -> Iterator[Section]:
    """Every heading of the file with the text that belongs to it."""
    for node in document.root.walk():
        if node.level:
            yield Section(
                title=node.title,
                number=node.number,
                level=node.level,
                line=node.line,
                end_line=node.end_line,
                text=document.raw(node.line, node.end_line),
                kind=node.kind,
            )


def check_phases(phases: tuple[Phase, ...], node: Node | None) -> Iterator[Problem]:
    """E201 where there is nothing to carry out, W202 for an empty phase."""
    if not phases:
        yield problem(
            "E201",
            node.line if node else 1,
            "there are no phases, so there is nothing to carry out",
            hint='Add "## Implementation Phases" with "#### Phase 1: Name (2 hours)" and boxes below it.',
        )
    for phase in phases:
        if not phase.items and not phase.bullets:
            yield problem("W202", phase.line, f'phase {phase.number} "{phase.name}" lists no work')


def check_hours(overview: Overview, phases: tuple[Phase, ...]) -> Iterator[Problem]:
    """W203 where the phases' hours do not add up to the stated time."""
    hours = [phase.hours for phase in phases]
    total = sum(hour for hour in hours if hour is not None)
    if overview.duration and hours and None not in hours and abs(total - overview.duration.hours) > 0.01:
        said = f"the phases add up to {total:g} hours, the estimate says {overview.duration.hours:g}"
        yield problem("W203", phases[0].line, said)
