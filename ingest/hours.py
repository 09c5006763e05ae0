"""Durations as people write them, in hours: a day is 8 hours, a week 40, a month 160."""

# ruff: noqa: RUF001 - real files use these dashes, quotes and colons

import re
from dataclasses import dataclass

_NUMBER = r"\d+(?:[.,]\d+)?"
_UNITS = (
    (1.0, r"hours?|hrs?|std|stunden?|h|小时|時間"),
    (8.0, r"(?:working |business )?days?|tagen?|tage?|d|天|日"),
    (40.0, r"weeks?|wks?|wochen?|w|周|週"),
    (160.0, r"months?|monaten?|monate?|个月|ヶ月"),
    (1 / 60, r"minutes?|mins?|minuten?|分钟|分"),
)
_RANGE = rf"(?P<low>{_NUMBER})\s*\+?\s*(?:(?:-|–|—|to|bis|~)\s*(?P<high>{_NUMBER})\s*)?[-+]?\s*"
_BY_UNIT = tuple(
    (factor, re.compile(rf"(?<![\w.]){_RANGE}(?:{names})(?![A-Za-z])", re.I)) for factor, names in _UNITS
)
_LENGTH = 300
_BRACKETED = re.compile(r"\[(\d+(?:\.\d+)?)\]")
_MINUTES_AFTER = re.compile(
    rf"\s*(?:and\s+|und\s+|,\s*)?(?P<low>{_NUMBER})\s*(?:minutes?|mins?|m)(?![A-Za-z])", re.I
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A time in hours; ``low`` is the lower end of a range. It stands at ``start:end`` of the text."""

    hours: float
    low: float
    start: int
    end: int


def read_duration(text: str) -> Duration | None:
    """The time that ``text`` states, in hours, or None; hours beat other units, a range counts its upper end.

    >>> read_duration("5 days (40 hours)").hours, read_duration("2-3 days").hours, read_duration("soon")
    (40.0, 24.0, None)
    """
    text = _BRACKETED.sub(r" \1 ", text[:_LENGTH])
    if not any(character.isdigit() for character in text):
        return None
    for factor, pattern in _BY_UNIT:
        found = pattern.search(text)
        if found:
            return _duration(found, factor, text)
    return None


def _duration(found: re.Match[str], factor: float, text: str) -> Duration:
    low = _number(found["low"]) * factor
    high = _number(found["high"]) * factor if found["high"] else low
    end = found.end()
    if factor == 1.0 and (minutes := _MINUTES_AFTER.match(text, end)):
        high += _number(minutes["low"]) / 60
        low += _number(minutes["low"]) / 60
        end = minutes.end()
    return Duration(max(low, high), min(low, high), found.start(), end)


def _number(text: str) -> float:
    return float(text.replace(",", "."))
