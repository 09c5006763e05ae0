"""Messages of newline-delimited JSON-RPC 2.0, read from lines that nobody vouches for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
METHOD_UNKNOWN = -32601
AUTH_REQUIRED = -32000
"""The Agent Client Protocol's code for an agent that is not signed in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The other side's answer to a request of ours: a result or an error."""

    identity: int
    result: Json | None
    error: Json | None


@dataclass(frozen=True, slots=True)
class Request:
    """The other side wants an answer. Its id is given back as it came."""

    identity: Any
    method: str
    parameters: Json


@dataclass(frozen=True, slots=True)
class Notice:
    """The other side tells something."""

    method: str
    parameters: Json


Message = Answer | Request | Notice


def read_message(line: str) -> Message | None:
    """The message on a line; None where there is none: junk, batches, answers to nothing."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    method, identity = message.get("method"), message.get("id")
    if isinstance(method, str):
        parameters = message.get("params")
        given = parameters if isinstance(parameters, dict) else {}
        return Notice(method, given) if identity is None else Request(identity, method, given)
    if isinstance(identity, int) and not isinstance(identity, bool):
        return Answer(identity, _object(message.get("result")), _error(message))
    return None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _error(message: Json) -> Json | None:
    if "error" not in message:
        return None
    error = message["error"]
    return error if isinstance(error, dict) else {"message": str(error)[:500]}
