"""A JSON-RPC connection to an agent's process: calls that are waited for, lines read one at a time."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from roadmark.executor.agents.base import Log
from roadmark.executor.agents.meter import MemoryMeter
from roadmark.executor.agents.rpc import METHOD_UNKNOWN, Answer, Json, Message, read_message
from roadmark.executor.provider_errors import TAIL_CHARACTERS
from roadmark.executor.workspace.errors import ProcessEnded
from roadmark.executor.workspace.lines import Line
from roadmark.executor.workspace.process import Child, Exit
from roadmark.executor.workspace.terminal_text import clean_line

CALL_S = 60.0
_MOST_JUNK = 2_000
_LAST_WORDS_S = 0.5


class CallFailed(Exception):
    """The agent answered with an error, or not in time."""

    def __init__(self, error: Json) -> None:
        self.error = error
        super().__init__(str(error.get("message", "no message"))[:500])


class Connection:
    """One agent process and what is said to it. Its errors are always drained, and their end is kept."""

    def __init__(self, name: str, child: Child) -> None:
        self._name, self._child = name, child
        self._meter = MemoryMeter()
        self._last_id = 0
        self.errors = ""

    @property
    def ended(self) -> Exit | None:
        """How the process ended, once everything it said was read."""
        return self._child.ended

    @property
    def memory_exceeded(self) -> bool:
        """Whether it was ended for its memory."""
        return self._child.memory_exceeded

    @property
    def peak_memory_bytes(self) -> int | None:
        """The most its tree was seen to take."""
        return self._meter.peak_bytes

    def read(self, timeout_s: float) -> Message | Log | None:
        """The next message, or a line for the log; None when nothing came in time."""
        self._meter.look(self._child)
        line = self._child.next_line(timeout_s)
        return None if line is None else self._read(line)

    def request(self, method: str, parameters: Json) -> int:
        """Send a request; its id is returned. Raises: ProcessEnded."""
        self._last_id += 1
        self._send({"id": self._last_id, "method": method, "params": parameters})
        return self._last_id

    def call(self, method: str, parameters: Json, meanwhile: Callable[[Message | Log], None]) -> Json:
        """Send a request and wait for its result; what else is heard goes to `meanwhile`.

        Raises: CallFailed, ProcessEnded.
        """
        identity = self.request(method, parameters)
        deadline = time.monotonic() + CALL_S
        while (remaining := deadline - time.monotonic()) > 0:
            heard = self.read(remaining)
            if isinstance(heard, Answer) and heard.identity == identity:
                return _result(heard)
            if heard is not None:
                meanwhile(heard)
            elif self.ended is not None:
                raise ProcessEnded(self._name)
        raise CallFailed({"message": f"it did not answer {method} within {CALL_S:g} s"})

    def tell(self, method: str, parameters: Json) -> None:
        """Tell something; an agent that is gone does not hear it, and its end is noticed elsewhere."""
        self._send_quietly({"method": method, "params": parameters})

    def reply(self, identity: Any, result: Json) -> None:
        """Answer a request."""
        self._send_quietly({"id": identity, "result": result})

    def refuse(self, identity: Any, text: str) -> None:
        """Answer a request whose method is not offered."""
        self._send_quietly({"id": identity, "error": {"code": METHOD_UNKNOWN, "message": text}})

    def close(self, grace_s: float) -> None:
        """End the whole tree."""
        self._meter.look_now(self._child)
        self._child.terminate(grace_s)

    def last_error(self) -> str:
        """The last line that the agent wrote to its errors, what is not read yet included."""
        while self.ended is None and self.read(_LAST_WORDS_S) is not None:
            pass
        lines = [line for line in self.errors.splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def _read(self, line: Line) -> Message | Log:
        if line.stream == "stderr":
            shown = clean_line(line.text)
            self.errors = f"{self.errors}{shown}\n"[-TAIL_CHARACTERS:]
            return Log("stderr", shown)
        if line.truncated:
            return Log("roadmark", "a line of more than 8 MiB was dropped")
        return read_message(line.text) or Log("stdout", clean_line(line.text[:_MOST_JUNK]))

    def _send(self, message: dict[str, Any]) -> None:
        encoded = json.dumps({"jsonrpc": "2.0", **message}, separators=(",", ":")).encode()
        self._child.write(encoded + b"\n")

    def _send_quietly(self, message: dict[str, Any]) -> None:
        with suppress(ProcessEnded):
            self._send(message)


def _result(answer: Answer) -> Json:
    if answer.error is not None:
        raise CallFailed(answer.error)
    return answer.result or {}
