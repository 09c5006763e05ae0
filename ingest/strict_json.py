"""JSON as a person wrote it into a spec: strict first, then forgiving about comments and trailing commas.

NaN, Infinity, duplicate keys and more than 64 levels are errors; each error has a line and column.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import NoReturn

DEPTH_LIMIT = 64
_STRING = r'"(?:[^"\\\n]|\\.)*+(?:"|(?=\n)|\Z)'
_COMMENT = re.compile(rf"(?P<string>{_STRING})|//[^\n]*", re.S)
_TRAILING = re.compile(rf"(?P<string>{_STRING})|,(?=\s*[}}\]])", re.S)
_BRACKET = re.compile(rf"{_STRING}|(?P<open>[\[{{])|(?P<close>[\]}}])", re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonRead:
    """What a text says as JSON; ``error`` is None where it could be read. Places count from 1."""

    value: object = None
    error: str | None = None
    line: int = 1
    column: int = 1
    comments: tuple[int, ...] = ()
    """Offsets of comments that were passed over."""
    trailing_commas: tuple[int, ...] = ()
    """Offsets of commas before a closing bracket that were passed over."""
    text: str = ""
    """What was read: strict JSON, each character at its offset of the text as written."""


class _DuplicateKeyError(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(f'the key "{key}" stands twice in one object')
        self.key = key


def read_json(text: str) -> JsonRead:
    """The value of a JSON text, or the first error with its place."""
    too_deep = _too_deep_at(text)
    if too_deep is not None:
        line, column = place(text, too_deep)
        return JsonRead(error=f"nested deeper than {DEPTH_LIMIT} levels", line=line, column=column)
    first = _load(text)
    if first.error is None:
        return replace(first, text=text)
    comments = tuple(found.start() for found in _COMMENT.finditer(text) if not found["string"])
    bare = _COMMENT.sub(_blank, text)
    commas = tuple(found.start() for found in _TRAILING.finditer(bare) if not found["string"])
    strict = _TRAILING.sub(_blank, bare)
    second = _load(strict)
    if second.error is not None:
        return first if not comments and not commas else second
    return JsonRead(value=second.value, comments=comments, trailing_commas=commas, text=strict)


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of an offset."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def place_of_key(text: str, key: str) -> tuple[int, int]:
    """Line and column of a key in a JSON text; of its start where the key cannot be seen."""
    found = re.search(rf'"{re.escape(key)}"\s*:', text)
    return place(text, found.start()) if found else (1, 1)


def _load(text: str) -> JsonRead:
    try:
        return JsonRead(value=json.loads(text, object_pairs_hook=_object, parse_constant=_refuse))
    except json.JSONDecodeError as error:
        return JsonRead(error=error.msg[:1].lower() + error.msg[1:], line=error.lineno, column=error.colno)
    except _DuplicateKeyError as error:
        found = list(re.finditer(rf'"{re.escape(error.key)}"\s*:', text))
        line, column = place(text, found[-1].start()) if found else (1, 1)
        return JsonRead(error=str(error), line=line, column=column)
    except ValueError as error:
        return JsonRead(error=str(error))


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _blank(found: re.Match[str]) -> str:
    """Keeps strings; makes anything else blanks, so that lines and columns stay."""
    return found["string"] or re.sub(r"[^\n]", " ", found[0])


def _too_deep_at(text: str) -> int | None:
    depth = 0
    for found in _BRACKET.finditer(text):
        depth += bool(found["open"]) - bool(found["close"])
        if depth > DEPTH_LIMIT:
            return found.start()
    return None
