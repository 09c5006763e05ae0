"""The client of the Agent Client Protocol, with an agent that behaves and misbehaves on demand."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from roadmark.executor.agents import acp, connection
from roadmark.executor.agents.acp import AcpAgent
from roadmark.executor.agents.base import (
    AgentEvent,
    AgentUnavailable,
    Brief,
    Log,
    PermissionAsked,
    Plan,
    ProcessExited,
    Reported,
    ReportStatus,
    TextDelta,
    Thought,
    ToolStart,
    ToolUpdate,
    TurnEnd,
    TurnEnded,
    Usage,
)
from roadmark.executor.agents.command import Launch
from roadmark.executor.agents.preset import read_preset
from roadmark.executor.agents.registry import HandlerFactory, HandlerRegistry
from roadmark.executor.config import AgentSettings
from roadmark.executor.workspace.sandbox import SandboxMode, SandboxProbe

from .conftest import Listen, MakeBrief

FAKE = Path(__file__).parent / "fake_acp.py"
MakeAgent = Callable[..., AcpAgent]


@pytest.fixture
def make_agent(make_brief: MakeBrief, mode: SandboxMode) -> Iterator[MakeAgent]:
    """A session with the fake agent, started unless told otherwise."""
    made: list[AcpAgent] = []

    def make(how: str = "", brief: Brief | None = None, *, started: bool = True) -> AcpAgent:
        settings = AgentSettings(name="fake", kind="acp", command=(sys.executable, str(FAKE), how))
        agent = AcpAgent(
            Launch(settings=settings, preset=read_preset("generic"), mode=mode), brief or make_brief()
        )
        made.append(agent)
        if started:
            agent.start()
        return agent

    yield make
    for agent in made:
        agent.close()


def said(events: list[AgentEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end(events: list[AgentEvent]) -> TurnEnded:
    last = events[-1]
    assert isinstance(last, TurnEnded), last
    return last


def test_a_turn_edits_reports_and_ends(make_agent: MakeAgent, make_brief: MakeBrief, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt("think:hm edit:made.txt cost:0.5 report:n0nce say:fertig", "n0nce")
    events = listen(agent)
    assert events == [
        Thought("hm"),
        ToolStart("t", "edit"),
        ToolUpdate("t", "", "completed"),
        Usage(tokens_in=9, cost_usd=0.5),
        *[event for event in events if isinstance(event, Reported | TextDelta)],
        TurnEnded(TurnEnd.COMPLETED),
    ]
    assert Reported(status=ReportStatus.DONE, summary="all of it", nonce="n0nce") in events
    assert said(events) == "fertig"
    assert (make_brief().workspace / "made.txt").read_text() == "made\n"
    assert agent.session_id == "chat-1"


def test_a_follow_up_goes_on_in_the_same_session(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt("say:one", "n")
    assert said(listen(agent)) == "one"
    agent.prompt("say:two", "n")
    assert said(listen(agent)) == "two"


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("message:a=is message:a=sues. message:a=done", "issues.done"),
        ("message:a=issues. message:b=done", "issues.\ndone"),
        ("message:a= message:b=done", "done"),
        ("say:one edit:made.txt say:two", "one\ntwo"),
        ("say:one think:hm say:two", "onetwo"),
        ("say:The_model_is_not_known,_which_may_cause_issues. say:done", None),
        ("say:see_the_app. say:py", "see the app.py"),
    ],
)
def test_a_new_message_begins_a_new_line(
    prompt: str, text: str | None, make_agent: MakeAgent, listen: Listen
) -> None:
    """codex-acp gives its warnings as chunks without a name, each a whole sentence."""
    agent = make_agent()
    agent.prompt(prompt, "n")
    assert said(listen(agent)) == (text or "The model is not known, which may cause issues.\ndone")


def test_a_chat_is_loaded_and_its_history_is_no_news(
    make_agent: MakeAgent, make_brief: MakeBrief, listen: Listen
) -> None:
    agent = make_agent(brief=replace(make_brief(), resume_session_id="chat-9"))
    assert agent.session_id == "chat-9"
    agent.prompt("say:now", "n")
    assert said(listen(agent)) == "now"


@pytest.mark.parametrize("how", ["noload", "forgets"])
def test_a_chat_that_cannot_be_loaded_is_begun_anew(
    how: str, make_agent: MakeAgent, make_brief: MakeBrief, listen: Listen
) -> None:
    agent = make_agent(how, brief=replace(make_brief(), resume_session_id="chat-9"))
    assert agent.session_id == "chat-1"
    agent.prompt("say:now", "n")
    events = listen(agent)
    assert said(events) == "now"
    assert any(isinstance(event, Log) and "no such chat" in event.text for event in events) == (
        how == "forgets"
    )


@pytest.mark.parametrize(
    ("how", "why"),
    [("dies", "no such model"), ("login", "not signed in"), ("nameless", "without naming it")],
)
def test_an_agent_that_cannot_start_says_why(how: str, why: str, make_agent: MakeAgent) -> None:
    with pytest.raises(AgentUnavailable, match=why):
        make_agent(how)


def test_an_agent_that_does_not_answer_is_given_up(
    make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CALL_S", 0.3)
    with pytest.raises(AgentUnavailable, match="did not answer initialize"):
        make_agent("mute")


def test_a_program_that_is_not_there_is_told(make_brief: MakeBrief, mode: SandboxMode) -> None:
    settings = AgentSettings(name="x", kind="acp", command=("no-such-program-x",))
    launch = Launch(settings=settings, preset=read_preset("generic"), mode=mode)
    with pytest.raises(AgentUnavailable, match="no such program"):
        AcpAgent(launch, make_brief()).start()
    with pytest.raises(AgentUnavailable, match="not started"):
        AcpAgent(launch, make_brief()).prompt("", "n")


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("stop:end_turn", TurnEnd.COMPLETED),
        ("stop:refusal", TurnEnd.COMPLETED),
        ("stop:max_tokens", TurnEnd.CONTEXT_FULL),
        ("stop:max_turn_requests", TurnEnd.TIMEOUT),
        ("stop:something_new", TurnEnd.COMPLETED),
        ("v2", TurnEnd.COMPLETED),
        ("error:-32000:please_sign_in", TurnEnd.AUTH),
        ("error:-32603:429_Too_Many_Requests,_try_again_in_20s", TurnEnd.RATE_LIMITED),
        ("error:-32603:Internal_error", TurnEnd.PROVIDER_ERROR),
        ("error:-32603:read_ECONNRESET", TurnEnd.CONNECTION_LOST),
        ("say:API_Error:_401_bad_key stop:end_turn", TurnEnd.AUTH),
        ("say:You've_hit_your_usage_limit. stop:end_turn", TurnEnd.RATE_LIMITED),
        ("say:I_wrote_the_429_answer. stop:end_turn", TurnEnd.COMPLETED),
        ("stderr:Error:_429_slow_down crash:1", TurnEnd.RATE_LIMITED),
    ],
)
def test_how_a_turn_ends_is_told_apart(
    prompt: str, expected: TurnEnd, make_agent: MakeAgent, listen: Listen
) -> None:
    agent = make_agent()
    agent.prompt(prompt, "n")
    assert end(listen(agent)).end is expected


def test_the_end_of_a_rate_limit_is_kept(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt("error:-32603:429_try_again_in_90s", "n")
    assert end(listen(agent)).retry_at is not None


@pytest.mark.parametrize("prompt", ["crash:3", "silent", "half"])
def test_an_agent_that_goes_away_has_exited(prompt: str, make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt(prompt, "n")
    assert isinstance(listen(agent)[-1], ProcessExited)
    assert agent.next_event(0.0) is None


def test_prompting_an_agent_that_is_gone_is_an_exit(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt("crash:3", "n")
    listen(agent)
    agent.prompt("say:hello", "n")
    assert isinstance(listen(agent)[-1], ProcessExited)


def test_junk_and_unknown_messages_are_survived(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt("junk unknown errors:300000 say:still_here", "n")
    events = listen(agent)
    assert said(events) == "still here"
    assert Log("stdout", "npm warn") in events
    assert Plan(("pending: one",)) in events


def test_a_message_of_more_than_8_mib_is_dropped_and_said_so(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt("bigline:9000000 say:after", "n")
    events = listen(agent)
    assert said(events) == "after"
    assert any(isinstance(event, Log) and "8 MiB" in event.text for event in events)


def test_a_flood_waits_in_its_own_pipe(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.prompt("flood:40000 say:over", "n")
    heard, last = 0, None
    while not isinstance(last, TurnEnded):
        last = agent.next_event(30.0)
        assert last is not None
        heard += isinstance(last, TextDelta)
        assert len(agent._pending) < 100
    assert heard == 40_001


def test_an_answer_to_another_request_is_not_the_end(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.prompt("wrongid", "n")
    assert agent.next_event(0.3) is None


def test_what_comes_after_the_end_does_not_begin_a_new_one(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.prompt("used:5", "n")
    events = listen(agent)
    assert events == [Usage(tokens_in=5, tokens_out=1), TurnEnded(TurnEnd.COMPLETED)]
    assert agent.next_event(30.0) == TextDelta("late\n")
    assert agent.next_event(0.0) is None


@pytest.mark.parametrize(
    ("path", "option"),
    [("inside.txt", "yes"), ("/etc/passwd", "no"), ("../up.txt", "no"), (".git/config", "no"), ("", "yes")],
)
def test_permission_is_given_inside_the_workspace_only(path: str, option: str, make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.prompt(f"ask:{path}", "n")
    asked = agent.next_event(30.0)
    assert isinstance(asked, PermissionAsked)
    assert (asked.safest_option, asked.options, asked.title) == (option, ("yes", "no"), "edit")
    agent.answer(asked.permission_id, asked.safest_option)
    agent.answer(asked.permission_id, "twice")
    assert agent.next_event(30.0) == TextDelta(option)


def test_a_storm_of_requests_is_answered_one_by_one(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.prompt("storm:200", "n")
    asked = 0
    while isinstance(event := agent.next_event(30.0), PermissionAsked):
        asked += 1
        agent.answer(event.permission_id, event.safest_option)
    assert (asked, event) == (200, TextDelta("no yes"))


def test_an_agent_that_listens_is_cancelled_in_peace(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent()
    agent.cancel()
    agent.prompt("cancel", "n")
    assert agent.next_event(30.0) == TextDelta("waiting\n")
    agent.cancel()
    assert end(listen(agent)).end is TurnEnd.CANCELLED


def test_cancelling_cancels_an_open_request(make_agent: MakeAgent) -> None:
    agent = make_agent()
    agent.prompt("ask:inside.txt", "n")
    assert isinstance(agent.next_event(30.0), PermissionAsked)
    agent.cancel()
    assert agent.next_event(30.0) == TextDelta("cancelled")


def test_an_agent_that_does_not_listen_is_ended_with_its_daemons(
    make_agent: MakeAgent, make_brief: MakeBrief, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acp, "CANCEL_S", 0.2)
    monkeypatch.setattr(acp, "GRACE_S", 0.2)
    agent = make_agent()
    agent.prompt("daemon:alive say:up hang", "n")
    assert agent.next_event(30.0) == TextDelta("up")
    alive = make_brief().workspace / "alive"
    until = time.monotonic() + 10
    while not alive.exists() and time.monotonic() < until:
        agent.next_event(0.05)
    assert alive.exists()
    agent.cancel()
    agent.close()
    agent.close()
    alive.unlink()
    assert agent.next_event(0.3) is None
    assert not alive.exists()
    assert agent.peak_memory_bytes


def test_a_preset_that_speaks_the_protocol_makes_such_a_session(make_brief: MakeBrief) -> None:
    agents = {"g": AgentSettings(name="g", kind="command", preset="gemini-acp")}
    factory = HandlerFactory(HandlerRegistry(agents), SandboxProbe(SandboxMode.GUARD, ""))
    assert isinstance(factory.make("g", make_brief()), AcpAgent)
