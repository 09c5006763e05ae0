"""The template's copy of its database mapping: ``INSERT INTO tasks (...) VALUES (...)``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from roadmark.ingest.document import Document, Fence
from roadmark.ingest.strict_json import read_json

_INSERT = re.compile(r"insert\s+into\s+tasks\s*\((?P<columns>[^)]*)\)\s*values\s*\(", re.I)
_VALUE = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*(?:'(?P<text>(?:[^']|'')*)'|(?P<bare>[^,'()\n]*(?:\([^()]*\))?))\s*(?:--[^\n]*\n\s*)*(?P<end>[,)])"
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
    for fence in document.root.fences():
        found = _INSERT.search(fence.text)
        if found:
            return _block(fence, found)
    return MappingBlock()


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
