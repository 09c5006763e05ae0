"""From a row to its dataclass."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any, TypeVar, cast, get_type_hints

import sqlalchemy as sa

Value = TypeVar("Value")
Convert = Callable[[Any], Any]


def unpack(kind: type[Value], row: sa.Row[Any]) -> Value:
    """The row as a value of `kind`: columns and fields have the same names; further columns are left.

    Strings become the enum that the field asks for, JSON lists become tuples.
    """
    return _of_object(kind, dict(zip(row._fields, row, strict=True)))


@cache
def converters(kind: Any) -> tuple[tuple[str, Convert | None], ...]:
    """The fields of a dataclass in order, each with what makes it of a column's value; None for nothing."""
    hints = get_type_hints(kind)
    return tuple((field.name, _converter(hints[field.name])) for field in fields(kind))


def _converter(hint: Any) -> Convert | None:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    if getattr(hint, "__origin__", None) is tuple:
        return tuple
    if isinstance(hint, type) and is_dataclass(hint):
        return partial(_of_object, hint)
    return None


def _of_object(kind: type[Value], columns: Mapping[str, Any]) -> Value:
    """A dataclass that a column holds as a JSON object; what an older object lacks has its default."""
    return kind(
        **{
            name: columns[name] if convert is None else convert(columns[name])
            for name, convert in converters(cast(Hashable, kind))
            if name in columns
        }
    )


def plain(value: Any) -> Any:
    """A field as a column takes it: tuples as lists, enums as their strings, dataclasses as objects."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    return pack(value) if is_dataclass(value) else value


def pack(value: Any) -> dict[str, Any]:
    """A dataclass of the model as the values of its row."""
    as_they_are, to_convert = _columns(cast(Hashable, type(value)))
    row = {name: getattr(value, name) for name in as_they_are}
    for name in to_convert:
        row[name] = plain(getattr(value, name))
    return row


@cache
def _columns(kind: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields that a column takes as they are, and the others: thousands of rows are packed at once."""
    known = converters(kind)
    as_they_are = tuple(name for name, convert in known if convert is None)
    return as_they_are, tuple(name for name, convert in known if convert is not None)
