"""Tell the trouble of an agent's provider apart: rate limits, credentials, lost connections and the rest.

Status codes and the names in structured events come first; text is read last, with the patterns of
``provider_errors.toml``. An agent that merely writes *about* a rate limit must not be parked.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from roadmark.executor.verdict import TurnEnd

LAST_LINES = 5
"""How much of the output of an agent that ended well is looked at."""
TAIL_CHARACTERS = 4_000
_MOST_DEPTH = 6
_MOST_VALUES = 200
_STATUS_KEYS = frozenset(
    {"status", "status_code", "statuscode", "http_status", "httpstatus", "api_error_status", "code"}
)
_NAME_KEYS = frozenset({"type", "code", "error", "subtype", "name", "reason", "status", "kind"})
_LONGEST_WAIT = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class _Rules:
    status: Mapping[int, TurnEnd]
    names: Mapping[str, TurnEnd]
    anywhere: Sequence[tuple[re.Pattern[str], TurnEnd]]
    failed: Sequence[tuple[re.Pattern[str], TurnEnd]]


@functools.cache
def _rules() -> _Rules:
    """The data file, read at the first call. Rate limits go before the rest, as in the file."""
    data = tomllib.loads((files("roadmark.executor") / "provider_errors.toml").read_text("utf-8"))
    return _Rules(
        status={code: TurnEnd(end) for end, codes in data["status"].items() for code in codes},
        names={name: TurnEnd(end) for end, names in data["names"].items() for name in names},
        anywhere=[
            (re.compile(p), TurnEnd(end)) for end, patterns in data["anywhere"].items() for p in patterns
        ],
        failed=[(re.compile(p), TurnEnd(end)) for end, patterns in data["failed"].items() for p in patterns],
    )


def classify(
    exit_code: int | None, structured_event: Mapping[str, Any] | None, text_tail: str
) -> TurnEnd | None:
    """What the provider's trouble was; None where none is known of.

    Args:
        exit_code: Of the agent's process; None while it runs.
        structured_event: The agent's own event or protocol answer that says it failed, if any.
        text_tail: The end of what it printed, without colours.
    """
    rules = _rules()
    if structured_event is not None:
        found = _by_code_or_name(structured_event, rules) or _by_text(_texts(structured_event), rules.failed)
        if found is not None:
            return found
    lines = [
        line.strip().casefold()[:500] for line in text_tail[-TAIL_CHARACTERS:].splitlines() if line.strip()
    ]
    if exit_code == 127 or exit_code == 126:
        return TurnEnd.CONFIGURATION
    if exit_code is not None and exit_code != 0:
        return _by_text(lines, rules.anywhere) or _by_text(lines, rules.failed)
    return _by_text(lines[-LAST_LINES:], rules.anywhere)


def retry_at(text: str, now: datetime) -> datetime | None:
    """When a rate limit ends, where the text says so: ``try again in 20s``, ``resets at 11pm``, an epoch.

    Never in the past, and at most eight days away.
    """
    short = text[-TAIL_CHARACTERS:]
    found = _by_epoch(short) or _by_span(short, now) or _by_clock(short, now)
    if found is None or found > now + _LONGEST_WAIT:
        return None
    return max(found, now)


def _by_code_or_name(event: Mapping[str, Any], rules: _Rules) -> TurnEnd | None:
    leaves = list(_leaves(event, 0))[:_MOST_VALUES]
    for key, value in leaves:
        code = _as_code(value)
        if key in _STATUS_KEYS and code in rules.status:
            return rules.status[code]
    for key, value in leaves:
        if key in _NAME_KEYS and isinstance(value, str) and value.casefold() in rules.names:
            return rules.names[value.casefold()]
    return None


def _as_code(value: object) -> int:
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{3}", value) else 0


def _leaves(value: object, depth: int, key: str = "") -> Iterator[tuple[str, object]]:
    """The values of a nested event with the key each stands under."""
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for name, inner in list(value.items())[:_MOST_VALUES]:
            yield from _leaves(inner, depth + 1, str(name).casefold().replace("-", "_"))
    elif isinstance(value, list):
        for inner in value[:_MOST_VALUES]:
            yield from _leaves(inner, depth + 1, key)
    else:
        yield key, value


def _texts(event: Mapping[str, Any]) -> list[str]:
    leaves = [value for _, value in list(_leaves(event, 0))[:_MOST_VALUES] if isinstance(value, str)]
    return [line.casefold()[:500] for text in leaves for line in text[:TAIL_CHARACTERS].splitlines()]


def _by_text(lines: Sequence[str], patterns: Sequence[tuple[re.Pattern[str], TurnEnd]]) -> TurnEnd | None:
    return next((end for pattern, end in patterns for line in lines if pattern.search(line)), None)


_EPOCH = re.compile(r"(?:\||reset\w*\D{0,20})(1[5-9]\d{8})\b")
_SPAN = re.compile(
    r"(?:retry[- _]?after|(?:try|available|retry)(?:ing)? again in|resets? in|retry in)\D{0,12}"
    r"((?:\d{1,6}(?:\.\d{1,6})?\s*(?:days?|d|hours?|hrs?|h|minutes?|mins?|ms|m|seconds?|secs?|s)?[ ,]*)"
    r"{1,4})",
    re.I,
)
_PART = re.compile(
    r"(\d{1,6}(?:\.\d{1,6})?)\s*(days?|d|hours?|hrs?|h|minutes?|mins?|ms|m|seconds?|secs?|s)?", re.I
)
_CLOCK = re.compile(
    r"(?:resets?|again)(?: at)? (\d{1,2})(?::(\d{2}))?\s*(am|pm)?"
    r"(?:\s*\(([A-Za-z_]{2,20}(?:/[A-Za-z_]{2,20})?)\))?",
    re.I,
)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def _by_epoch(text: str) -> datetime | None:
    found = _EPOCH.search(text)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _by_span(text: str, now: datetime) -> datetime | None:
    found = _SPAN.search(text)
    if not found:
        return None
    return now + timedelta(seconds=sum(_seconds(part[1], part[2]) for part in _PART.finditer(found[1])))


def _seconds(number: str, unit: str | None) -> float:
    if unit is not None and unit.casefold() == "ms":
        return float(number) / 1000
    return float(number) * _SECONDS[(unit or "s")[0].casefold()]


def _by_clock(text: str, now: datetime) -> datetime | None:
    found = _CLOCK.search(text)
    if not found or (found[2] is None and found[3] is None):
        return None
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        hour = hour % 12 + (12 if found[3].casefold() == "pm" else 0)
    if hour > 23 or minute > 59:
        return None
    local = now.astimezone(_zone(found[4]))
    at = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return (at if at > local else at + timedelta(days=1)).astimezone(UTC)


def _zone(name: str | None) -> tzinfo | None:
    """The named zone; None is the machine's own."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
