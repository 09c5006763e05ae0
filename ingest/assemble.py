"""A Spec from a document and its phases: what every Markdown format has in common.

A format says where its phases and title are; all known sections are read wherever they stand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from roadmark.ingest.classify import (
    category_of_changes,
    category_of_folder,
    known_type,
    type_of_title,
    usual_category,
)
from roadmark.ingest.document import Document, Node
from roadmark.ingest.fields import all_fields_of, first_field
from roadmark.ingest.metadata import build_metadata
from roadmark.ingest.plain import says_nothing
from roadmark.ingest.sections.automation import read_automation, read_context
from roadmark.ingest.sections.checklists import (
    read_criteria,
    read_deployment,
    read_entries,
    read_groups,
    read_indicators,
)
from roadmark.ingest.sections.files import read_files
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.mapping import (
    MappingBlock,
    check_mapping,
    check_source_path,
    read_mapping,
)
from roadmark.ingest.sections.overview import (
    CATEGORY_KEYS,
    Overview,
    is_placeholder,
    read_overview,
    read_priority,
)
from roadmark.ingest.sections.phases import phases_section
from roadmark.ingest.sections.requirements import read_requirements
from roadmark.ingest.sections.risks import read_risks
from roadmark.ingest.spec import Checkbox, Field, Phase, Section, Spec, TechnicalRequirements


def assemble(
    name: str,
    sections: Sections,
    boxes: tuple[Checkbox, ...],
    phases: Sequence[Phase],
    title: str | None = None,
) -> Spec:
    """The Spec of a document in the format ``name``; ``title`` stands in where the file has no name field."""
    document = sections.document
    overview = read_overview(sections)
    phases_node = phases_section(sections)
    files = read_files(sections, phases_node)
    requirements = read_requirements(sections)
    block = read_mapping(document)
    automation, automation_problems = read_automation(sections)
    context, context_problems = read_context(sections)
    if automation.new_chat_required is None:
        automation = replace(automation, new_chat_required=context.requires_new_chat)
    hours = _estimated_hours(overview, block, phases)
    found_title = overview.title or title or _mapped(block, "title") or name_of_file(document.path)
    return Spec(
        path=document.path,
        format=name,
        title=found_title,
        title_line=overview.title_line,
        text=document.text,
        type=known_type(overview.type) or known_type(_mapped(block, "type")) or type_of_title(found_title),
        priority=overview.priority or read_priority(_mapped(block, "priority") or ""),
        category=_category(sections, overview, block, requirements),
        status=overview.status,
        estimated_hours=hours,
        estimated_hours_min=overview.duration.low if overview.duration else hours,
        dependencies=overview.dependencies,
        related_issues=overview.related_issues,
        overview=overview.fields,
        requirements=requirements,
        phases=tuple(phases),
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
        front_matter=document.front_matter,
        sections=tuple(list_sections(document)),
        problems=(
            *automation_problems,
            *context_problems,
            *check_mapping(block, overview, files, len(phases)),
            *check_source_path(sections, block),
        ),
    )


def name_of_file(path: str) -> str:
    """A title from a file name: ``docs/health-endpoint.md`` gives ``Health endpoint``."""
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return name_of_slug(stem)


def name_of_slug(slug: str) -> str:
    """A title from a folder or file name, leading numbers and dates left out.

    >>> name_of_slug("001-create-book"), name_of_slug("2026-01-12-add-header")
    ('Create book', 'Add header')
    """
    words = slug.replace("_", "-").split("-")
    while len(words) > 1 and words[0].isdigit():
        words = words[1:]
    name = " ".join(word for word in words if word)
    return name[:1].upper() + name[1:]


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
        return usual_category(field.value)
    return (
        usual_category(overview.category)
        or _mapped(block, "category")
        or category_of_folder(sections.document.path)
        or category_of_changes(requirements)
    )


def _estimated_hours(overview: Overview, block: MappingBlock, phases: Sequence[Phase]) -> float | None:
    """The stated time, else the mapping block's, else the sum of the phases, in hours."""
    if overview.duration is not None:
        return overview.duration.hours
    mapped = block.values.get("estimated_hours", "")
    if mapped.replace(".", "", 1).isdigit():
        return float(mapped)
    stated = [phase.hours for phase in phases if phase.hours is not None]
    return sum(stated) if stated else None


def list_sections(document: Document) -> Iterator[Section]:
    """Every heading of the file with the text that belongs to it."""
    for node in document.nodes:
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
