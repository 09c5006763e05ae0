"""A scripted model on loopback, for real agents: OpenAI chat and responses, Anthropic messages.

It keeps no state of a chat: which step of the script is next follows from how many tool results stand in the
request after the last prompt that the script knows.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WRITERS = ("Write", "write", "write_file")
SHELLS = ("Bash", "bash", "run_shell_command", "shell", "exec_command", "shell_command")


@dataclass(frozen=True, slots=True)
class Step:
    """One answer: `write` (path, content), `shell`, `report` (arguments), `text`, `status` or `hang`."""

    kind: str
    value: Any = None


Script = Callable[[str], Sequence[Step] | None]
"""The steps for a prompt; None for a prompt that is none of ours (titles, summaries)."""


@dataclass(frozen=True, slots=True)
class Call:
    """The tool call that carries a step out."""

    name: str
    arguments: Mapping[str, Any]


@dataclass
class Model:
    """What is to be said, and what was asked."""

    script: Script = lambda _: None
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)

    def step(self, heard: Sequence[tuple[str, str]]) -> Step:
        """The next step after what was heard: pairs of `user` or `tool` and the text."""
        steps, done = None, 0
        for who, text in heard:
            found = self.script(text) if who == "user" else None
            if found is not None:
                steps, done = found, 0
                self.asked.append(text)
            elif who == "tool":
                done += 1
        if steps is None:
            return Step("text", "Aside")
        return steps[min(done, len(steps) - 1)]


def serve(model: Model) -> ThreadingHTTPServer:
    """A running server for the model; the caller shuts it down."""

    class Handler(_Handler):
        pass

    Handler.model = model
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    model: Model
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": [{"id": "fake-model", "object": "model"}], "models": []})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        path = self.path.partition("?")[0]
        self.model.paths.append(path)
        for ending, speak in SPEECH.items():
            if path.endswith(ending):
                self._answer(body, *speak)
                return
        self._send(200, {"input_tokens": 10} if path.endswith("count_tokens") else {})

    def _answer(self, body: Any, hear: Any, tools: Any, whole: Any, stream: Any) -> None:
        step = self.model.step(list(hear(body)))
        if step.kind == "status":
            error = {
                "type": "rate_limit_error",
                "message": "Rate limit reached, try again in 20s",
                "code": "rate_limit",
            }
            self._send(step.value, {"type": "error", "error": error})
            return
        if step.kind == "hang":
            self.model.hanging.set()
            time.sleep(step.value)
        call = call_for(step, dict(tools(body)))
        text = step.value if step.kind == "text" else ("" if call else "no such tool here")
        if not body.get("stream"):
            self._send(200, whole(text, call))
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event, data in stream(text, call):
            named = f"event: {event}\n" if event else ""
            self.wfile.write(
                f"{named}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
            )
            self.wfile.flush()

    def _send(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if status >= 400:
            self.send_header("x-should-retry", "false")  # or the agents' libraries try for minutes
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def call_for(step: Step, tools: Mapping[str, Mapping[str, Any]]) -> Call | None:
    """The step as a call of a tool that this agent offers."""
    if step.kind == "report":
        return next((Call(name, step.value) for name in tools if "report_phase" in name), None)
    if step.kind == "write":
        path, content = step.value
        for name in WRITERS:
            if name in tools:
                given = tools[name].get("properties", {})
                key = next(
                    (k for k in ("file_path", "filePath", "absolute_path", "path") if k in given), "path"
                )
                return Call(name, {key: path, "content": content})
        return call_for(Step("shell", f"printf '%s' '{content}' > '{path}'"), tools)
    if step.kind == "shell":
        for name in SHELLS:
            if name in tools:
                return Call(name, _shell_arguments(step.value, tools[name].get("properties", {})))
    return None


def _shell_arguments(script: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if "cmd" in given:
        return {"cmd": script}
    is_list = given.get("command", {}).get("type") == "array"
    arguments: dict[str, Any] = {"command": ["sh", "-c", script] if is_list else script}
    if "description" in given:
        arguments["description"] = "work"
    if "is_background" in given:
        arguments["is_background"] = False
    return arguments


def text_of(content: Any) -> str:
    """All text of a message's content, however it is nested."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(text_of(part) for part in content)
    if isinstance(content, dict):
        return str(content.get("text") or "") or text_of(content.get("content") or "")
    return ""


Heard = Iterator[tuple[str, str]]


def hear_chat(body: Any) -> Heard:
    for message in body.get("messages", []):
        if message["role"] in ("user", "tool"):
            yield message["role"], text_of(message.get("content"))


def hear_responses(body: Any) -> Heard:
    given = body.get("input", [])
    for item in given if isinstance(given, list) else [{"role": "user", "content": given}]:
        if item.get("role") == "user":
            yield "user", text_of(item.get("content"))
        elif str(item.get("type", "")).endswith("_output"):
            yield "tool", ""


def hear_messages(body: Any) -> Heard:
    for message in body.get("messages", []):
        content = message.get("content")
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if message["role"] == "user" and block.get("type") == "tool_result":
                yield "tool", ""
            elif message["role"] == "user" and block.get("type") == "text":
                yield "user", block["text"]


def tools_of_chat(body: Any) -> Iterator[tuple[str, Any]]:
    for tool in body.get("tools") or []:
        yield tool["function"]["name"], tool["function"].get("parameters", {})


def tools_of_responses(body: Any) -> Iterator[tuple[str, Any]]:
    for tool in body.get("tools") or []:
        if tool.get("type") == "function":
            yield tool["name"], tool.get("parameters", {})
        elif tool.get("type") == "namespace":
            for inner in tool.get("tools", []):
                yield f"{tool['name']}.{inner['name']}", inner.get("parameters", {})


def tools_of_messages(body: Any) -> Iterator[tuple[str, Any]]:
    for tool in body.get("tools") or []:
        yield tool["name"], tool.get("input_schema", {})


USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def _chat_message(text: str, call: Call | None) -> dict[str, Any]:
    if call is None:
        return {"role": "assistant", "content": text}
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"index": 0, "id": f"call_{time.time_ns()}", "type": "function", "function": function}
        ],
    }


def whole_chat(text: str, call: Call | None) -> Any:
    choice = {
        "index": 0,
        "message": _chat_message(text, call),
        "finish_reason": "tool_calls" if call else "stop",
    }
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }


def stream_chat(text: str, call: Call | None) -> Iterator[tuple[str, Any]]:
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    delta = _chat_message(text, call)
    yield "", {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    end = "tool_calls" if call else "stop"
    yield "", {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": end}], "usage": USAGE}
    yield "", "[DONE]"


def _response(text: str, call: Call | None) -> dict[str, Any]:
    identity = str(time.time_ns())
    if call is None:
        part = {"type": "output_text", "text": text, "annotations": []}
        item: dict[str, Any] = {"type": "message", "role": "assistant", "content": [part]}
    else:
        space, _, name = call.name.rpartition(".")
        item = {"type": "function_call", "call_id": f"call_{identity}", "name": name}
        item |= {"arguments": json.dumps(call.arguments), **({"namespace": space} if space else {})}
    item |= {"id": f"item_{identity}", "status": "completed"}
    usage = {"input_tokens": 12, "output_tokens": 3, "total_tokens": 15}
    usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": f"r_{identity}",
        "object": "response",
        "status": "completed",
        "output": [item],
        "usage": usage,
    }


def stream_responses(text: str, call: Call | None) -> Iterator[tuple[str, Any]]:
    response = _response(text, call)
    item = response["output"][0]
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": {**response, "status": "in_progress", "output": []}})
    ]
    if call is None:
        events.append(("response.output_item.added", {"output_index": 0, "item": {**item, "content": []}}))
        delta = {"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": text}
        events.append(("response.output_text.delta", delta))
    events.append(("response.output_item.done", {"output_index": 0, "item": item}))
    events.append(("response.completed", {"response": response}))
    for name, values in events:
        yield name, {"type": name, **values}


def _block(text: str, call: Call | None) -> dict[str, Any]:
    if call is None:
        return {"type": "text", "text": text}
    return {
        "type": "tool_use",
        "id": f"toolu_{time.time_ns()}",
        "name": call.name,
        "input": dict(call.arguments),
    }


def whole_messages(text: str, call: Call | None) -> Any:
    return {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "stop_sequence": None,
        "content": [_block(text, call)],
        "stop_reason": "tool_use" if call else "end_turn",
        "usage": {"input_tokens": 12, "output_tokens": 3},
    }


def stream_messages(text: str, call: Call | None) -> Iterator[tuple[str, Any]]:
    message = whole_messages(text, call)
    block = message["content"][0]
    started = {**block, "input": {}} if call else {**block, "text": ""}
    part = json.dumps(call.arguments) if call else text
    delta = (
        {"type": "input_json_delta", "partial_json": part} if call else {"type": "text_delta", "text": part}
    )
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": {**message, "content": [], "stop_reason": None}}),
        ("content_block_start", {"index": 0, "content_block": started}),
        ("content_block_delta", {"index": 0, "delta": delta}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": {"stop_reason": message["stop_reason"]}, "usage": {"output_tokens": 3}}),
        ("message_stop", {}),
    ]
    for name, values in events:
        yield name, {"type": name, **values}


SPEECH: Mapping[str, tuple[Any, Any, Any, Any]] = {
    "/chat/completions": (hear_chat, tools_of_chat, whole_chat, stream_chat),
    "/responses": (hear_responses, tools_of_responses, _response, stream_responses),
    "/messages": (hear_messages, tools_of_messages, whole_messages, stream_messages),
}
