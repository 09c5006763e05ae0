"""Whether an agent could be started: its program, its version, its handshake."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.agents.acp import HANDSHAKE
from roadmark.executor.agents.connection import CallFailed, Connection
from roadmark.executor.agents.preset import Preset, read_preset
from roadmark.executor.config import AgentSettings
from roadmark.executor.workspace.errors import ProcessEnded, ProcessNotStarted
from roadmark.executor.workspace.process import run, spawn
from roadmark.executor.workspace.sandbox import Command, SandboxMode
from roadmark.executor.workspace.terminal_text import clean_line

VERSION_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What was found out about an agent. `detail` says what to do where it is not ready."""

    name: str
    title: str
    is_ready: bool
    detail: str


def probe(settings: AgentSettings, mode: SandboxMode, folder: Path) -> Probed:
    """Try the agent in an existing empty folder; nothing is asked of a model. Raises: PresetUnknown."""
    if settings.kind in ("scaffold", "scripted"):
        return Probed(name=settings.name, title=settings.kind, is_ready=True, detail="built in")
    preset = read_preset(settings.preset or "generic")
    argv = settings.command or preset.new
    program = argv[0] if argv else ""
    if shutil.which(program) is None:
        missing = f"there is no program {program!r}; {preset.install or 'install it or correct the command'}"
        return Probed(name=settings.name, title=preset.title, is_ready=False, detail=missing)
    if "acp" in (settings.kind, preset.kind):
        return _shaken(settings, preset, _command(argv, settings, preset, folder, stdin="pipe"), mode)
    return _versioned(settings, preset, mode, folder)


def _versioned(settings: AgentSettings, preset: Preset, mode: SandboxMode, folder: Path) -> Probed:
    """The program's version, where the preset knows how to ask for it."""
    if not preset.version:
        return Probed(name=settings.name, title=preset.title, is_ready=True, detail="the program is there")
    completed = run(_command(preset.version, settings, preset, folder), mode, timeout_s=VERSION_S)
    lines = [line for line in completed.output.splitlines() if line.strip()]
    said = lines[0][:200] if lines else "it said nothing"
    detail = said if completed.succeeded else f"{' '.join(preset.version)} failed: {said}; {preset.install}"
    return Probed(name=settings.name, title=preset.title, is_ready=completed.succeeded, detail=detail)


def _shaken(settings: AgentSettings, preset: Preset, command: Command, mode: SandboxMode) -> Probed:
    """Whether the agent answers the protocol's first call."""
    try:
        connection = Connection(settings.name, spawn(command, mode))
    except ProcessNotStarted as error:
        return Probed(name=settings.name, title=preset.title, is_ready=False, detail=str(error))
    try:
        answer = connection.call("initialize", HANDSHAKE, lambda _: None)
        info = answer.get("agentInfo")
        version = f" {clean_line(str(info.get('version', '')))[:50]}" if isinstance(info, dict) else ""
        detail, is_ready = f"speaks protocol {answer.get('protocolVersion')!r}{version}", True
    except (CallFailed, ProcessEnded) as error:
        detail, is_ready = f"{error}; {connection.last_error() or preset.install}", False
    finally:
        connection.close(0.0)
    return Probed(name=settings.name, title=preset.title, is_ready=is_ready, detail=detail)


def _command(
    argv: tuple[str, ...], settings: AgentSettings, preset: Preset, folder: Path, *, stdin: str = "null"
) -> Command:
    return Command(
        argv=argv,
        cwd=folder,
        environment={**preset.environment, "HOME": str(folder)},
        pass_through=(*preset.env_pass, *settings.env_pass),
        writable=(folder,),
        readable=tuple(path for path in map(Path, argv) if path.is_absolute() and path.is_file()),
        stdin="pipe" if stdin == "pipe" else "null",
    )
