"""Presets: how a known agent is started, follows up, streams and ends. Data files in ``presets/``."""

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

from roadmark.executor.errors import RoadmarkError

Prompting = Literal["stdin", "file"]
Output = Literal["jsonl", "plain"]
Kind = Literal["command", "acp"]


class PresetUnknown(RoadmarkError):
    """There is no preset of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"there is no preset {name!r}; known are {', '.join(preset_names())}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the map from a tool's JSON events to ours. Paths are dotted keys.

    `on` says which events fit, `each` names a list within, `where` picks its entries, `emit` is the result.
    """

    on: Mapping[str, Any]
    emit: str
    each: str | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None
    id: str | None = None
    tokens_in: str | None = None
    tokens_out: str | None = None
    cost_usd: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How one agent is driven. Arguments may hold {prompt_file}, {workspace}, {session}.

    `{report_program}`, `{report_arguments}` and `{report_config}` are JSON and start the `report_phase` tool.
    """

    name: str
    title: str
    kind: Kind = "command"
    program: str = ""
    new: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    prompt: Prompting = "file"
    output: Output = "plain"
    env_pass: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    sign_in: tuple[str, ...] = ()
    """Files below the person's home by which the agent is signed in; linked into the agent's own home."""
    version: tuple[str, ...] = ()
    install: str = ""
    rules: tuple[Rule, ...] = ()


def preset_names() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    return tuple(sorted(_documents()))


@functools.cache
def read_preset(name: str) -> Preset:
    """The preset of this name. Raises: PresetUnknown."""
    document = _documents().get(name)
    if document is None:
        raise PresetUnknown(name)
    values = {key: _frozen(value) for key, value in tomllib.loads(document).items() if key != "rule"}
    rules = tuple(Rule(**rule) for rule in tomllib.loads(document).get("rule", []))
    return Preset(name=name, rules=rules, **values)


@functools.cache
def _documents() -> Mapping[str, str]:
    folder = files("roadmark.executor.agents") / "presets"
    return {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
