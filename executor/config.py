"""Settings, from where a person puts them: flag > ROADMARK_* > roadmark.toml > [tool.roadmark] > default."""

import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.hook_settings import HookSettings, read_hooks
from roadmark.executor.log_lines import FORMATS
from roadmark.executor.outside import (
    NotifySettings,
    OidcSettings,
    ReplySettings,
    WebhookSettings,
    read_notify,
    read_oidc,
    read_replies,
    read_webhooks,
)

LEVELS = ("manual", "assisted", "semi_auto", "full_auto")
"""Automation levels, from the most to the least confirmation."""

ON_FAILURE = ("ask", "phase", "start")
"""What a critical failure triggers: a question, or a rollback of the phase or of all."""

DEFAULT_KEYWORDS = ("done", "fertig", "complete")
"""What confirms where a spec names no words of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """An agent that can be chosen by name. `command` may hold {prompt_file}, {workspace}, {session}."""

    name: str
    kind: str
    command: tuple[str, ...] = ()
    preset: str | None = None
    env_pass: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. Paths are absolute, times in seconds, memory in bytes."""

    specs: Path
    repo: Path
    state_dir: Path
    database_url: str = field(default="", repr=False)
    project: str = "default"
    host: str = "127.0.0.1"
    port: int = 8484
    allowed_hosts: tuple[str, ...] = ()
    log_format: str = "text"
    retention_days: int = 0
    otlp_endpoint: str = ""
    engine: str = "embedded"
    agent: str = "scaffold"
    agents: Mapping[str, AgentSettings] = field(default_factory=dict)
    slots: int = 0
    automation_level: str = "full_auto"
    max_attempts: int = 10
    timeout_s: int = 86_400
    idle_timeout_s: int = 600
    wait_s: int = 14_400
    remind_s: tuple[int, ...] = (3_600,)
    retry_delay_s: float = 2.0
    lease_s: float = 15.0
    host_labels: tuple[str, ...] = ()
    memory_limit_bytes: int = 0
    sandbox: str = "auto"
    protected_branches: tuple[str, ...] = ("main", "master")
    protected_paths: tuple[str, ...] = ()
    verify: tuple[tuple[str, ...], ...] = ()
    on_failure: str = "ask"
    push_remote: str = ""
    git_remote: str = field(default="", repr=False)
    active_hours: str = ""
    attempts_per_migration: int = 0
    attempts_per_task: int = 0
    attempts_per_day: int = 0
    tokens_per_migration: int = 0
    tokens_per_task: int = 0
    tokens_per_day: int = 0
    cost_usd_per_migration: float = 0.0
    cost_usd_per_task: float = 0.0
    cost_usd_per_day: float = 0.0
    public_url: str = ""
    webhooks: tuple[WebhookSettings, ...] = ()
    replies: Mapping[str, ReplySettings] = field(default_factory=dict)
    hooks: Mapping[str, HookSettings] = field(default_factory=dict)
    notify: tuple[NotifySettings, ...] = ()
    oidc: OidcSettings | None = None

    def address(self) -> str:
        """Where people reach the pages, for links that leave the machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"

    def slot_count(self) -> int:
        """Agents at once: as set, else min(4 x cores, 60 % of the memory / 400 MB), at least one."""
        if self.slots > 0:
            return self.slots
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return max(1, min(4 * (os.cpu_count() or 1), int(memory * 0.6 / 400e6)))


_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "service": {
        "specs": "specs",
        "repo": "repo",
        "state_dir": "state_dir",
        "project": "project",
        "host": "host",
        "port": "port",
        "allowed_hosts": "allowed_hosts",
        "log_format": "log_format",
        "retention_days": "retention_days",
        "public_url": "public_url",
    },
    "database": {"url": "database_url"},
    "run": {
        "engine": "engine",
        "agent": "agent",
        "slots": "slots",
        "automation_level": "automation_level",
        "max_attempts": "max_attempts",
        "timeout_seconds": "timeout_s",
        "idle_timeout_seconds": "idle_timeout_s",
        "wait_seconds": "wait_s",
        "remind_seconds": "remind_s",
        "retry_delay_seconds": "retry_delay_s",
        "lease_seconds": "lease_s",
        "host_labels": "host_labels",
        "memory_limit_bytes": "memory_limit_bytes",
        "sandbox": "sandbox",
        "verify": "verify",
        "active_hours": "active_hours",
    },
    "telemetry": {"otlp_endpoint": "otlp_endpoint"},
    "policy": {"protected_branches": "protected_branches", "protected_paths": "protected_paths"},
    "rollback": {"on_failure": "on_failure"},
    "git": {"push": "push_remote", "remote": "git_remote"},
    "limits": {
        "attempts_per_migration": "attempts_per_migration",
        "attempts_per_task": "attempts_per_task",
        "attempts_per_day": "attempts_per_day",
        "tokens_per_migration": "tokens_per_migration",
        "tokens_per_task": "tokens_per_task",
        "tokens_per_day": "tokens_per_day",
        "cost_usd_per_migration": "cost_usd_per_migration",
        "cost_usd_per_task": "cost_usd_per_task",
        "cost_usd_per_day": "cost_usd_per_day",
    },
}
"""For each table of roadmark.toml: its keys and the settings that they fill."""

_OUTSIDE: Mapping[str, Callable[[str, Any, Path], object]] = {
    "webhooks": read_webhooks,
    "replies": read_replies,
    "hooks": read_hooks,
    "notify": read_notify,
    "oidc": read_oidc,
}
"""Tables with a reader of their own; each fills the setting of its name."""

_ACTIVE_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_ADDRESS = re.compile(r"(https?|ssh|file)://.+|/.+|[\w@.][\w@.-]*:(?!//|:).+")
_PATHS = frozenset({"specs", "repo", "state_dir"})
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "engine": ("embedded", "distributed"),
    "automation_level": LEVELS,
    "log_format": FORMATS,
    "on_failure": ON_FAILURE,
    "sandbox": ("auto", "bubblewrap", "guard"),
}


def load_settings(
    folder: Path, environment: Mapping[str, str], flags: Mapping[str, object | None]
) -> Settings:
    """The settings that hold in `folder`. Raises: ConfigurationWrong, naming the place and the way out."""
    found: dict[str, Any] = {}
    agents: dict[str, AgentSettings] = {}
    for where, table, base in _documents(folder):
        values, named = _read_table(where, table, base)
        found |= values
        agents |= named
    found |= _from_environment(environment)
    found |= {name: value for name, value in flags.items() if value is not None}
    for name in _PATHS & found.keys():
        found[name] = Path(found[name]).expanduser().absolute()
    found.setdefault("repo", folder.absolute())
    found.setdefault("specs", folder.absolute() / "specs")
    found.setdefault("state_dir", _default_state_dir(environment, found["repo"]))
    settings = Settings(**found)
    if settings.active_hours and not _ACTIVE_HOURS.fullmatch(settings.active_hours):
        raise ConfigurationWrong("[run] active_hours", 'must be as "22:00-06:00", in the machine\'s own time')
    if settings.git_remote and not _ADDRESS.fullmatch(settings.git_remote):
        raise ConfigurationWrong(
            "[git] remote", "must be an address: https://..., ssh://..., user@host:path or /an/absolute/path"
        )
    return replace(settings, agents=_with_built_in(agents))


def _documents(folder: Path) -> list[tuple[str, Mapping[str, Any], Path]]:
    """What the files say, the weaker first."""
    documents: list[tuple[str, Mapping[str, Any], Path]] = []
    pyproject = folder / "pyproject.toml"
    if pyproject.is_file():
        table = _read_toml(pyproject).get("tool", {}).get("roadmark")
        if table is not None:
            documents.append((f"{pyproject} [tool.roadmark]", table, folder))
    own = folder / "roadmark.toml"
    if own.is_file():
        documents.append((str(own), _read_toml(own), folder))
    return documents


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationWrong(str(path), f"is not valid TOML: {error}") from error


def _read_table(
    where: str, table: Mapping[str, Any], base: Path
) -> tuple[dict[str, Any], dict[str, AgentSettings]]:
    values: dict[str, Any] = {}
    for section, entries in table.items():
        if section == "agents":
            continue
        if section in _OUTSIDE:
            values[section] = _OUTSIDE[section](f"{where} [{section}]", entries, base)
            continue
        known = _SECTIONS.get(section)
        if known is None or not isinstance(entries, dict):
            raise ConfigurationWrong(
                f"{where} [{section}]", f"unknown; known are {_listed([*_SECTIONS, 'agents', *_OUTSIDE])}"
            )
        for key, value in entries.items():
            if key not in known:
                raise ConfigurationWrong(f"{where} [{section}] {key}", f"unknown; known are {_listed(known)}")
            values[known[key]] = _checked(f"{where} [{section}] {key}", known[key], value, base)
    agents = {
        name: _read_agent(f"{where} [agents.{name}]", name, entry)
        for name, entry in table.get("agents", {}).items()
    }
    return values, agents


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for known in _SECTIONS.values():
        for setting in known.values():
            variable = f"ROADMARK_{setting.upper()}"
            if variable in environment and setting != "verify":
                values[setting] = _checked(variable, setting, environment[variable], Path.cwd())
    return values


def _checked(where: str, setting: str, value: Any, base: Path) -> Any:
    """The value in the type of its setting."""
    default = Settings.__dataclass_fields__[setting].default
    if setting in _PATHS:
        return base / Path(str(value)).expanduser()
    if setting in _CHOICES and value not in _CHOICES[setting]:
        raise ConfigurationWrong(where, f"{value!r} is not one of {_listed(_CHOICES[setting])}")
    if setting == "verify":
        return _argument_lists(where, value)
    if setting == "remind_s":
        return _whole_numbers(where, value)
    if isinstance(default, tuple):
        return tuple(value.split(",")) if isinstance(value, str) else _strings(where, value)
    if isinstance(default, int | float):
        return _number(where, value, type(default))
    return str(value)


def _number(where: str, value: Any, kind: type[int] | type[float]) -> int | float:
    if isinstance(value, bool):
        raise ConfigurationWrong(where, f"{value!r} is not a number")
    try:
        number = kind(value)
    except (TypeError, ValueError) as error:
        raise ConfigurationWrong(where, f"{value!r} is not a number") from error
    if number < 0:
        raise ConfigurationWrong(where, f"{value!r} is below zero")
    return number


def _whole_numbers(where: str, value: Any) -> tuple[int, ...]:
    """A list of them; in a variable of the environment they have commas between them."""
    parts = [part for part in value.split(",") if part] if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise ConfigurationWrong(where, "must be a list of whole numbers")
    return tuple(int(_number(where, part, int)) for part in parts)


def _strings(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ConfigurationWrong(where, "must be a list of strings")
    return tuple(value)


def _argument_lists(where: str, value: Any) -> tuple[tuple[str, ...], ...]:
    if not isinstance(value, list):
        raise ConfigurationWrong(where, 'must be a list of argument lists, for example [["pytest", "-q"]]')
    return tuple(_strings(where, entry) for entry in value)


def _read_agent(where: str, name: str, entry: Mapping[str, Any]) -> AgentSettings:
    known = {"kind", "command", "preset", "env_pass"}
    command = _strings(f"{where} command", entry.get("command", []))
    preset = entry.get("preset")
    kind = str(entry.get("kind", "command" if command or preset else ""))
    if not kind:
        raise ConfigurationWrong(where, "needs a command = [...] , a preset or a kind")
    return AgentSettings(
        name=name,
        kind=kind,
        command=command,
        preset=preset,
        env_pass=_strings(f"{where} env_pass", entry.get("env_pass", [])),
        options={key: value for key, value in entry.items() if key not in known},
    )


def _with_built_in(agents: Mapping[str, AgentSettings]) -> dict[str, AgentSettings]:
    """The person's agents and the one that needs no account."""
    return {"scaffold": AgentSettings(name="scaffold", kind="scaffold"), **agents}


def _default_state_dir(environment: Mapping[str, str], repo: Path) -> Path:
    """Outside the repository: under the person's state home, one folder a repository."""
    home = Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    digest = hashlib.sha256(os.fsencode(repo)).hexdigest()[:8]
    return home / "roadmark" / f"{repo.name}-{digest}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
