"""An agent for the Agent Client Protocol, of the standard library alone: the words of its prompt say how it
behaves and misbehaves."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

IN, OUT = sys.stdin.buffer, sys.stdout.buffer
state: dict[str, Any] = {"cwd": ".", "servers": [], "history": 0}


def send(message: dict[str, Any]) -> None:
    OUT.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    OUT.flush()


def update(session: str, kind: str, **values: Any) -> None:
    send(
        {
            "method": "session/update",
            "params": {"sessionId": session, "update": {"sessionUpdate": kind, **values}},
        }
    )


def say(session: str, text: str) -> None:
    update(session, "agent_message_chunk", content={"type": "text", "text": text})


def receive() -> dict[str, Any]:
    line = IN.readline()
    if not line:
        sys.exit(0)
    if sys.argv[1] == "recorded":
        with open(os.path.join(os.environ["HOME"], "heard.jsonl"), "ab") as file:
            file.write(line)
    return json.loads(line)


def ask(session: str, identity: Any, path: str | None) -> str:
    """Ask for permission and wait for the answer."""
    options = [
        {"optionId": "yes", "name": "Allow", "kind": "allow_once"},
        {"optionId": "no", "name": "Reject", "kind": "reject_once"},
    ]
    call = {"toolCallId": "t", "title": "edit", "kind": "edit", "locations": [{"path": path}] if path else []}
    parameters = {"sessionId": session, "toolCall": call, "options": options}
    send({"id": identity, "method": "session/request_permission", "params": parameters})
    while True:
        message = receive()
        if message.get("id") == identity and "method" not in message:
            outcome = message["result"]["outcome"]
            return str(outcome.get("optionId", outcome["outcome"]))


def report(nonce: str) -> None:
    """Call the report tool as an agent does: through the MCP server that the client named."""
    server = state["servers"][0]
    calls = [
        {"id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18"}},
        {"method": "notifications/initialized"},
        {
            "id": 2,
            "method": "tools/call",
            "params": {
                "name": "report_phase",
                "arguments": {"status": "done", "summary": "all of it", "nonce": nonce},
            },
        },
    ]
    given = "".join(json.dumps({"jsonrpc": "2.0", **call}) + "\n" for call in calls)
    subprocess.run(
        [server["command"], *server["args"]], input=given.encode(), check=True, capture_output=True
    )


Behaviour = Callable[[str, str], "dict[str, Any] | None"]


def _message(session: str, argument: str) -> None:
    """A chunk of a named message: `id=text`."""
    identity, _, text = argument.partition("=")
    update(session, "agent_message_chunk", messageId=identity, content={"type": "text", "text": text})


def _edit(session: str, argument: str) -> None:
    update(session, "tool_call", toolCallId="t", title="edit", status="pending")
    with open(os.path.join(state["cwd"], argument), "w", encoding="utf-8") as file:
        file.write("made\n")
    update(session, "tool_call_update", toolCallId="t", status="completed")


def _daemon(session: str, argument: str) -> None:
    script = f"import os,time; os.setsid()\nwhile True:\n open({argument!r},'w').close(); time.sleep(0.05)"
    subprocess.Popen([sys.executable, "-c", script], cwd=state["cwd"], stdin=subprocess.DEVNULL)


def _half(session: str, argument: str) -> None:
    OUT.write(b'{"jsonrpc":"2.0","id":3,"resu')
    OUT.flush()
    os._exit(0)


def _junk(session: str, argument: str) -> None:
    OUT.write(b"npm warn\n\xff\xfe\n[1]\n{}\nnull\n" + b"[" * 100_000 + b"\n")
    OUT.flush()


def _stderr(session: str, argument: str) -> None:
    sys.stderr.write(argument.replace("_", " ") + "\n")
    sys.stderr.flush()


def _flood(session: str, argument: str) -> None:
    for _ in range(int(argument)):
        say(session, "x" * 400 + "\n")


def _unknown(session: str, argument: str) -> None:
    update(session, "brand_new_thing", foo=1)
    update(session, "agent_message_chunk", content={"type": "hologram"})
    update(session, "agent_message_chunk", content="text")
    update(session, "plan", entries=[{"content": "one", "status": "pending"}, 7])
    send({"method": "session/update", "params": {"sessionId": session, "update": 3}})
    send(
        {
            "method": "session/update",
            "params": {"sessionId": "another chat", "update": {"sessionUpdate": "plan"}},
        }
    )
    send({"id": 77, "method": "fs/read_text_file", "params": {"path": "/etc/passwd"}})
    assert receive()["error"]["code"] == -32601


def _storm(session: str, argument: str) -> None:
    answers = [ask(session, f"s{n}", "/etc/passwd" if n % 2 else "inside.txt") for n in range(int(argument))]
    say(session, " ".join(sorted(set(answers))))


def _stubborn(session: str, argument: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def _until_cancelled(session: str, argument: str) -> dict[str, Any]:
    say(session, "waiting\n")
    while receive().get("method") != "session/cancel":
        pass
    return {"stopReason": "cancelled"}


BEHAVIOUR: dict[str, Behaviour] = {
    "edit": _edit,
    "message": _message,
    "say": lambda session, text: say(session, text.replace("_", " ")),
    "think": lambda session, text: update(
        session, "agent_thought_chunk", content={"type": "text", "text": text}
    ),
    "report": lambda session, nonce: report(nonce),
    "ask": lambda session, path: say(session, ask(session, "p1", path)),
    "storm": _storm,
    "crash": lambda session, code: os._exit(int(code)),
    "silent": lambda session, _: sys.exit(0),
    "hang": _stubborn,
    "half": _half,
    "junk": _junk,
    "stderr": _stderr,
    "errors": lambda session, size: _stderr(session, "e" * int(size)),
    "bigline": lambda session, size: say(session, "y" * int(size)),
    "flood": _flood,
    "unknown": _unknown,
    "daemon": _daemon,
    "cancel": _until_cancelled,
    "stop": lambda session, reason: {"stopReason": reason},
    "used": lambda session, count: {
        "stopReason": "end_turn",
        "usage": {"inputTokens": int(count), "outputTokens": 1},
    },
    "cost": lambda session, amount: update(
        session, "usage_update", used=9, cost={"amount": float(amount), "currency": "USD"}
    ),
}


def prompted(identity: Any, parameters: dict[str, Any]) -> None:
    """Do what the words say, in order; the rest of the protocol is polite."""
    session = parameters["sessionId"]
    words = " ".join(block.get("text", "") for block in parameters["prompt"]).split()
    for word in words:
        name, _, argument = word.partition(":")
        if name == "error":
            code, _, text = argument.partition(":")
            error = {"code": int(code), "message": text.replace("_", " "), "data": {"chat": session}}
            send({"id": identity, "error": error})
            return
        if name == "wrongid":
            send({"id": 4711, "result": {"stopReason": "end_turn"}})
            time.sleep(60)
        if name == "v2":
            send({"id": identity, "result": {}})
            say(session, "later\n")
            update(session, "state_update", state="running")
            update(session, "state_update", state="idle", stopReason="end_turn")
            return
        result = BEHAVIOUR[name](session, argument) if name in BEHAVIOUR else None
        if result is not None:
            send({"id": identity, "result": result})
            say(session, "late\n")
            return
    send({"id": identity, "result": {"stopReason": "end_turn"}})


def opened(start: str, identity: Any, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request to open or load a chat."""
    if method == "session/load" and start == "forgets":
        return {"id": identity, "error": {"code": -32002, "message": "no such chat"}}
    if start == "login":
        return {"id": identity, "error": {"code": -32000, "message": "Authentication required"}}
    state.update(cwd=parameters["cwd"], servers=parameters["mcpServers"])
    if method == "session/load":
        say(parameters["sessionId"], "an old done of the history")
        return {"id": identity, "result": None}
    return {"id": identity, "result": {"sessionId": "" if start == "nameless" else "chat-1"}}


def main() -> None:
    start = sys.argv[1]
    if start == "dies":
        sys.exit("cannot start: no such model")
    while True:
        message = receive()
        identity, method, parameters = message.get("id"), message.get("method"), message.get("params") or {}
        if method == "initialize":
            if start == "mute":
                time.sleep(60)
            capabilities = {"loadSession": start != "noload"}
            send({"id": identity, "result": {"protocolVersion": 1, "agentCapabilities": capabilities}})
        elif method in ("session/new", "session/load"):
            send(opened(start, identity, method, parameters))
        elif method == "session/prompt":
            prompted(identity, parameters)


if __name__ == "__main__":
    main()
