"""An agent's output, line by line, into events: JSON lines by a preset's rules, or plain text."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roadmark.executor.agents.base import (
    AgentEvent,
    Log,
    Retrying,
    TextDelta,
    Thought,
    ToolStart,
    ToolUpdate,
    Usage,
)
from roadmark.executor.agents.preset import Rule
from roadmark.executor.workspace.terminal_text import clean_line

MOST_TITLE = 300
_MOST_ENTRIES = 1000


@dataclass(frozen=True, slots=True)
class Named:
    """The agent told the name of its chat."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The agent's own event says that its turn failed."""

    event: Mapping[str, Any]
    detail: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The agent's own event says that its turn is over."""


Heard = AgentEvent | Named | Failed | Finished


def plain_line(text: str) -> list[Heard]:
    """A line of plain output is something the agent says."""
    return [TextDelta(clean_line(text) + "\n")]


def json_line(text: str, rules: Sequence[Rule]) -> list[Heard]:
    """What a line of JSON means by the rules; a line that is no JSON object goes into the log."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        return [Log("stdout", clean_line(text))] if text.strip() else []
    return [heard for rule in rules if _fits(event, rule.on) for heard in _applied(event, rule)]


def _applied(event: Mapping[str, Any], rule: Rule) -> Iterator[Heard]:
    if rule.each is None:
        yield from _emitted(event, event, rule)
        return
    entries = at(event, rule.each)
    for entry in entries[:_MOST_ENTRIES] if isinstance(entries, list) else []:
        if isinstance(entry, dict) and _fits(entry, rule.where):
            yield from _emitted(event, entry, rule)


def _emitted(event: Mapping[str, Any], entry: Mapping[str, Any], rule: Rule) -> Iterator[Heard]:
    """What one rule makes of an entry."""
    text = _text(entry, rule.text)
    match rule.emit:
        case "text":
            yield TextDelta(text + "\n")
        case "thought":
            yield Thought(text)
        case "tool":
            yield ToolStart(_text(entry, rule.id)[:MOST_TITLE], text[:MOST_TITLE])
        case "tool_update":
            yield ToolUpdate(_text(entry, rule.id)[:MOST_TITLE], "", text[:MOST_TITLE])
        case "session" if rule.id is not None and _text(entry, rule.id):
            yield Named(_text(entry, rule.id)[:200])
        case "usage":
            yield Usage(
                tokens_in=_whole(entry, rule.tokens_in),
                tokens_out=_whole(entry, rule.tokens_out),
                cost_usd=_number(entry, rule.cost_usd),
            )
        case "retrying":
            yield Retrying(text[:MOST_TITLE])
        case "failed":
            yield Failed(event, text[:MOST_TITLE])
        case "finished":
            yield Finished()


def at(value: object, path: str) -> object:
    """The value at a dotted path; None where the path leads nowhere."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _fits(event: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(at(event, path) == value for path, value in wanted.items())


def _text(entry: Mapping[str, Any], path: str | None) -> str:
    found = at(entry, path) if path is not None else None
    return "\n".join(clean_line(line) for line in found.split("\n")) if isinstance(found, str) else ""


def _number(entry: Mapping[str, Any], path: str | None) -> float | None:
    found = at(entry, path) if path is not None else None
    usable = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1e15
    return float(found) if usable and isinstance(found, int | float) else None


def _whole(entry: Mapping[str, Any], path: str | None) -> int | None:
    found = _number(entry, path)
    return None if found is None else int(found)
