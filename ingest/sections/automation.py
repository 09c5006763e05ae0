"""The automation section: task database fields and the execution context."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from roadmark.ingest.document import Document, Fence, Node
from roadmark.ingest.fields import all_fields_of, first_field, key_of
from roadmark.ingest.front_matter import read_front_matter
from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.spec import Automation, ExecutionContext, Field
from roadmark.ingest.strict_json import JsonRead, place, place_of_key, read_json

T = TypeVar("T")
LEVELS = ("manual", "assisted", "semi_auto", "full_auto")
CONTEXT_KEYS = (
    "requires_new_chat",
    "git_branch_name",
    "confirmation_keywords",
    "fallback_detection",
    "max_confirmation_attempts",
    "timeout_seconds",
)
KNOWN_KEYS = (
    *CONTEXT_KEYS,
    "migration_phases",
    "critical_files",
    "hooks",
    "host_label",
    "automation_level",
    "confirmation_required",
    "max_attempts",
    "git_branch_required",
    "new_chat_required",
)
_KEYS_LOOKED_AT = 100
_CONTEXT_SIZE = 65_536
_TRUE = ("true", "yes", "ja", "on", "required", "1")
_FALSE = ("false", "no", "nein", "off", "not required", "0")
_FIELD_NAME = re.compile(r"automation[_ ]level|confirmation[_ ]required|max[_ ]attempts", re.I)
_JSON_INFO = re.compile(r"^(?:jsonc?|json5)?\b", re.I)
_FIELD_NAMES = (
    "automation_level",
    "confirmation_required",
    "max_attempts",
    "git_branch_required",
    "new_chat_required",
)


@dataclass(frozen=True, slots=True)
class _ContextSource:
    values: dict[str, object]
    line: int
    text: str


def read_automation(sections: Sections) -> tuple[Automation, tuple[Problem, ...]]:
    """The task database fields, with a finding for each value that cannot be meant."""
    fields = _automation_fields(sections)
    found = {name: first_field(fields, (key_of(name),)) for name in _FIELD_NAMES}
    problems = tuple(_field_problems(found))
    lines = [field.line for field in found.values() if field]
    automation = Automation(
        automation_level=_level(found["automation_level"]),
        confirmation_required=_boolean(found["confirmation_required"]),
        max_attempts=_integer(found["max_attempts"]),
        git_branch_required=_boolean(found["git_branch_required"]),
        new_chat_required=_boolean(found["new_chat_required"]),
        line=min(lines, default=0),
        text=sections.document.raw(min(lines), max(lines)) if lines else "",
    )
    return automation, problems


def _automation_fields(sections: Sections) -> tuple[Field, ...]:
    named = (*sections.all("task_fields"), *sections.all("automation"))
    inside = tuple(field for node in named for field in all_fields_of(node))
    if any(key_of(field.label) in {key_of(name) for name in _FIELD_NAMES} for field in inside):
        return inside
    if _FIELD_NAME.search(sections.document.text):
        return all_fields_of(sections.document.root)
    return ()


def _level(field: Field | None) -> str | None:
    if field is None:
        return None
    word = field.value.casefold().replace("-", "_").replace(" ", "_")
    return next((level for level in LEVELS if word == level or word.startswith(level + "_(")), None)


def _boolean(field: Field | None) -> bool | None:
    if field is None:
        return None
    word = re.split(r"[\s(,;]", field.value.casefold(), maxsplit=1)[0]
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def _integer(field: Field | None) -> int | None:
    found = re.match(r"\d{1,9}\b", field.value) if field else None
    return int(found[0]) if found else None


def _field_problems(found: Mapping[str, Field | None]) -> Iterator[Problem]:
    level = found["automation_level"]
    if level is not None and _level(level) is None:
        near = _near(level.value.casefold(), LEVELS)
        yield problem(
            "E105",
            level.line,
            f'unknown automation level "{level.value}"{near}',
            hint=f"Write one of {', '.join(LEVELS)}.",
        )
    for name in ("confirmation_required", "git_branch_required", "new_chat_required"):
        field = found[name]
        if field is not None and _boolean(field) is None:
            yield problem("E106", field.line, f'{name} is "{field.value}"', hint="Write true or false.")
    attempts = found["max_attempts"]
    if attempts is not None and not (_integer(attempts) or 0) > 0:
        yield problem(
            "E106", attempts.line, f'max_attempts is "{attempts.value}"', hint="Write a whole number from 1."
        )


def _near(word: str, known: tuple[str, ...]) -> str:
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.75)
    return f' (did you mean "{found[0]}"?)' if found else ""


def read_context(sections: Sections) -> tuple[ExecutionContext, tuple[Problem, ...]]:
    """The execution context: the JSON fence whose keys match, else bullets; findings at their lines."""
    fence = _context_fence(sections)
    if fence is not None:
        return _context_of_fence(fence)
    source = _context_of_bullets(sections)
    if source is None:
        return ExecutionContext(), ()
    return _context(source), tuple(_value_problems(source, source.line))


def _context_fence(sections: Sections) -> Fence | None:
    for node in sections.all("context"):
        for fence in node.fences():
            if _may_be_json(fence) or fence.info.casefold().startswith("json"):
                return fence
    return next((fence for fence in sections.document.fences if _has_context_keys(fence)), None)


def _may_be_json(fence: Fence) -> bool:
    return _JSON_INFO.match(fence.info) is not None and fence.text.lstrip()[:1] == "{"


def _has_context_keys(fence: Fence) -> bool:
    return (
        len(fence.text) <= _CONTEXT_SIZE
        and _may_be_json(fence)
        and sum(f'"{key}"' in fence.text for key in CONTEXT_KEYS) >= 2
    )


def _context_of_fence(fence: Fence) -> tuple[ExecutionContext, tuple[Problem, ...]]:
    read = read_json(fence.text)
    if read.error is not None:
        found = problem(
            "E101",
            fence.line + read.line,
            f"the execution context is not JSON: {read.error}",
            column=read.column,
            hint="Correct the JSON at this place; the rest of the block was not read.",
        )
        return ExecutionContext(line=fence.line, text=fence.text), (found,)
    if not isinstance(read.value, dict):
        found = problem(
            "E102", fence.line, "the execution context is not a JSON object", hint="Put it into { }."
        )
        return ExecutionContext(line=fence.line, text=fence.text), (found,)
    source = _ContextSource(read.value, fence.line, fence.text)
    problems = (*_forgiven(read, fence), *_key_problems(source), *_value_problems(source, None))
    return _context(source), problems


def _forgiven(read: JsonRead, fence: Fence) -> Iterator[Problem]:
    for offset in read.comments:
        line, column = place(fence.text, offset)
        said = "comments are not JSON; passed over"
        yield problem("W107", fence.line + line, said, column=column, hint="Take the comment out.")
    for offset in read.trailing_commas:
        line, column = place(fence.text, offset)
        said = "trailing comma; passed over"
        yield problem("W108", fence.line + line, said, column=column, hint="Take the comma out.")


def _key_problems(source: _ContextSource) -> Iterator[Problem]:
    unknown = [key for key in source.values if key not in KNOWN_KEYS]
    for key in unknown[:_KEYS_LOOKED_AT]:
        line, column = place_of_key(source.text, key)
        near = difflib.get_close_matches(_snake(key), KNOWN_KEYS, n=1, cutoff=0.9)
        if near:
            yield problem(
                "E103",
                source.line + line,
                f'unknown key "{key}" in the execution context (did you mean "{near[0]}"?)',
                column=column,
                hint=f'Write "{near[0]}", or rename the key if something else is meant.',
            )
        else:
            yield problem(
                "I109",
                source.line + line,
                f'key "{key}" of the execution context is kept, but nothing reads it',
                column=column,
            )


def _snake(key: str) -> str:
    """``timeoutSeconds`` and ``timeout-seconds`` as ``timeout_seconds``."""
    return re.sub(r"[\s-]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key[:100])).casefold()


def _value_problems(source: _ContextSource, at_line: int | None) -> Iterator[Problem]:
    for key, expected in _EXPECTED.items():
        if key not in source.values or _fits(source.values[key], expected):
            continue
        line, column = place_of_key(source.text, key)
        yield problem(
            "E104",
            at_line or source.line + line,
            f'"{key}" of the execution context must be {_NAMES[expected]}',
            column=1 if at_line else column,
            hint=f"It is {str(source.values[key])[:60]!r}.",
        )


_EXPECTED = {
    "requires_new_chat": "boolean",
    "git_branch_name": "text",
    "confirmation_keywords": "texts",
    "fallback_detection": "boolean",
    "max_confirmation_attempts": "count",
    "timeout_seconds": "seconds",
    "migration_phases": "texts",
    "critical_files": "texts",
    "hooks": "texts",
    "host_label": "text",
}
_NAMES = {
    "boolean": "true or false",
    "text": "a text",
    "texts": "a list of texts",
    "count": "a whole number from 1",
    "seconds": "a number of seconds above 0",
}


def _fits(value: object, expected: str) -> bool:
    match expected:
        case "boolean":
            return isinstance(value, bool)
        case "text":
            return isinstance(value, str) and value != ""
        case "texts":
            return isinstance(value, list) and all(isinstance(part, str) for part in value)
        case "count":
            return isinstance(value, int) and not isinstance(value, bool) and value >= 1
        case _:
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9


def _context(source: _ContextSource) -> ExecutionContext:
    good = {
        key: source.values.get(key) for key, kind in _EXPECTED.items() if _fits(source.values.get(key), kind)
    }
    return ExecutionContext(
        requires_new_chat=_typed(good.get("requires_new_chat"), bool),
        git_branch_name=_typed(good.get("git_branch_name"), str),
        confirmation_keywords=_texts(good.get("confirmation_keywords")),
        fallback_detection=_typed(good.get("fallback_detection"), bool),
        max_confirmation_attempts=_typed(good.get("max_confirmation_attempts"), int),
        timeout_seconds=_seconds(good.get("timeout_seconds")),
        migration_phases=_texts(good.get("migration_phases")),
        critical_files=_texts(good.get("critical_files")),
        values=source.values,
        line=source.line,
        text=source.text,
    )


def _typed(value: object, kind: type[T]) -> T | None:
    return value if isinstance(value, kind) else None


def _seconds(value: object) -> float | None:
    return value if isinstance(value, int | float) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(part) for part in value) if isinstance(value, list) else ()


def _context_of_bullets(sections: Sections) -> _ContextSource | None:
    nodes: tuple[Node, ...] = (*sections.all("context"), *sections.all("automation"))
    for node in nodes:
        stated = (*all_fields_of(node), *_fields_of_yaml(node))
        fields = [field for field in stated if key_of(field.label) in _BULLET_KEYS]
        if fields:
            values = {_BULLET_KEYS[key_of(field.label)]: _bullet_value(field) for field in reversed(fields)}
            return _ContextSource(values, fields[0].line, _raw(sections.document, fields))
    return None


def _fields_of_yaml(node: Node) -> Iterator[Field]:
    """The keys of a YAML fence with their values as texts; of one that cannot be read none."""
    for fence in node.fences():
        if fence.info.casefold().startswith(("yaml", "yml")):
            front = read_front_matter(fence.text)
            for key, value in front.values.items():
                line = fence.line + front.lines[key] - 1
                said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
                yield Field(label=key, value=said, line=line)


_BULLET_KEYS = {key_of(name): name for name in CONTEXT_KEYS}


def _raw(document: Document, fields: list[Field]) -> str:
    return document.raw(fields[0].line, fields[-1].line)


def _bullet_value(field: Field) -> object:
    name = _BULLET_KEYS[key_of(field.label)]
    match _EXPECTED[name]:
        case "boolean":
            return _boolean(field)
        case "count" | "seconds":
            return _integer(field)
        case "texts":
            stated = [entry.text for entry in field.entries if entry.line != field.line] or field.value.split(
                ","
            )
            return [part.strip("[]'\"` ") for part in stated]
        case _:
            return field.value
