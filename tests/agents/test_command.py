"""A command agent is a real process: prompted, listened to, ended with its whole tree."""

import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from roadmark.executor.agents.base import (
    AgentEvent,
    AgentUnavailable,
    Log,
    TextDelta,
    Thought,
    ToolStart,
    TurnEnd,
    TurnEnded,
    Usage,
)
from roadmark.executor.agents.command import CommandAgent, Launch
from roadmark.executor.agents.preset import PresetUnknown, preset_names, read_preset
from roadmark.executor.agents.registry import KINDS, AgentUnknown, HandlerFactory, HandlerRegistry
from roadmark.executor.agents.scaffold import ScaffoldAgent
from roadmark.executor.agents.scripted import ScriptedAgent
from roadmark.executor.agents.streams import Failed, Finished, Named, json_line
from roadmark.executor.config import AgentSettings
from roadmark.executor.workspace.sandbox import SandboxMode, SandboxProbe

from .conftest import Listen, MakeBrief

MakeAgent = Callable[..., CommandAgent]


@pytest.fixture
def make_agent(tmp_path: Path, make_brief: MakeBrief, mode: SandboxMode) -> MakeAgent:
    """A command agent that runs a shell script."""

    def make(script: str, preset: str = "generic", **settings: object) -> CommandAgent:
        path = tmp_path / "agent.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        command = (str(path), "{prompt_file}", "{workspace}", "{session}")
        launch = Launch(
            settings=AgentSettings(name="sh", kind="command", command=command, **settings),  # type: ignore[arg-type]
            preset=read_preset(preset),
            mode=mode,
        )
        return CommandAgent(launch, make_brief())

    return make


def said(events: list[AgentEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def end(events: list[AgentEvent]) -> TurnEnded:
    last = events[-1]
    assert isinstance(last, TurnEnded)
    return last


def test_a_script_works_in_the_workspace_and_its_words_are_heard(
    make_agent: MakeAgent, make_brief: MakeBrief, listen: Listen
) -> None:
    agent = make_agent(
        'cat "$1"; echo "$ROADMARK_MIGRATION $ROADMARK_PHASE" > made.txt; pwd; echo "$2"; echo ok'
    )
    agent.start()
    agent.prompt("the prompt\n", "n")
    events = listen(agent)
    workspace = make_brief().workspace
    assert end(events) == TurnEnded(TurnEnd.COMPLETED)
    assert said(events) == f"the prompt\n{workspace}\n{workspace}\nok\n"
    assert (workspace / "made.txt").read_text() == "m 1\n"


def test_the_environment_is_an_allow_list(
    make_agent: MakeAgent, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("WANTED", "yes")
    agent = make_agent('echo "[$SECRET_TOKEN][$WANTED][$CI][$TERM]"; cat; echo "$HOME"', env_pass=("WANTED",))
    agent.prompt("", "n")
    events = listen(agent)
    assert said(events).startswith("[][yes][1][dumb]\n")
    assert "homes" in said(events)


def test_our_own_state_is_hidden_and_the_world_outside_is_read_only(
    make_agent: MakeAgent, listen: Listen, tmp_path: Path, mode: SandboxMode
) -> None:
    if mode is not SandboxMode.BUBBLEWRAP:
        pytest.skip("only bubblewrap protects files")
    (tmp_path / "state" / "roadmark.db").write_text("tokens")
    agent = make_agent(f"cat {tmp_path}/state/roadmark.db; touch {tmp_path}/repo/x; echo over")
    agent.prompt("", "n")
    events = listen(agent)
    assert "tokens" not in said(events)
    assert not (tmp_path / "repo" / "x").exists()


def test_errors_go_into_the_log_and_are_no_words(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent("echo done >&2; printf '\\033[31mred\\033[0m\\n'")
    agent.prompt("", "n")
    events = listen(agent)
    assert Log("stderr", "done") in events
    assert said(events) == "red\n"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 3", TurnEnd.CRASHED),
        ("echo 'Error: 429 Too Many Requests, try again in 20s' >&2; exit 1", TurnEnd.RATE_LIMITED),
        ("echo 'you are not logged in' >&2; exit 1", TurnEnd.AUTH),
        ("kill -9 $$", TurnEnd.CRASHED),
        ("nosuchprogram_x", TurnEnd.CONFIGURATION),
        ("echo 'litellm.AuthenticationError: bad key'", TurnEnd.AUTH),
    ],
)
def test_how_a_process_ends_is_told_apart(
    script: str, expected: TurnEnd, make_agent: MakeAgent, listen: Listen
) -> None:
    agent = make_agent(script)
    agent.prompt("", "n")
    ended = end(listen(agent))
    assert ended.end is expected
    assert (ended.retry_at is not None) == (expected is TurnEnd.RATE_LIMITED)


def test_cancelling_ends_the_whole_tree(make_agent: MakeAgent, make_brief: MakeBrief) -> None:
    stubborn = "trap '' TERM; while :; do sleep 0.05; date > alive; done"
    agent = make_agent(f"trap '' TERM; ({stubborn}) & echo up; wait")
    agent.prompt("", "n")
    heard = next(
        event for event in iter(lambda: agent.next_event(30.0), None) if isinstance(event, TextDelta)
    )
    assert heard.text == "up\n"
    agent._child.terminate(0.0)  # type: ignore[union-attr]
    alive = make_brief().workspace / "alive"
    alive.unlink(missing_ok=True)
    agent.close()
    agent.close()
    assert not alive.exists()
    assert agent.next_event(0.2) is None
    assert not alive.exists()


def test_closing_without_a_start_is_harmless(make_agent: MakeAgent) -> None:
    agent = make_agent("true")
    agent.answer("1", "allow")
    agent.cancel()
    agent.close()


def test_a_long_line_is_dropped_and_said_so(make_agent: MakeAgent, listen: Listen) -> None:
    agent = make_agent("head -c 9000000 /dev/zero | tr '\\0' x; echo; echo after")
    agent.prompt("", "n")
    events = listen(agent)
    assert any(isinstance(event, Log) and "8 MiB" in event.text for event in events)
    assert said(events) == "after\n"


def test_memory_is_measured(make_agent: MakeAgent, make_brief: MakeBrief) -> None:
    agent = make_agent("echo up; while [ ! -e go ]; do sleep 0.05; done")
    agent.prompt("", "n")
    assert agent.next_event(30.0) == TextDelta("up\n")
    agent.close()
    assert agent.peak_memory_bytes
    assert agent.peak_memory_bytes > 0


def test_json_lines_by_stdin_with_a_follow_up_in_the_same_chat(
    make_agent: MakeAgent, make_brief: MakeBrief, listen: Listen
) -> None:
    lines = [
        {"type": "system", "subtype": "init", "session_id": "chat-7"},
        {"type": "assistant", "message": {"content": [{"type": "thinking", "thinking": "hm"}]}},
        {"type": "assistant", "message": {"content": [{"type": "tool_use", "id": "1", "name": "Edit"}]}},
        {"type": "assistant", "message": {"content": [{"type": "text", "text": "Done."}]}},
        {"type": "result", "is_error": False, "total_cost_usd": 0.25, "usage": {"input_tokens": 5}},
    ]
    printed = "\n".join(json.dumps(line) for line in lines)
    agent = make_agent(f"cat > got.txt\ncat <<'X'\n{printed}\nnot json\nX", preset="claude")
    agent.prompt("work hard", "n")
    events = listen(agent)
    assert events == [
        Thought("hm"),
        ToolStart("1", "Edit"),
        TextDelta("Done.\n"),
        Usage(tokens_in=5, cost_usd=0.25),
        Log("stdout", "not json"),
        TurnEnded(TurnEnd.COMPLETED),
    ]
    assert agent.session_id == "chat-7"
    assert (make_brief().workspace / "got.txt").read_text() == "work hard"


def test_an_event_of_failure_counts_though_the_status_is_0(make_agent: MakeAgent, listen: Listen) -> None:
    line = json.dumps({"type": "result", "is_error": True, "result": "API Error: 401 please run /login"})
    agent = make_agent(f"cat >/dev/null; echo '{line}'", preset="claude")
    agent.prompt("", "n")
    ended = end(listen(agent))
    assert (ended.end, "401" in ended.detail) == (TurnEnd.AUTH, True)


def test_a_failure_without_a_known_cause_is_a_crash(make_agent: MakeAgent, listen: Listen) -> None:
    line = json.dumps({"type": "result", "is_error": True, "result": "it broke"})
    agent = make_agent(f"cat >/dev/null; echo '{line}'", preset="claude")
    agent.prompt("", "n")
    assert end(listen(agent)).end is TurnEnd.CRASHED


def test_a_program_that_ends_without_reading_its_prompt_is_survived(
    make_agent: MakeAgent, listen: Listen
) -> None:
    agent = make_agent("exec 0<&-; exit 4", preset="claude")
    agent.prompt("word " * 200_000, "n")
    assert end(listen(agent)).end is TurnEnd.CRASHED


def test_a_missing_program_is_told_with_the_way_out(make_brief: MakeBrief, mode: SandboxMode) -> None:
    def agent(preset: str, *command: str) -> CommandAgent:
        settings = AgentSettings(name="x", kind="command", command=command)
        return CommandAgent(Launch(settings=settings, preset=read_preset(preset), mode=mode), make_brief())

    with pytest.raises(AgentUnavailable, match="no-such-agent-here"):
        agent("generic", "no-such-agent-here").start()
    with pytest.raises(AgentUnavailable, match="command = "):
        agent("generic").start()
    with pytest.raises(AgentUnavailable, match="no such program"):
        agent("generic", "/no/such/agent").prompt("", "n")


def test_the_persons_sign_in_is_linked_and_not_copied(
    make_agent: MakeAgent, make_brief: MakeBrief, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = tmp_path / "person"
    (person / ".codex").mkdir(parents=True)
    (person / ".codex" / "auth.json").write_text("{}")
    monkeypatch.setenv("HOME", str(person))
    agent = make_agent("true", preset="codex")
    agent.start()
    agent.start()
    linked = make_brief().home / ".codex" / "auth.json"
    assert os.readlink(linked) == str(person / ".codex" / "auth.json")
    assert not (make_brief().home / ".codex" / "config.toml").exists()


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_read_and_knows_its_placeholders(name: str) -> None:
    preset = read_preset(name)
    assert preset.title
    known = "prompt_file|workspace|session|report_program|report_arguments|report_config"
    for argument in (*preset.new, *preset.resume):
        assert "{" not in re.sub(rf"\{{({known})\}}", "", argument)
    if name != "generic":
        assert preset.new[0] == preset.program
        assert preset.install
        assert preset.version
        assert preset.kind == "acp" or preset.prompt == "stdin" or "{prompt_file}" in preset.new
    if preset.output == "jsonl":
        assert {rule.emit for rule in preset.rules} >= {"text", "tool", "session", "usage", "failed"}


def test_an_unknown_preset_is_told_with_the_known_ones() -> None:
    with pytest.raises(PresetUnknown, match="claude"):
        read_preset("cloud")


@pytest.mark.parametrize(
    ("preset", "line", "expected"),
    [
        ("codex", {"type": "thread.started", "thread_id": "t1"}, [Named("t1")]),
        (
            "codex",
            {"type": "item.completed", "item": {"type": "agent_message", "text": "hi"}},
            [TextDelta("hi\n")],
        ),
        (
            "codex",
            {"type": "item.started", "item": {"type": "command_execution", "id": "i", "command": "ls"}},
            [ToolStart("i", "ls")],
        ),
        (
            "codex",
            {"type": "turn.completed", "usage": {"input_tokens": 2, "output_tokens": 1}},
            [Usage(tokens_in=2, tokens_out=1), Finished()],
        ),
        ("gemini", {"type": "message", "role": "assistant", "content": "hi"}, [TextDelta("hi\n")]),
        ("gemini", {"type": "message", "role": "user", "content": "hi"}, []),
        ("opencode", {"type": "text", "part": {"text": "hi"}}, [TextDelta("hi\n")]),
        ("opencode", {"type": "step_finish", "part": {"cost": "many"}}, [Usage()]),
    ],
)
def test_the_events_of_each_tool_are_understood(
    preset: str, line: dict[str, object], expected: list[object]
) -> None:
    assert json_line(json.dumps(line), read_preset(preset).rules) == expected


def test_a_failed_turn_keeps_its_event() -> None:
    event = {"type": "turn.failed", "error": {"message": "stream disconnected"}}
    assert json_line(json.dumps(event), read_preset("codex").rules) == [
        Failed(event, "stream disconnected"),
        Finished(),
    ]


@pytest.mark.parametrize(
    "text", ["", "null", "[1]", "{", '{"type": {"a": 1}}', "[" * 100_000, '{"type":"assistant"}']
)
def test_junk_lines_are_survived(text: str) -> None:
    assert all(isinstance(heard, Log) for heard in json_line(text, read_preset("claude").rules))


def test_the_factory_makes_each_kind(make_brief: MakeBrief) -> None:
    agents = {
        "a": AgentSettings(name="a", kind="scaffold"),
        "b": AgentSettings(name="b", kind="scripted"),
        "c": AgentSettings(name="c", kind="command", command=("true",)),
        "d": AgentSettings(name="d", kind="magic"),
    }
    registry = HandlerRegistry(agents)
    factory = HandlerFactory(registry, SandboxProbe(SandboxMode.GUARD, ""))
    assert registry.names() == ("a", "b", "c", "d")
    assert isinstance(factory.make("a", make_brief()), ScaffoldAgent)
    assert isinstance(factory.make("b", make_brief()), ScriptedAgent)
    assert isinstance(factory.make("c", make_brief()), CommandAgent)
    with pytest.raises(AgentUnavailable, match=KINDS[0]):
        factory.make("d", make_brief())
    with pytest.raises(AgentUnknown, match=r"roadmark\.toml"):
        factory.make("e", make_brief())


def test_a_resumed_chat_uses_the_resume_arguments(make_brief: MakeBrief) -> None:
    launch = Launch(
        settings=AgentSettings(name="x", kind="command", preset="claude"),
        preset=read_preset("claude"),
        mode=SandboxMode.GUARD,
    )
    fresh, again = make_brief(), replace(make_brief(), resume_session_id="chat-1")
    assert "--session-id" in launch.argv(fresh, Path("p"), "s")
    assert launch.argv(again, Path("p"), "chat-1")[-2:] == ("--resume", "chat-1")
