"""The template's copy of its database mapping: ``INSERT INTO tasks (...) VALUES (...)``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from roadmark.ingest.document import Document, Fence
from roadmark.ingest.fields import all_fields_of, first_field
from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.sections.overview import Overview, is_placeholder, read_priority
from roadmark.ingest.spec import Files
from roadmark.ingest.strict_json import read_json

_INSERT = re.compile(r"insert\s+into\s+tasks\s*\((?P<columns>[^)]*)\)\s*values\s*\(", re.I)
_GAP = r"\s*+(?:--[^\n]*\n\s*+)*+"
_VALUE = re.compile(
    rf"{_GAP}(?:'(?P<text>(?:[^']|'')*+)'|(?P<bare>(?:(?!--)[^,'()\n])*+(?:\([^()]*+\))?)){_GAP}(?P<end>[,)])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingBlock:
    """The columns of the block and its metadata object; both empty where the file has no block."""

    values: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, object] = field(default_factory=dict)
    line: int = 0
    metadata_line: int = 0
    metadata_error: str | None = None


def read_mapping(document: Document) -> MappingBlock:
    """The mapping block of a file: the first fence that inserts into ``tasks``."""
    for fence in document.fences:
        found = _INSERT.search(fence.text) if "tasks" in fence.text else None
        if found:
            return _block(fence, found)
    return MappingBlock()


def check_mapping(
    block: MappingBlock, overview: Overview, files: Files, phase_count: int
) -> Iterator[Problem]:
    """W501 for each value of the block that the sections contradict, W503 for unreadable metadata."""
    if block.metadata_error is not None:
        said = f"the metadata of the mapping block is not JSON: {block.metadata_error}"
        yield problem("W503", block.metadata_line, said, hint="Correct it; the sections were read instead.")
    hours = overview.duration.hours if overview.duration else None
    stated: tuple[tuple[str, object, object], ...] = (
        ("priority", read_priority(block.values.get("priority", "")), overview.priority),
        ("estimated_hours", _number(block.values.get("estimated_hours")), hours),
        ("files_to_create", block.metadata.get("files_to_create"), len(files.create) or None),
        ("files_to_modify", block.metadata.get("files_to_modify"), len(files.modify) or None),
        ("migration_phases", block.metadata.get("migration_phases"), phase_count or None),
    )
    for name, mapped, read in stated:
        if None not in (mapped, read) and mapped != read:
            said = f"the mapping block says {name} {mapped}, the sections say {read}"
            yield problem("W501", block.line, said, hint="Correct one of them.")


def _number(text: str | None) -> float | None:
    return float(text) if text and text.replace(".", "", 1).isdigit() else None


def check_source_path(sections: Sections, block: MappingBlock) -> Iterator[Problem]:
    """I502 where the file names another path than its own; the real one counts."""
    fields = tuple(field for node in sections.all("task_fields") for field in all_fields_of(node))
    field = first_field(fields, ("source path",))
    stated = field.value if field else block.values.get("source_path")
    path = sections.document.path
    if stated and "/" in stated and not is_placeholder(stated) and not f"/{path}".endswith(f"/{stated}"):
        said = f'source_path is "{stated[:100]}"; the real path counts'
        yield problem("I502", field.line if field else block.line, said)


def _block(fence: Fence, found: re.Match[str]) -> MappingBlock:
    names = [name.strip() for name in found["columns"].split(",")]
    values: dict[str, str] = {}
    at = found.end()
    metadata_line = 0
    for name in names:
        value = _VALUE.match(fence.text, at)
        if not value:
            break
        text = value["text"]
        values[name] = text.replace("''", "'") if text is not None else value["bare"].strip()
        if name == "metadata":
            metadata_line = fence.line + 1 + fence.text.count("\n", 0, max(value.start("text"), 0))
        at = value.end()
    read = read_json(values["metadata"]) if values.get("metadata", "").lstrip().startswith("{") else None
    return MappingBlock(
        values=values,
        metadata=read.value if read and isinstance(read.value, dict) else {},
        line=fence.line,
        metadata_line=metadata_line + (read.line - 1 if read else 0),
        metadata_error=read.error if read else None,
    )
