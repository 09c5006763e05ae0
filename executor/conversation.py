"""One turn with an agent: its events go into the log, the clocks are watched, and the turn's end is told."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from roadmark.executor.agents.base import (
    AgentEvent,
    AgentSession,
    Log,
    PermissionAsked,
    Plan,
    ProcessExited,
    Reported,
    Retrying,
    TextDelta,
    Thought,
    ToolStart,
    ToolUpdate,
    TurnEnded,
    Usage,
)
from roadmark.executor.attempt_log import AttemptLog
from roadmark.executor.clock import Clock
from roadmark.executor.verdict import TurnEnd

LOOK_EVERY_S = 0.25
_MOST_NAMED = 5
MESSAGE_CHARACTERS = 64 * 1024
"""How much of the agent's last message is kept for judging; only its end can be a claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How a turn ended, what the agent said and what it cost.

    `stopped` means that the service itself ends: nobody is to blame.
    """

    end: TurnEnd
    detail: str = ""
    retry_at: datetime | None = None
    message: str = ""
    report: Reported | None = None
    refused_permission: str = ""
    """What the agent asked to do outside its workspace and was refused for now, in words."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    session_id: str | None = None
    peak_memory_bytes: int | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds that a turn may take in all, and without a sign of life."""

    wall_s: float
    idle_s: float


@dataclass(slots=True)
class _Heard:
    """What was heard so far."""

    message: str = ""
    report: Reported | None = None
    usage: Usage | None = None
    ended: TurnEnded | None = None
    refused: list[str] = field(default_factory=list)


class Conversation:
    """Runs one turn; made for one attempt."""

    def __init__(
        self, session: AgentSession, log: AttemptLog, clock: Clock, limits: Limits, stopping: threading.Event
    ) -> None:
        self._session, self._log, self._clock, self._limits = session, log, clock, limits
        self._stopping = stopping
        self._heard = _Heard()

    def run(self, prompt: str, nonce: str, is_cancelled: Callable[[], bool]) -> Turn:
        """Give the prompt and listen until the turn ends, one way or another. The session is closed after."""
        try:
            self._session.start()
            self._session.prompt(prompt, nonce)
            turn = self._listen(is_cancelled)
        finally:
            self._session.close()
        return replace(
            turn, session_id=self._session.session_id, peak_memory_bytes=self._session.peak_memory_bytes
        )

    def _listen(self, is_cancelled: Callable[[], bool]) -> Turn:
        begun = last_sign = self._clock.monotonic_s()
        while self._heard.ended is None:
            if self._stopping.is_set():
                return self._turn(TurnEnd.CANCELLED, "the service was stopped", stopped=True)
            if is_cancelled():
                self._session.cancel()
                return self._turn(TurnEnd.CANCELLED, "ended by a person")
            event = self._session.next_event(LOOK_EVERY_S)
            now = self._clock.monotonic_s()
            if event is not None:
                last_sign = now
                self._hear(event)
            if now - begun > self._limits.wall_s:
                return self._overdue(TurnEnd.TIMEOUT, f"it took longer than {self._limits.wall_s:g} s")
            if now - last_sign > self._limits.idle_s:
                return self._overdue(TurnEnd.IDLE, f"it gave no sign of life for {self._limits.idle_s:g} s")
            self._log.tick()
        return self._turn(self._heard.ended.end, self._heard.ended.detail)

    def _overdue(self, end: TurnEnd, detail: str) -> Turn:
        self._log.say("clock", detail)
        self._session.cancel()
        return self._turn(end, detail)

    def _turn(self, end: TurnEnd, detail: str, *, stopped: bool = False) -> Turn:
        heard = self._heard
        return Turn(
            end=end,
            detail=detail,
            retry_at=heard.ended.retry_at if heard.ended else None,
            message=heard.message,
            report=heard.report,
            refused_permission="; ".join(heard.refused),
            tokens_in=heard.usage.tokens_in if heard.usage else None,
            tokens_out=heard.usage.tokens_out if heard.usage else None,
            cost_usd=heard.usage.cost_usd if heard.usage else None,
            stopped=stopped,
        )

    def _hear(self, event: AgentEvent) -> None:
        match event:
            case TextDelta():
                self._heard.message = (self._heard.message + event.text)[-MESSAGE_CHARACTERS:]
                self._log.stream(event.text)
            case PermissionAsked():
                self._answer(event)
            case TurnEnded():
                self._heard.ended = event
            case ProcessExited():
                self._heard.ended = self._heard.ended or TurnEnded(TurnEnd.CRASHED, event.detail, None)
            case Usage():
                self._heard.usage = event
            case _:
                self._note(event)

    def _note(self, event: Thought | ToolStart | ToolUpdate | Plan | Retrying | Reported | Log) -> None:
        match event:
            case ToolStart():
                self._heard.message = ""
                self._log.say("tool", event.title)
            case Reported():
                self._heard.report = event
                self._log.say("report", f"{event.status}: {event.summary}")
            case ToolUpdate():
                self._log.say("tool", f"{event.title} {event.status}".strip())
            case Thought():
                self._log.say("think", event.text)
            case Plan():
                self._log.say("plan", "; ".join(event.entries))
            case Retrying():
                self._log.say("retry", event.detail)
            case Log():
                self._log.say(event.stream, event.text)
            case _:
                assert_never(event)

    def _answer(self, asked: PermissionAsked) -> None:
        """Answer at once: a person may take hours, and the turn would hold its process and slot so long."""
        option = asked.safest_option
        self._log.say("permit", f"{asked.title}: {option or 'refused'}")
        if asked.outside:
            self._refuse(f"{asked.title} ({', '.join(asked.outside[:_MOST_NAMED])})")
        self._session.answer(asked.permission_id, option)

    def _refuse(self, wanted: str) -> None:
        """Keep what a person will be asked about."""
        self._log.say("permit", f"outside the workspace, so a person is asked: {wanted}")
        if wanted not in self._heard.refused and len(self._heard.refused) < _MOST_NAMED:
            self._heard.refused.append(wanted)
