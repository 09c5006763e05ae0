"""An agent that does what its configuration says, step by step: for tests and demonstrations."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from roadmark.executor.agents.base import (
    AgentEvent,
    AgentUnavailable,
    Brief,
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

Step = Mapping[str, Any]
_LOOK_EVERY_S = 0.01


class ScriptedAgent:
    """Runs the steps of its attempt. Each step is a table with `do` and what that needs:

    ``write`` (path, text), ``append`` (path, text), ``delete`` (path), ``say`` (text), ``think`` (text),
    ``tool`` (title), ``report`` (status, summary, nonce), ``usage`` (tokens_in, tokens_out, cost_usd),
    ``wait_for`` (path), ``hang``, ``exit`` (detail), ``end`` (end, detail). A script that runs out ends its
    turn as completed.

    ``options["attempts"]`` is a list of scripts, one an attempt, the last one for all further ones;
    ``options["phases"]`` maps a phase number to such a list, for phases that differ.
    """

    def __init__(self, brief: Brief, options: Mapping[str, Any]) -> None:
        self._brief = brief
        self._steps = iter(_script(brief, options))
        self._missing = options.get("unavailable")
        self._cancelled = threading.Event()
        self._nonce = ""
        self._pending: Step | None = None
        self._over = False
        self.prompt_text = ""
        self.session_id: str | None = brief.resume_session_id or f"script-{brief.phase}-{brief.attempt}"
        self.peak_memory_bytes: int | None = None

    def start(self) -> None:
        """Raises: AgentUnavailable where the configuration says so."""
        if self._missing:
            raise AgentUnavailable("scripted", str(self._missing))

    def prompt(self, text: str, nonce: str) -> None:
        """Keep the prompt and nonce; the steps run as events are asked for."""
        self.prompt_text, self._nonce = text, nonce

    def next_event(self, timeout_s: float) -> AgentEvent | None:
        """Do steps up to the next one that makes an event."""
        deadline = time.monotonic() + timeout_s
        while not self._over:
            if self._cancelled.is_set():
                return self._ended(TurnEnded(TurnEnd.CANCELLED))
            step = self._pending or next(self._steps, {"do": "end"})
            self._pending = None
            if step["do"] in _WAITING:
                if not self._waited(step, deadline):
                    return None
                continue
            event = _DOING[step["do"]](self._brief, step, self._nonce)
            if isinstance(event, TurnEnded | ProcessExited):
                return self._ended(event)
            if event is not None:
                return event
        self._cancelled.wait(max(0.0, deadline - time.monotonic()))
        return None

    def answer(self, permission_id: str, option: str) -> None:
        """It never asks for permission."""

    def cancel(self) -> None:
        """End the turn at the next event."""
        self._cancelled.set()

    def close(self) -> None:
        """It has no process."""
        self._cancelled.set()

    def _ended(self, event: AgentEvent) -> AgentEvent:
        self._over = True
        return event

    def _waited(self, step: Step, deadline: float) -> bool:
        """Wait for the step's file until the deadline; False keeps the step for the next call."""
        while step["do"] == "hang" or not (self._brief.workspace / step["path"]).exists():
            if time.monotonic() >= deadline or self._cancelled.is_set():
                self._pending = step
                return False
            self._cancelled.wait(
                _LOOK_EVERY_S if step["do"] != "hang" else max(0.0, deadline - time.monotonic())
            )
        return True


def _script(brief: Brief, options: Mapping[str, Any]) -> Sequence[Step]:
    attempts = options.get("phases", {}).get(str(brief.phase), options.get("attempts", [[]]))
    steps: Sequence[Step] = attempts[min(brief.attempt, len(attempts)) - 1]
    unknown = [step for step in steps if step.get("do") not in _DOING.keys() | _WAITING]
    if unknown:
        raise AgentUnavailable(
            "scripted", f"unknown step {unknown[0]!r}; known are {', '.join(sorted(_DOING))}"
        )
    return steps


def _write(brief: Brief, step: Step, _: str) -> None:
    path = brief.workspace / step["path"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(step.get("text", ""), encoding="utf-8")


def _append(brief: Brief, step: Step, _: str) -> None:
    with (brief.workspace / step["path"]).open("a", encoding="utf-8") as file:
        file.write(step.get("text", ""))


def _delete(brief: Brief, step: Step, _: str) -> None:
    (brief.workspace / step["path"]).unlink()


def _report(_: Brief, step: Step, nonce: str) -> AgentEvent:
    status = ReportStatus(step.get("status", "done"))
    return Reported(status=status, summary=step.get("summary", ""), nonce=step.get("nonce", nonce))


def _usage(_: Brief, step: Step, __: str) -> AgentEvent:
    return Usage(
        tokens_in=step.get("tokens_in"), tokens_out=step.get("tokens_out"), cost_usd=step.get("cost_usd")
    )


def _end(_: Brief, step: Step, __: str) -> AgentEvent:
    return TurnEnded(TurnEnd(step.get("end", "completed")), step.get("detail", ""), step.get("retry_at"))


_DOING: Mapping[str, Callable[[Brief, Step, str], AgentEvent | None]] = {
    "write": _write,
    "append": _append,
    "delete": _delete,
    "say": lambda _, step, __: TextDelta(step["text"]),
    "think": lambda _, step, __: Thought(step["text"]),
    "log": lambda _, step, __: Log("stderr", step["text"]),
    "tool": lambda _, step, __: ToolStart(step.get("id", "tool"), step["title"]),
    "report": _report,
    "usage": _usage,
    "exit": lambda _, step, __: ProcessExited(step.get("detail", "")),
    "end": _end,
}
_WAITING = frozenset({"wait_for", "hang"})
