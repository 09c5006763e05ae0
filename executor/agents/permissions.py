"""What an agent may do when it asks: freely in its workspace, outside what a person says; some never."""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

_PATH_KEYS = frozenset(
    {"path", "file_path", "filepath", "abs_path", "absolute_path", "notebook_path", "directory", "dir", "cwd"}
)
_MOST_PATHS = 200
_MOST_DEPTH = 5
REFUSED = ""
"""The answer where an agent offers no option to say no: its request is cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Where an agent may work, and what it may not touch even if a person would let it."""

    workspace: Path
    home: Path
    """The agent's own, made for it."""
    protected_paths: tuple[str, ...] = ()
    """Patterns relative to the workspace, by the operator's policy."""
    closed: tuple[Path, ...] = ()
    """Folders outside it that are never opened: our own state, the person's own tree."""


class Ruling(StrEnum):
    """What becomes of a request for permission."""

    ALLOW = "allow"
    """All of it lies in the workspace."""
    ASK = "ask"
    """Some of it lies outside: refused for now, and a person is asked when the turn is over."""
    DENY = "deny"
    """Some of it is protected; nobody is asked."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A ruling, and the paths for which a person is asked."""

    ruling: Ruling
    outside: tuple[str, ...] = ()


def judge(tool_call: Mapping[str, Any], grounds: Grounds) -> Judged:
    """Rule on a tool call by the paths that it names, links followed.

    A call that names none (a command to run) is allowed: what it can reach is the sandbox's business.
    """
    paths = _paths(tool_call)
    rulings = [_rule(path, grounds) for path in paths]
    if len(paths) > _MOST_PATHS or Ruling.DENY in rulings:
        return Judged(Ruling.DENY)
    outside = [path for path, ruling in zip(paths, rulings, strict=True) if ruling is Ruling.ASK]
    return Judged(Ruling.ASK if outside else Ruling.ALLOW, tuple(dict.fromkeys(outside)))


def option_for(ruling: Ruling, options: Sequence[Mapping[str, Any]]) -> str:
    """The id of the option that carries the ruling out, the one that binds least first."""
    is_allowed = ruling is Ruling.ALLOW
    for kind in ("allow_once", "allow_always") if is_allowed else ("reject_once", "reject_always"):
        for option in options:
            if option.get("kind") == kind and isinstance(option.get("optionId"), str):
                return str(option["optionId"])
    return REFUSED


def _rule(path: str, grounds: Grounds) -> Ruling:
    try:
        real = Path(os.path.realpath(grounds.workspace / path))
    except (ValueError, OSError):
        return Ruling.DENY  # no path at all
    workspace = os.path.realpath(grounds.workspace)
    if real.is_relative_to(workspace):
        return _rule_inside(real.relative_to(workspace), grounds.protected_paths)
    if _is_git(real):
        return Ruling.DENY
    if real.is_relative_to(os.path.realpath(grounds.home)):
        return Ruling.ALLOW
    is_closed = any(real.is_relative_to(os.path.realpath(folder)) for folder in grounds.closed)
    return Ruling.DENY if is_closed else Ruling.ASK


def _rule_inside(path: Path, protected: Sequence[str]) -> Ruling:
    is_protected = any(fnmatch(str(path), pattern) for pattern in protected)
    return Ruling.DENY if is_protected or _is_git(path) else Ruling.ALLOW


def _is_git(path: Path) -> bool:
    return any(part.casefold() == ".git" for part in path.parts)


def _paths(tool_call: Mapping[str, Any]) -> list[str]:
    """The paths that a tool call names, in its locations, its diffs and its raw input."""
    places = [tool_call.get("locations"), tool_call.get("rawInput"), tool_call.get("content")]
    return list(itertools.islice((path for place in places for path in _named(place, 0)), _MOST_PATHS + 1))


def _named(value: object, depth: int) -> Iterator[str]:
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str) and str(key).casefold().replace("-", "_") in _PATH_KEYS:
                yield inner.removeprefix("file://")
            else:
                yield from _named(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, depth + 1)
