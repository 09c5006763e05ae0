"""The `report_phase` tool: a small MCP server over stdio that writes each report to a spool file.

Started by the agent, inside its sandbox, as ``python -I report_tool.py SPOOL``: it needs the standard library
alone. It believes nothing: the session reads the spool as hostile, and a report counts only with the nonce of
its own attempt.

Source: Model Context Protocol, 2025-06-18 (transports: stdio; server features: tools).
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")
LINE_LIMIT_BYTES = 1024 * 1024
MOST_SUMMARY = 4_000
MOST_NONCE = 200
STATUSES = ("done", "blocked", "needs_input")
TOOL: Mapping[str, Any] = {
    "name": "report_phase",
    "description": "Tell Roadmark how the current phase stands. Call it exactly once, when you stop working.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": list(STATUSES)},
            "summary": {"type": "string", "description": "What was done, or what is missing."},
            "nonce": {"type": "string", "description": "The nonce from your instructions."},
        },
        "required": ["status", "summary", "nonce"],
    },
}

Message = Mapping[str, Any]


def main() -> None:
    """Serve until the input ends."""
    serve(sys.stdin.buffer, sys.stdout.buffer, sys.argv[1])


def serve(incoming: BinaryIO, outgoing: BinaryIO, spool: str) -> None:
    """Answer each line of JSON-RPC; lines that are too long are skipped."""
    while line := incoming.readline(LINE_LIMIT_BYTES):
        if not line.endswith(b"\n") and len(line) >= LINE_LIMIT_BYTES:
            _skip_rest(incoming)
            continue
        answered = answer(line, spool)
        if answered is not None:
            outgoing.write(json.dumps(answered).encode() + b"\n")
            outgoing.flush()


def answer(line: bytes, spool: str) -> Message | None:
    """The answer to one line; None where none is due."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return _error(None, -32700, "this is not JSON")
    if not isinstance(message, dict) or "method" not in message:
        return None
    if message.get("id") is None:
        return None  # a notification
    parameters = message.get("params")
    return _handled(
        message["id"], message["method"], parameters if isinstance(parameters, dict) else {}, spool
    )


def _handled(identity: object, method: object, parameters: Message, spool: str) -> Message:
    match method:
        case "initialize":
            wanted = parameters.get("protocolVersion")
            version = wanted if wanted in VERSIONS else VERSIONS[0]
            server = {"name": "roadmark", "version": "1"}
            return _result(
                identity, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server}
            )
        case "ping":
            return _result(identity, {})
        case "tools/list":
            return _result(identity, {"tools": [TOOL]})
        case "tools/call" if parameters.get("name") == TOOL["name"]:
            return _result(identity, _called(parameters.get("arguments"), spool))
        case "tools/call":
            return _error(identity, -32602, "there is only the tool report_phase")
        case _:
            return _error(identity, -32601, "unknown method")


def _called(arguments: object, spool: str) -> Message:
    """Write the report down, or say what is wrong with it."""
    values = arguments if isinstance(arguments, dict) else {}
    wrong = [name for name in ("status", "summary", "nonce") if not isinstance(values.get(name), str)]
    if wrong or values["status"] not in STATUSES:
        text = f"status must be one of {', '.join(STATUSES)}; summary and nonce must be strings"
        return {"content": [{"type": "text", "text": text}], "isError": True}
    report = {
        "status": values["status"],
        "summary": values["summary"][:MOST_SUMMARY],
        "nonce": values["nonce"][:MOST_NONCE],
    }
    descriptor = os.open(spool, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(descriptor, "ab") as file:
        file.write(json.dumps(report).encode() + b"\n")
    return {
        "content": [{"type": "text", "text": "Roadmark has noted it. Stop working now."}],
        "isError": False,
    }


def _result(identity: object, result: Message) -> Message:
    return {"jsonrpc": "2.0", "id": identity, "result": result}


def _error(identity: object, code: int, text: str) -> Message:
    return {"jsonrpc": "2.0", "id": identity, "error": {"code": code, "message": text}}


def _skip_rest(incoming: BinaryIO) -> None:
    while (part := incoming.readline(LINE_LIMIT_BYTES)) and not part.endswith(b"\n"):
        pass


if __name__ == "__main__":
    main()
