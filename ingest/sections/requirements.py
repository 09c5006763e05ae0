"""The technical requirements: stack, architecture, and the changes by layer."""

from roadmark.ingest.fields import all_fields_of, first_field
from roadmark.ingest.plain import says_nothing
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.spec import Field, TechnicalRequirements

_KEYS = {
    "tech_stack": (
        "tech stack",
        "technology stack",
        "technologies",
        "stack",
        "techstack",
        "technologien",
        "技术栈",
    ),
    "architecture": (
        "architecture pattern",
        "architecture",
        "architecture patterns",
        "architektur",
        "架构模式",
    ),
    "database_changes": ("database changes", "database", "datenbankänderungen", "数据库变更"),
    "api_changes": ("api changes", "api", "api änderungen", "api变更"),
    "frontend_changes": ("frontend changes", "frontend", "ui changes", "frontend änderungen", "前端变更"),
    "backend_changes": ("backend changes", "backend", "backend änderungen", "后端变更"),
}


def read_requirements(sections: Sections) -> TechnicalRequirements:
    """The lists of the technical requirements section; empty where the file has none."""
    node = sections.first("requirements")
    fields = all_fields_of(node) if node else ()
    known = {name: first_field(fields, keys) for name, keys in _KEYS.items()}
    used = [field for field in known.values() if field is not None]
    architecture = known["architecture"]
    return TechnicalRequirements(
        tech_stack=_texts(known["tech_stack"]),
        architecture=architecture.value or None if architecture else None,
        database_changes=_texts(known["database_changes"]),
        api_changes=_texts(known["api_changes"]),
        frontend_changes=_texts(known["frontend_changes"]),
        backend_changes=_texts(known["backend_changes"]),
        other=tuple(field for field in fields if field not in used),
    )


def _texts(field: Field | None) -> tuple[str, ...]:
    if field is None:
        return ()
    return tuple(entry.text for entry in field.entries if not says_nothing(entry.text))
