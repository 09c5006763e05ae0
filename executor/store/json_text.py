"""JSON as text: one way of writing it that a hash can cover, and objects that are written once."""

import json
from collections.abc import Mapping
from typing import Any, Self

canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode
"""The same text for the same value, whatever the order of its keys."""


class Written(dict[str, Any]):
    """A JSON object beside its canonical text: the journal's hash covers that text, and a column holds it."""

    __slots__ = ("text",)

    text: str

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Self:
        """The object, written now: what changes in it later is not in its text."""
        written = cls(value)
        written.text = canonical(written)
        return written


def text_of(value: Any) -> str:
    """The text for a column."""
    return value.text if isinstance(value, Written) else json.dumps(value)
