"""The ``metadata`` of a task: exactly the seed's keys, and ours under ``extra``."""

import re
from collections.abc import Mapping

from roadmark.ingest.sections.mapping import MappingBlock
from roadmark.ingest.spec import Files, TechnicalRequirements

LIST_KEYS = ("tech_stack", "database_changes", "api_changes", "frontend_changes", "backend_changes")
COUNT_KEYS = (
    "files_to_create",
    "files_to_modify",
    "migration_phases",
    "infrastructure_components",
    "database_tables",
    "api_endpoints",
)
_TABLE = re.compile(r"\btables?\b|\btabellen?\b", re.I)
_ENDPOINT = re.compile(r"/\w|\bendpoints?\b|\broutes?\b", re.I)


def build_metadata(
    block: MappingBlock, requirements: TechnicalRequirements, files: Files, phase_count: int
) -> dict[str, object]:
    """The seed's mapping: what the block says, the sections for what it leaves out.

    Keys of the block that the seed does not know go to ``extra``, which is left out where it is empty.
    """
    derived = derive_metadata(requirements, files, phase_count)
    stated = {key: block.metadata[key] for key in derived if _is_usable(key, block.metadata)}
    extra = {key: value for key, value in block.metadata.items() if key not in derived}
    return {**derived, **stated, **({"extra": extra} if extra else {})}


def derive_metadata(requirements: TechnicalRequirements, files: Files, phase_count: int) -> dict[str, object]:
    """The seed's keys from the sections alone."""
    return {
        "tech_stack": list(requirements.tech_stack),
        "architecture": requirements.architecture,
        "database_changes": list(requirements.database_changes),
        "api_changes": list(requirements.api_changes),
        "frontend_changes": list(requirements.frontend_changes),
        "backend_changes": list(requirements.backend_changes),
        "files_to_create": len(files.create),
        "files_to_modify": len(files.modify),
        "migration_phases": phase_count,
        "infrastructure_components": len(requirements.backend_changes),
        "database_tables": sum(_TABLE.search(change) is not None for change in requirements.database_changes),
        "api_endpoints": sum(_ENDPOINT.search(change) is not None for change in requirements.api_changes),
    }


def _is_usable(key: str, block: Mapping[str, object]) -> bool:
    value = block.get(key)
    if key in LIST_KEYS:
        return isinstance(value, list) and all(isinstance(part, str) for part in value)
    if key in COUNT_KEYS:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, str)
