"""The agents that can be chosen by name, and the sessions that are made of them."""

from collections.abc import Mapping

from roadmark.executor.agents.acp import AcpAgent
from roadmark.executor.agents.base import AgentSession, AgentUnavailable, Brief
from roadmark.executor.agents.command import CommandAgent, Launch
from roadmark.executor.agents.preset import read_preset
from roadmark.executor.agents.scaffold import ScaffoldAgent
from roadmark.executor.agents.scripted import ScriptedAgent
from roadmark.executor.config import AgentSettings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.workspace.sandbox import SandboxProbe

KINDS = ("scaffold", "command", "acp", "scripted")


class AgentUnknown(RoadmarkError):
    """No agent of this name is configured."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        super().__init__(
            f"there is no agent {name!r}; known are {', '.join(known)}; add [agents.{name}] to roadmark.toml"
        )


class HandlerRegistry:
    """The configured agents by name."""

    def __init__(self, agents: Mapping[str, AgentSettings]) -> None:
        self._agents = dict(agents)

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._agents))

    def settings(self, name: str) -> AgentSettings:
        """The settings of an agent. Raises: AgentUnknown."""
        if name not in self._agents:
            raise AgentUnknown(name, self.names())
        return self._agents[name]


class HandlerFactory:
    """Makes a session from the configuration of its agent."""

    def __init__(
        self, registry: HandlerRegistry, sandbox: SandboxProbe, memory_limit_bytes: int | None = None
    ) -> None:
        self._registry, self._sandbox = registry, sandbox
        self._memory_limit_bytes = memory_limit_bytes or None

    def make(self, name: str, brief: Brief) -> AgentSession:
        """A session that is not started yet. Raises: AgentUnknown, AgentUnavailable, PresetUnknown."""
        settings = self._registry.settings(name)
        match settings.kind:
            case "scaffold":
                return ScaffoldAgent(brief)
            case "scripted":
                return ScriptedAgent(brief, settings.options)
            case "command" | "acp":
                return self._process(self._launch(settings), brief)
            case kind:
                raise AgentUnavailable(name, f"its kind {kind!r} is none of {', '.join(KINDS)}")

    def _process(self, launch: Launch, brief: Brief) -> AgentSession:
        """A session with a process; a preset knows what its program speaks."""
        if "acp" in (launch.settings.kind, launch.preset.kind):
            return AcpAgent(launch, brief)
        return CommandAgent(launch, brief)

    def _launch(self, settings: AgentSettings) -> Launch:
        return Launch(
            settings=settings,
            preset=read_preset(settings.preset or "generic"),
            mode=self._sandbox.kind,
            memory_limit_bytes=self._memory_limit_bytes,
        )
