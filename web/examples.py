"""Examples for the OpenAPI document: made from the shapes, so that none can differ from what is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from roadmark.web.shapes import Schema

_ID = "0192f3a4-5b6c-7d8e-9f00-112233445566"
_HASH = "5f2b6c1d9e8a7b40c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0"
_MOMENT = "2026-11-20T09:30:00Z"
_TEXTS: Mapping[str, str] = {
    "action": "created",
    "actor": "anna",
    "agent": "codex",
    "at": _MOMENT,
    "base_commit": _HASH[:40],
    "body": "/roadmark 0192f3a4 done",
    "branch": "feature/tidy-shelf",
    "category": "backend",
    "automation_level": "semi_auto",
    "code": "E103",
    "commit": _HASH[:40],
    "cron": "0 6 * * mon",
    "detail": "it moved on since you looked at it",
    "file": "specs/tidy-shelf.md",
    "from": "anna",
    "hash": _HASH,
    "hint": 'Write "max_attempts".',
    "keyword": "done",
    "dependencie": "Shelf inventory",
    "event": "wait.opened",
    "format": "roadmap",
    "item": "/schemas/Migration.json",
    "outcome": "ready",
    "purpose": "The order of the books",
    "source_path": "tidy-shelf.md",
    "timestamp": _MOMENT,
    "key": "1/Sort the books by author",
    "kind": "wait.opened",
    "message": 'unknown key "max_attemps"',
    "name": "attempt-1-1",
    "path": "shelf/order.py",
    "payload": '{"user": {"id": "U21"}, "actions": [{"value": "0192f3a4 done"}]}',
    "priority": "high",
    "prompt": "Is this phase ready?",
    "published_commit": _HASH[:40],
    "reason": "wrong branch",
    "source": "tidy-shelf.md",
    "started_by": "anna",
    "text": "done",
    "title": "Tidy Shelf",
    "to": "start",
    "tree": _HASH[:40],
    "type": "wait.opened",
    "url": "https://roadmark.example.org/tasks/" + _ID,
    "user_id": "U21",
    "via": "page",
    "wait": _ID,
}
"""What a text may be, by the name of its property; those that name things end in `id`."""

_NUMBERS: Mapping[str, float] = {
    "column": 3,
    "cost_usd": 0.42,
    "done": 9,
    "estimated_hours": 40,
    "hours": 16,
    "line": 88,
    "max_attempts": 3,
    "max_tries": 3,
    "peak_memory_bytes": 182_000_000,
    "percent": 32,
    "phase_count": 4,
    "seq": 1042,
    "status": 200,
    "tokens_in": 18_400,
    "tokens_out": 2_100,
    "took_ms": 84,
    "total": 28,
    "tries": 0,
    "version": 7,
}
_CHOSEN = ("waiting", "in_progress", "ready", "x", "accepted", "delivered")
"""Of an enumeration rather these than its first."""
_ABSENT = frozenset(
    {
        "due_at",
        "ended_at",
        "feedback",
        "finished_at",
        "next",
        "published_commit",
        "safety_checkpoint_id",
        "undoes",
    }
)
"""What is null in an example, where it may be."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Makes examples of shapes that may point to each other."""

    shapes: Mapping[str, Schema]

    def of(self, schema: Mapping[str, Any], name: str = "") -> Any:
        """A value of the shape; `name` is the property that it is of."""
        if "$ref" in schema:
            return self.of(self.shapes[schema["$ref"].rpartition("/")[2]], name)
        if "anyOf" in schema:
            return None if name in _ABSENT else self.of(schema["anyOf"][0], name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return next((value for value in _CHOSEN if value in schema["enum"]), schema["enum"][0])
        return self._plain(schema, name)

    def _plain(self, schema: Mapping[str, Any], name: str) -> Any:
        given = schema.get("type", "object")
        kinds = [given] if isinstance(given, str) else given
        if "null" in kinds and name in _ABSENT:
            return None
        if kinds[0] == "array":
            return [self.of(schema["items"], name.removesuffix("s"))]
        if kinds[0] == "object":
            return {key: self.of(shape, key) for key, shape in schema.get("properties", {}).items()}
        return _text(schema, name) if kinds[0] == "string" else _figure(kinds[0], name)


def _figure(kind: str, name: str) -> float | bool:
    return False if kind == "boolean" else _NUMBERS.get(name, 1)


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") == "date-time":
        return _MOMENT
    if name == "id" or (name.endswith("_id") and name not in _TEXTS):
        return _ID
    if name.endswith("sha256"):
        return _HASH
    return _TEXTS.get(name, name.replace("_", " ") or "...")[: schema.get("maxLength", 500)]
