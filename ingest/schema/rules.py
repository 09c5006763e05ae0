"""The shipped JSON Schemas, and the few keywords of them that a spec's values are held against.

jsonschema itself takes longer to import than a thousand specs to read; the keywords used here (enum, type,
minimum, exclusiveMinimum, maximum, minLength, maxLength, maxItems, items) are checked by the same words, and
a test holds both against each other.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files

NAMES = ("context", "front_matter", "configuration")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}
_WORDS = {
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "an object",
}

Schema = Mapping[str, object]


def schema_text(name: str) -> str:
    """The text of a shipped schema; ``name`` is one of NAMES."""
    return files("roadmark.ingest.schema").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")


@lru_cache(maxsize=len(NAMES))
def properties_of(name: str) -> Mapping[str, Schema]:
    """The rules of a shipped schema by key."""
    found: Mapping[str, Schema] = json.loads(schema_text(name))["properties"]
    return found


def complaint(value: object, rule: Schema) -> str | None:
    """What ``value`` must be to keep a rule, for a person; None where it keeps it."""
    return next(_complaints(value, rule), None)


def _complaints(value: object, rule: Schema) -> Iterator[str]:
    allowed = rule.get("enum")
    if isinstance(allowed, list) and value not in allowed:
        yield "one of " + ", ".join(map(str, allowed))
    kind = rule.get("type")
    if isinstance(kind, str) and not _is_a(value, kind):
        yield _WORDS[kind]
    elif isinstance(value, str):
        yield from _lengths(len(value), rule, ("minLength", "maxLength"), "characters")
    elif isinstance(value, list):
        yield from _lengths(len(value), rule, ("minItems", "maxItems"), "entries")
        yield from _entries(value, rule)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _numbers(value, rule)


def _is_a(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _lengths(length: int, rule: Schema, keys: tuple[str, str], unit: str) -> Iterator[str]:
    least, most = rule.get(keys[0]), rule.get(keys[1])
    if isinstance(least, int) and length < least:
        yield f"at least {least} {unit} long"
    if isinstance(most, int) and length > most:
        yield f"at most {most} {unit} long"


def _entries(value: list[object], rule: Schema) -> Iterator[str]:
    each = rule.get("items")
    if isinstance(each, dict):
        for part in value:
            yield from (f"a list whose entries are each {said}" for said in _complaints(part, each))


def _numbers(value: float, rule: Schema) -> Iterator[str]:
    least, above, most = rule.get("minimum"), rule.get("exclusiveMinimum"), rule.get("maximum")
    if isinstance(least, int | float) and value < least:
        yield f"at least {least}"
    if isinstance(above, int | float) and value <= above:
        yield f"more than {above}"
    if isinstance(most, int | float) and not value <= most:
        yield f"at most {most}"
