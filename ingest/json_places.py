"""Where the values of a JSON text stand, so that one of them can be replaced and nothing else."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Placed:
    """A value and the offsets where its text starts and ends."""

    value: object
    start: int
    end: int


def whole(text: str) -> Placed:
    """The one value of a JSON text. Raises: json.JSONDecodeError."""
    return _value(text, _skip(text, 0))


def members(text: str, placed: Placed) -> dict[str, Placed]:
    """The values of an object by key; of anything else none."""
    return dict(_members(text, placed.start)) if isinstance(placed.value, dict) else {}


def elements(text: str, placed: Placed) -> Iterator[Placed]:
    """The values of an array in order; of anything else none."""
    at = _skip(text, placed.start + 1)
    while isinstance(placed.value, list) and text[at] != "]":
        found = _value(text, at)
        yield found
        at = _after(text, found)


def _members(text: str, start: int) -> Iterator[tuple[str, Placed]]:
    at = _skip(text, start + 1)
    while text[at] != "}":
        key = _value(text, at)
        colon = _skip(text, key.end)
        found = _value(text, _skip(text, colon + 1))
        yield str(key.value), found
        at = _after(text, found)


def _value(text: str, at: int) -> Placed:
    value, end = _DECODER.raw_decode(text, at)
    return Placed(value, at, end)


def _after(text: str, placed: Placed) -> int:
    """The offset of the next value or of the closing bracket."""
    at = _skip(text, placed.end)
    return _skip(text, at + 1) if text[at] == "," else at


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
