"""What an agent may do without a person: whatever stays inside its workspace; the rest is refused."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_PATH_KEYS = frozenset(
    {"path", "file_path", "filepath", "abs_path", "absolute_path", "notebook_path", "directory", "dir", "cwd"}
)
_MOST_PATHS = 200
_MOST_DEPTH = 5
REFUSED = ""
"""The answer where an agent offers no option to say no: its request is cancelled."""


def safest_option(tool_call: Mapping[str, Any], options: Sequence[Mapping[str, Any]], workspace: Path) -> str:
    """The id of the option that our policy chooses.

    Every path that the call names must lie in the workspace, links followed, and not in git's folder. A call
    that names none (a command to run) is allowed: what it can reach is the sandbox's business.
    """
    allowed = all(_inside(path, workspace) for path in _paths(tool_call))
    kinds = ("allow_once", "allow_always") if allowed else ("reject_once", "reject_always")
    for kind in kinds:
        for option in options:
            if option.get("kind") == kind and isinstance(option.get("optionId"), str):
                return str(option["optionId"])
    return REFUSED


def _inside(path: str, workspace: Path) -> bool:
    """Whether the path, relative to the workspace or absolute, stays in it and out of `.git`."""
    try:
        real = Path(os.path.realpath(workspace / path))
        parts = real.relative_to(os.path.realpath(workspace)).parts
    except (ValueError, OSError):
        return False
    return not any(part.casefold() == ".git" for part in parts)


def _paths(tool_call: Mapping[str, Any]) -> list[str]:
    """The paths that a tool call names, in its locations, its diffs and its raw input."""
    places = [tool_call.get("locations"), tool_call.get("rawInput"), tool_call.get("content")]
    found: list[str] = []
    for path in (path for place in places for path in _named(place, 0)):
        found.append(path)
        if len(found) > _MOST_PATHS:
            return ["/"]  # more than anybody could look at: refused
    return found


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
