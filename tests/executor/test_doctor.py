"""What doctor says about the agents: found out by trying them, without asking a model."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from roadmark.cli.main import main
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.doctor import Check, Health, examine, examine_agents
from roadmark.executor.outside import WebhookSettings
from roadmark.executor.secret_source import SecretSource

FAKE = Path(__file__).parent.parent / "agents" / "fake_acp.py"


def agent(name: str, *command: str, kind: str = "command", preset: str | None = None) -> AgentSettings:
    return AgentSettings(name=name, kind=kind, command=command, preset=preset)


@pytest.fixture
def examined(settings: Settings):
    def examining(*agents: AgentSettings):
        chosen = replace(settings, agent=agents[0].name, agents={one.name: one for one in agents})
        return {check.name: check for check in examine_agents(chosen)}

    return examining


def test_each_agent_is_tried(examined) -> None:
    found = examined(
        agent("built", kind="scaffold"),
        agent("speaks", sys.executable, str(FAKE), "polite", kind="acp"),
        agent("dies", sys.executable, str(FAKE), "dies", kind="acp"),
        agent("gone", "/no/such/program"),
        agent("odd", preset="cloud"),
    )
    assert found["agent built"].health is Health.GOOD
    assert "speaks protocol 1" in found["agent speaks"].detail
    assert (found["agent dies"].health, "no such model" in found["agent dies"].detail) == (Health.BAD, True)
    assert found["agent gone"].health is Health.BAD
    assert "known are" in found["agent odd"].detail
    assert all(check.advice for check in found.values() if check.health is Health.BAD)


def test_a_default_agent_that_is_not_configured_is_named(settings: Settings) -> None:
    checks = examine(replace(settings, agent="nobody"))
    assert (
        next(check for check in checks if check.name == "agent").advice
        == "add [agents.nobody] to roadmark.toml"
    )


def test_the_command_line_probes_and_tells_by_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    where = ["agents", "probe", "--state-dir", str(tmp_path / "state"), "--repo", str(tmp_path)]
    speaks = f"[agents.fake]\nkind = 'acp'\ncommand = ['{sys.executable}', '{FAKE}', 'polite']\n"
    Path("roadmark.toml").write_text(speaks)
    good = CliRunner().invoke(main, where)
    assert (good.exit_code, "speaks protocol 1" in good.output) == (0, True), good.output
    Path("roadmark.toml").write_text(speaks.replace("polite", "dies"))
    bad = CliRunner().invoke(main, where)
    assert (bad.exit_code, "no such model" in bad.output) == (1, True), bad.output


def test_a_secret_that_is_not_there_is_named_before_it_is_needed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SecretSource(where="[[webhooks]] chat", variable="SECRET_OF_CHAT")
    hook = WebhookSettings(name="chat", url="https://example.org/", secret=source)
    configured = replace(settings, webhooks=(hook,))

    def found() -> Check:
        return next(check for check in examine(configured) if check.name == "webhook chat")

    assert (found().health, "set SECRET_OF_CHAT" in found().detail) == (Health.DEGRADED, True)
    monkeypatch.setenv("SECRET_OF_CHAT", "whsec_0123")
    assert found().health is Health.GOOD
    assert "whsec_0123" not in found().detail
