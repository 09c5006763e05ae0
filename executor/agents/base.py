"""What an agent session is to the worker: events come out, a prompt and answers go in.

Sessions are synchronous and belong to one worker thread; only `cancel` may be called from another one. That a
turn has ended is an event and not a return value, because that is where the protocols are going.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from roadmark.executor.errors import RoadmarkError
from roadmark.executor.model import TaskFile
from roadmark.executor.verdict import Reported, ReportStatus, TurnEnd
from roadmark.executor.workspace.place import Place

__all__ = [
    "AgentEvent",
    "AgentSession",
    "AgentUnavailable",
    "Brief",
    "Log",
    "PermissionAsked",
    "Plan",
    "ProcessExited",
    "ReportStatus",
    "Reported",
    "Retrying",
    "TextDelta",
    "Thought",
    "ToolStart",
    "ToolUpdate",
    "TurnEnd",
    "TurnEnded",
    "Usage",
]


class AgentUnavailable(RoadmarkError):
    """The agent could not be started; the message says what is missing and what to do."""

    def __init__(self, agent: str, why: str) -> None:
        self.agent, self.why = agent, why
        super().__init__(f"agent {agent!r} cannot be started: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a session may know about its work. `items` are the open boxes of the phase."""

    workspace: Path
    home: Path
    place: Place
    spec_title: str
    phase: int
    phase_name: str
    attempt: int
    items: tuple[str, ...] = ()
    files: tuple[TaskFile, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    protected_paths: tuple[str, ...] = ()
    log_folder: Path
    resume_session_id: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Something the agent says; after a tool call a new message begins."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """Something the agent thinks aloud; never a claim."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStart:
    """The agent begins to use a tool."""

    tool_id: str
    title: str


@dataclass(frozen=True, slots=True)
class ToolUpdate:
    """How the use of a tool goes on: `status` as the agent words it."""

    tool_id: str
    title: str
    status: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The agent's own list of steps, each as `status: text`."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionAsked:
    """The agent waits for an answer. `safest_option` is what our policy answers at once.

    `outside`: paths beyond the workspace, for which a person is asked after the turn.
    """

    permission_id: str
    title: str
    options: tuple[str, ...]
    safest_option: str
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the session cost so far, as far as the agent tells."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    """The agent tries its provider again by itself."""

    detail: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over. `retry_at`: when a rate limit ends, where the agent says so."""

    end: TurnEnd
    detail: str = ""
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """The agent's process is gone before its turn had ended."""

    detail: str


@dataclass(frozen=True, slots=True)
class Log:
    """A line that belongs in the log and nowhere else; `stream` says where it comes from."""

    stream: str
    text: str


AgentEvent = (
    TextDelta
    | Thought
    | ToolStart
    | ToolUpdate
    | Plan
    | PermissionAsked
    | Usage
    | Retrying
    | TurnEnded
    | Reported
    | ProcessExited
    | Log
)


class AgentSession(Protocol):
    """One chat with an agent, for one attempt."""

    session_id: str | None
    """The agent's own name of the chat, by which it can be loaded again."""
    peak_memory_bytes: int | None

    def start(self) -> None:
        """Start the agent. Raises: AgentUnavailable."""

    def prompt(self, text: str, nonce: str) -> None:
        """Begin a turn. The nonce is what a report must carry."""

    def next_event(self, timeout_s: float) -> AgentEvent | None:
        """The next event; None when none came in time."""

    def answer(self, permission_id: str, option: str) -> None:
        """Answer a PermissionAsked."""

    def cancel(self) -> None:
        """Ask the agent to stop its turn."""

    def close(self) -> None:
        """End it; afterwards nothing of it is alive. May be called twice, and without a start."""
