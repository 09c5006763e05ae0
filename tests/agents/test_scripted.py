"""The scripted agent does what its configuration says."""

from datetime import UTC, datetime

import pytest
from roadmark.executor.agents.base import (
    AgentUnavailable,
    Log,
    ProcessExited,
    Reported,
    ReportStatus,
    TextDelta,
    Thought,
    ToolStart,
    TurnEnd,
    TurnEnded,
    Usage,
)
from roadmark.executor.agents.scripted import ScriptedAgent

from .conftest import Listen, MakeBrief


def test_the_steps_of_an_attempt_run_in_order(make_brief: MakeBrief, listen: Listen) -> None:
    later = datetime(2030, 1, 1, tzinfo=UTC)
    steps = [
        {"do": "write", "path": "a/b.txt", "text": "one\n"},
        {"do": "append", "path": "a/b.txt", "text": "two\n"},
        {"do": "write", "path": "gone.txt"},
        {"do": "delete", "path": "gone.txt"},
        {"do": "think", "text": "hm"},
        {"do": "log", "text": "warning"},
        {"do": "tool", "title": "edit"},
        {"do": "usage", "tokens_in": 3, "cost_usd": 0.5},
        {"do": "report", "status": "blocked", "summary": "no key"},
        {"do": "say", "text": "fertig"},
        {"do": "end", "end": "rate_limited", "detail": "later", "retry_at": later},
    ]
    brief = make_brief()
    agent = ScriptedAgent(brief, {"attempts": [steps]})
    agent.start()
    agent.prompt("work", "nonce")
    assert listen(agent) == [
        Thought("hm"),
        Log("stderr", "warning"),
        ToolStart("tool", "edit"),
        Usage(tokens_in=3, cost_usd=0.5),
        Reported(status=ReportStatus.BLOCKED, summary="no key", nonce="nonce"),
        TextDelta("fertig"),
        TurnEnded(TurnEnd.RATE_LIMITED, "later", later),
    ]
    assert (brief.workspace / "a" / "b.txt").read_text() == "one\ntwo\n"
    assert not (brief.workspace / "gone.txt").exists()
    assert agent.prompt_text == "work"
    assert agent.next_event(0.0) is None


def test_each_attempt_and_phase_has_its_script_and_the_last_one_goes_on(
    make_brief: MakeBrief, listen: Listen
) -> None:
    options = {
        "attempts": [[{"do": "exit", "detail": "137"}], [{"do": "say", "text": "second"}]],
        "phases": {"2": [[{"do": "say", "text": "other"}]]},
    }
    assert listen(ScriptedAgent(make_brief(attempt=1), options)) == [ProcessExited("137")]
    assert listen(ScriptedAgent(make_brief(attempt=5), options))[0] == TextDelta("second")
    assert listen(ScriptedAgent(make_brief(attempt=5, phase=2), options))[0] == TextDelta("other")
    assert listen(ScriptedAgent(make_brief(), {})) == [TurnEnded(TurnEnd.COMPLETED)]


def test_waiting_gives_nothing_until_the_file_is_there(make_brief: MakeBrief, listen: Listen) -> None:
    brief = make_brief()
    agent = ScriptedAgent(brief, {"attempts": [[{"do": "wait_for", "path": "go"}]]})
    agent.prompt("", "n")
    assert agent.next_event(0.02) is None
    (brief.workspace / "go").touch()
    assert listen(agent) == [TurnEnded(TurnEnd.COMPLETED)]


def test_a_hanging_agent_ends_when_it_is_cancelled(make_brief: MakeBrief) -> None:
    agent = ScriptedAgent(make_brief(), {"attempts": [[{"do": "hang"}]]})
    agent.prompt("", "n")
    assert agent.next_event(0.01) is None
    agent.answer("1", "allow")
    agent.cancel()
    assert agent.next_event(0.01) == TurnEnded(TurnEnd.CANCELLED)


def test_a_wrong_script_is_told_before_it_starts(make_brief: MakeBrief) -> None:
    with pytest.raises(AgentUnavailable, match="unknown step"):
        ScriptedAgent(make_brief(), {"attempts": [[{"do": "dance"}]]})
    with pytest.raises(AgentUnavailable, match="no network"):
        ScriptedAgent(make_brief(), {"unavailable": "no network"}).start()
