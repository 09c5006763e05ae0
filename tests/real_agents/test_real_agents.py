"""Agents that people use, through the real service: two phases, a lie, a limit, a restart."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from roadmark.executor.states import Status
from roadmark.executor.tracker import MigrationView

from .conftest import World, git
from .model import Step

AGENTS = ("codex-acp", "claude-acp", "opencode-acp", "qwen")
"""Three over the Agent Client Protocol, one by its command line."""


def phase_of(prompt: str) -> str | None:
    """The number of the phase that a prompt of ours is about."""
    found = re.search(r"^# Two Steps: phase (\d) of 2", prompt, re.MULTILINE)
    return found[1] if found else None


def folder_of(prompt: str) -> str:
    found = re.search(r"You work in the folder (\S+),", prompt)
    assert found is not None
    return found[1]


def honest(prompt: str) -> Sequence[Step] | None:
    """Write the phase's file, then say done."""
    phase = phase_of(prompt)
    if phase is None:
        return None
    return [Step("write", (f"{folder_of(prompt)}/step{phase}.txt", f"step {phase}")), Step("text", "done")]


@pytest.mark.parametrize("agent", AGENTS)
def test_it_carries_two_phases_out(agent: str, world: World) -> None:
    world.model.script = honest
    migration_id = world.begin(agent)
    for phase in (1, 2):
        seen = world.rest(migration_id)
        assert seen.migration.status is Status.WAITING, (seen.migration.reason, log_of(seen))
        assert seen.attempts[-1].outcome == "confirm", log_of(seen)
        assert (world.workspace(migration_id) / f"step{phase}.txt").read_text().strip() == f"step {phase}"
        world.reply(migration_id, "done")
    assert world.rest(migration_id).migration.status is Status.COMPLETED
    assert git(world.repo, "show", "feature/steps:step2.txt") == "step 2"
    assert git(world.repo, "status", "--porcelain") == ""


@pytest.mark.parametrize("agent", AGENTS)
def test_a_report_by_the_tool_is_heard(agent: str, world: World) -> None:
    """The nonce stands in the prompt; the tool is the server that each session is given."""

    def script(prompt: str) -> Sequence[Step] | None:
        steps = honest(prompt)
        if steps is None:
            return None
        nonce = re.search(r"nonce (\w+)", prompt)
        assert nonce is not None
        arguments = {"status": "done", "summary": "the step is taken", "nonce": nonce[1]}
        return [steps[0], Step("report", arguments), Step("text", "I have reported.")]

    world.model.script = script
    seen = world.rest(world.begin(agent))
    assert seen.attempts[-1].outcome == "confirm", log_of(seen)
    assert ("the step is taken" in log_of(seen)) or agent == "qwen"  # its preset gives it no tool


@pytest.mark.parametrize("agent", AGENTS)
def test_a_lie_is_doubted(agent: str, world: World) -> None:
    world.model.script = lambda prompt: [Step("text", "done")] if phase_of(prompt) else None
    seen = world.rest(world.begin(agent))
    assert seen.migration.status is Status.FAILED
    outcomes = [attempt.outcome for attempt in seen.attempts]
    assert (outcomes[-2:], "confirm" in outcomes) == (["doubt", "fail"], False), log_of(seen)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_question_is_answered_in_the_next_prompt(agent: str, world: World) -> None:
    def script(prompt: str) -> Sequence[Step] | None:
        if phase_of(prompt) and "in green" not in prompt:
            return [Step("text", "Which colour should the step have?")]
        return honest(prompt)

    world.model.script = script
    migration_id = world.begin(agent)
    asked = world.rest(migration_id)
    assert asked.wait is not None
    assert "Which colour" in asked.wait.prompt, log_of(asked)
    world.reply(migration_id, "in green")
    assert world.rest(migration_id).attempts[-1].outcome == "confirm"


@pytest.mark.parametrize("agent", AGENTS)
def test_cancelling_ends_it_in_the_middle(agent: str, world: World) -> None:
    world.model.script = lambda prompt: [Step("hang", 60)] if phase_of(prompt) else None
    migration_id = world.begin(agent)
    assert world.model.hanging.wait(60)
    world.service.manager.cancel(migration_id, "anna")
    assert world.rest(migration_id).migration.status is Status.CANCELLED


@pytest.mark.parametrize("agent", AGENTS)
def test_a_chat_is_taken_up_again_after_the_service_was_ended(agent: str, world: World) -> None:
    world.model.script = lambda prompt: [Step("hang", 60)] if phase_of(prompt) else None
    migration_id = world.begin(agent)
    assert world.model.hanging.wait(60)
    world.model.script = honest
    world.restart()
    seen = world.rest(migration_id)
    assert [attempt.outcome for attempt in seen.attempts] == ["interrupted", "confirm"], log_of(seen)


@pytest.mark.parametrize("agent", AGENTS[:3])  # qwen-code tries again by itself for minutes
def test_a_rate_limit_parks(agent: str, world: World) -> None:
    world.model.script = lambda prompt: [Step("status", 429)] if phase_of(prompt) else None
    seen = world.rest(world.begin(agent))
    assert seen.migration.status is Status.PARKED, (seen.migration.reason, log_of(seen))
    assert seen.phases[0].attempts_used == 0


def log_of(seen: MigrationView) -> str:
    """The end of the last attempt's log."""
    return Path(seen.attempts[-1].log_path).read_text(errors="replace")[-3000:]
