"""Our client of the Agent Client Protocol against the protocol's own SDK: its types and an agent of its."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from acp import schema
from pydantic import BaseModel
from roadmark.executor.agents.acp import AcpAgent
from roadmark.executor.agents.base import (
    Brief,
    PermissionAsked,
    Plan,
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
from roadmark.executor.config import AgentSettings
from roadmark.executor.workspace.sandbox import probe_sandbox

from .conftest import Listen, MakeBrief

FOLDER = Path(__file__).parent
MODELS: dict[str, type[BaseModel]] = {
    "initialize": schema.InitializeRequest,
    "session/new": schema.NewSessionRequest,
    "session/load": schema.LoadSessionRequest,
    "session/prompt": schema.PromptRequest,
    "session/cancel": schema.CancelNotification,
}
Start = Callable[..., AcpAgent]


@pytest.fixture
def start() -> Iterator[Start]:
    """A started session with an agent of this folder."""
    made: list[AcpAgent] = []

    def make(program: str, brief: Brief, *arguments: str) -> AcpAgent:
        settings = AgentSettings(
            name="peer", kind="acp", command=(sys.executable, str(FOLDER / program), *arguments)
        )
        launch = Launch(settings=settings, preset=read_preset("generic"), mode=probe_sandbox().kind)
        made.append(AcpAgent(launch, brief))
        made[-1].start()
        return made[-1]

    yield make
    for agent in made:
        agent.close()


def assert_nothing_is_lost(model: type[BaseModel], values: Any) -> None:
    """The SDK's types drop what they do not know and mend what is wrong: neither may happen."""
    read = model.model_validate(values)
    assert read.model_dump(mode="json", by_alias=True, exclude_unset=True) == values


def test_all_that_we_say_is_what_the_protocol_means(
    start: Start, make_brief: MakeBrief, listen: Listen
) -> None:
    """A chat that is loaded, another that cannot be; requests granted, refused, cancelled and not offered."""
    for resumed in (None, "chat-9"):
        with closing(start("fake_acp.py", make_brief(resume_session_id=resumed), "recorded")) as agent:
            agent.prompt("unknown ask:inside.txt", "n")
            while not isinstance(event := agent.next_event(30.0), PermissionAsked):
                assert event is not None
            agent.answer(event.permission_id, event.safest_option)
            listen(agent)
            agent.prompt("ask:inside.txt cancel", "n")
            assert isinstance(agent.next_event(30.0), PermissionAsked)
            agent.cancel()
    said = [json.loads(line) for line in (make_brief().home / "heard.jsonl").read_text().splitlines()]
    asked = [message for message in said if "method" in message]
    assert {message["method"] for message in asked} == set(MODELS)
    for message in asked:
        assert_nothing_is_lost(MODELS[message["method"]], message["params"])
    answers = [message["result"] for message in said if "result" in message]
    assert [answer["outcome"]["outcome"] for answer in answers] == ["selected", "cancelled"] * 2
    for answer in answers:
        assert_nothing_is_lost(schema.RequestPermissionResponse, answer)
    refusals = [message["error"] for message in said if "error" in message]
    assert refusals
    for refusal in refusals:
        assert_nothing_is_lost(schema.Error, refusal)


def test_an_agent_made_with_the_sdk_is_understood(
    start: Start, make_brief: MakeBrief, listen: Listen
) -> None:
    agent = start("sdk_acp.py", make_brief())
    assert agent.session_id == "new-chat"
    agent.prompt("work", "n")
    heard = []
    while not isinstance(event := agent.next_event(30.0), TurnEnded):
        assert event is not None
        heard.append(event)
        if isinstance(event, PermissionAsked):
            agent.answer(event.permission_id, event.safest_option)
    assert event.end is TurnEnd.COMPLETED
    assert [one for one in heard if not isinstance(one, PermissionAsked)] == [
        Thought("hm"),
        Plan(("in_progress: one",)),
        ToolStart("t", "write it"),
        ToolUpdate("t", "", "completed"),
        Usage(tokens_in=9, cost_usd=0.5),
        TextDelta("done"),
    ]
    assert (make_brief().workspace / "made.txt").read_text() == "made\n"


def test_such_an_agent_takes_a_chat_up_and_is_cancelled(
    start: Start, make_brief: MakeBrief, listen: Listen
) -> None:
    agent = start("sdk_acp.py", replace(make_brief(), resume_session_id="old-chat"))
    assert agent.session_id == "old-chat"
    agent.prompt("wait", "n")
    assert agent.next_event(30.0) == TextDelta("waiting")
    agent.cancel()
    assert listen(agent)[-1] == TurnEnded(TurnEnd.CANCELLED, "the agent stopped: cancelled")
