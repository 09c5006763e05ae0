"""Whether an agent could be started is found out without asking a model."""

import sys
from pathlib import Path

import pytest
from roadmark.executor.agents import connection
from roadmark.executor.agents.probe import Probed, probe
from roadmark.executor.config import AgentSettings
from roadmark.executor.workspace.sandbox import SandboxMode

FAKE = Path(__file__).parent / "fake_acp.py"


def _program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def test_the_built_in_agents_are_ready(folder: Path) -> None:
    found = probe(AgentSettings(name="s", kind="scaffold"), SandboxMode.GUARD, folder)
    assert found == Probed(name="s", title="scaffold", is_ready=True, detail="built in")


def test_a_missing_program_is_told_with_the_way_to_install_it(folder: Path) -> None:
    found = probe(AgentSettings(name="c", kind="command", preset="claude"), SandboxMode.GUARD, folder)
    assert not found.is_ready
    assert "npm install" in found.detail
    assert not probe(AgentSettings(name="c", kind="command"), SandboxMode.GUARD, folder).is_ready


def test_a_program_tells_its_version(folder: Path, tmp_path: Path) -> None:
    _program(tmp_path / "bin", "codex", "echo 'codex 1.2.3'; echo more")
    found = probe(AgentSettings(name="c", kind="command", preset="codex"), SandboxMode.GUARD, folder)
    assert found == Probed(name="c", title="Codex CLI", is_ready=True, detail="codex 1.2.3")
    _program(tmp_path / "bin", "codex", "exit 3")
    found = probe(AgentSettings(name="c", kind="command", preset="codex"), SandboxMode.GUARD, folder)
    assert not found.is_ready
    assert "it said nothing" in found.detail
    _program(tmp_path / "bin", "mine", "exit 3")
    found = probe(AgentSettings(name="m", kind="command", command=("mine",)), SandboxMode.GUARD, folder)
    assert (found.is_ready, found.detail) == (True, "the program is there")


def test_an_agent_of_the_protocol_shakes_hands(
    mode: SandboxMode, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probed(how: str) -> Probed:
        command = (sys.executable, str(FAKE), how)
        return probe(AgentSettings(name="f", kind="acp", command=command), mode, folder)

    assert probed("") == Probed(name="f", title="command", is_ready=True, detail="speaks protocol 1")
    assert "no such model" in probed("dies").detail
    monkeypatch.setattr(connection, "CALL_S", 0.3)
    assert "did not answer" in probed("mute").detail
