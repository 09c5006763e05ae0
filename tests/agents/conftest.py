"""A brief in a folder of its own, and a way to listen to a session."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from roadmark.executor.agents.base import AgentEvent, AgentSession, Brief, ProcessExited, TurnEnded
from roadmark.executor.model import TaskFile
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.sandbox import SandboxMode, probe_sandbox

MakeBrief = Callable[..., Brief]
Listen = Callable[[AgentSession], list[AgentEvent]]


class MakeFile(Protocol):
    def __call__(self, path: str, action: str = "create", purpose: str = "") -> TaskFile: ...


@pytest.fixture
def make_file() -> MakeFile:
    def make(path: str, action: str = "create", purpose: str = "") -> TaskFile:
        return TaskFile(
            task_id="t",
            action=action,
            path=path,
            to_path=None,
            purpose=purpose,
            line=1,
            phase=1,
            required=True,
        )

    return make


@pytest.fixture
def make_brief(tmp_path: Path) -> MakeBrief:
    state = tmp_path / "state"
    workspace, home, repository = state / "workspaces" / "m", state / "homes" / "m", tmp_path / "repo"
    for folder in (workspace, home, repository):
        folder.mkdir(parents=True)

    def make(**changes: Any) -> Brief:
        values: dict[str, Any] = {
            "workspace": workspace,
            "home": home,
            "place": Place(repository=repository, state_dir=state, migration="m"),
            "spec_title": "Sample Setup",
            "phase": 1,
            "phase_name": "Core",
            "attempt": 1,
            "items": ("Write the core", "Test the core"),
            "environment": {"ROADMARK_MIGRATION": "m", "ROADMARK_PHASE": "1", "ROADMARK_ATTEMPT": "1"},
            "log_folder": state / "logs" / "m",
        }
        return Brief(**(values | changes))

    return make


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Everything a session says up to the end of its turn; the session is closed in the end."""
    sessions: list[AgentSession] = []

    def listening(session: AgentSession) -> list[AgentEvent]:
        sessions.append(session)
        heard: list[AgentEvent] = []
        for _ in range(120):
            event = session.next_event(0.25)
            if event is not None:
                heard.append(event)
            if isinstance(event, TurnEnded | ProcessExited):
                return heard
        raise AssertionError(f"the turn did not end: {heard[-5:]}")

    yield listening
    for session in sessions:
        session.close()


@pytest.fixture(params=list(SandboxMode))
def mode(request: pytest.FixtureRequest) -> SandboxMode:
    """Each way of containing a process that this machine can do."""
    wanted: SandboxMode = request.param
    probe = probe_sandbox(wanted)
    if probe.kind is not wanted:
        pytest.skip(f"needs {wanted}: {probe.detail}")
    return wanted
