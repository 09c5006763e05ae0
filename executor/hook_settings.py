"""The hooks that the operator approved: programs that a spec may ask for by name, and never define."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadmark.executor.errors import ConfigurationWrong

HOOK_TIMEOUT_S = 600.0
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KEYS = ("apply", "revert", "verify", "timeout_seconds", "env_pass", "writable")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """What is run when a phase lands, and when it is rolled back. Programs are argument lists, () for none.

    `writable` names the only folders outside the workspace that the sandbox lets it write to.
    """

    name: str
    apply: tuple[str, ...]
    revert: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    timeout_s: float = HOOK_TIMEOUT_S
    env_pass: tuple[str, ...] = ()
    writable: tuple[Path, ...] = ()


def read_hooks(where: str, given: Any, base: Path) -> Mapping[str, HookSettings]:
    """The `[hooks.*]` of a file. Raises: ConfigurationWrong."""
    if not isinstance(given, dict) or not all(isinstance(entry, dict) for entry in given.values()):
        raise ConfigurationWrong(where, "must be tables: [hooks.NAME]")
    return {name: _read_hook(f"{where[:-1]}.{name}]", name, entry, base) for name, entry in given.items()}


def _read_hook(where: str, name: str, entry: Mapping[str, Any], base: Path) -> HookSettings:
    if not _NAME.fullmatch(name):
        raise ConfigurationWrong(where, f"the name {name!r} must be of a-z, 0-9, - and _, at most 40 of them")
    unknown = [key for key in entry if key not in _KEYS]
    if unknown:
        raise ConfigurationWrong(f"{where} {unknown[0]}", f"unknown; known are {', '.join(_KEYS)}")
    apply = _strings(where, entry, "apply")
    if not apply:
        raise ConfigurationWrong(where, 'needs apply = ["PROGRAM", "ARGUMENT", ...]')
    return HookSettings(
        name=name,
        apply=apply,
        revert=_strings(where, entry, "revert"),
        verify=_strings(where, entry, "verify"),
        timeout_s=_seconds(where, entry),
        env_pass=_strings(where, entry, "env_pass"),
        writable=tuple(base / Path(path).expanduser() for path in _strings(where, entry, "writable")),
    )


def _strings(where: str, entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, str) and "\0" not in part for part in value):
        raise ConfigurationWrong(f"{where} {key}", "must be a list of strings")
    return tuple(value)


def _seconds(where: str, entry: Mapping[str, Any]) -> float:
    value = entry.get("timeout_seconds", HOOK_TIMEOUT_S)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise ConfigurationWrong(f"{where} timeout_seconds", "must be a number of seconds, at most a day")
    return float(value)
