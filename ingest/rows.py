"""A Spec as the values of its row in ``tasks``.

Source: the seed's database mapping, and section 2 of the ingest design.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from roadmark.ingest.spec import Spec
from roadmark.ingest.titles import without_status

SOURCE_TYPE = "markdown_doc"
TITLE_LENGTH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskValues:
    """The seed's columns; ``id``, ``project_id`` and ``source_content`` are the caller's to add."""

    title: str
    description: str
    type: str
    category: str | None
    priority: str
    status: str
    source_type: str
    source_path: str
    estimated_hours: float | None
    metadata: Mapping[str, object]


def task_values(spec: Spec) -> TaskValues:
    """The row of a spec, with the seed's defaults: type feature, priority medium, status pending."""
    return TaskValues(
        title=(without_status(spec.title).strip() or spec.title)[:TITLE_LENGTH],
        description=spec.description,
        type=spec.type or "feature",
        category=spec.category,
        priority=spec.priority or "medium",
        status="pending",
        source_type=SOURCE_TYPE,
        source_path=spec.path,
        estimated_hours=spec.estimated_hours,
        metadata=dict(spec.metadata),
    )
