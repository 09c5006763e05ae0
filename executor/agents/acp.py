"""An agent that speaks the Agent Client Protocol over stdio.

A small client of our own (docs/decisions/0004): synchronous and bounded. It offers the agent no files and no
terminals, since the agent has its sandbox.

Source: Agent Client Protocol, version 1; version 2's way of ending a turn by an update is understood.
"""

import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roadmark.executor.agents.base import (
    AgentEvent,
    AgentUnavailable,
    Brief,
    Log,
    PermissionAsked,
    ProcessExited,
    TextDelta,
    ToolStart,
    TurnEnd,
    TurnEnded,
)
from roadmark.executor.agents.command import Launch
from roadmark.executor.agents.connection import CallFailed, Connection
from roadmark.executor.agents.homes import command_for, link_sign_in
from roadmark.executor.agents.permissions import REFUSED, Grounds, judge, option_for
from roadmark.executor.agents.reports import PROGRAM, ReportSpool
from roadmark.executor.agents.rpc import AUTH_REQUIRED, Answer, Json, Message, Notice, Request
from roadmark.executor.agents.speech import Speech
from roadmark.executor.agents.updates import MOST_TITLE, ended, event_of, usage_of
from roadmark.executor.provider_errors import TAIL_CHARACTERS, classify, retry_at
from roadmark.executor.workspace.errors import ProcessEnded, ProcessNotStarted
from roadmark.executor.workspace.process import spawn
from roadmark.executor.workspace.terminal_text import clean_line

HANDSHAKE: Json = {
    "protocolVersion": 1,
    "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
    "clientInfo": {"name": "roadmark", "title": "Roadmark", "version": "1"},
}
"""What we say of ourselves: no files, no terminals."""
GRACE_S = 3.0
CANCEL_S = 5.0
"""How long an agent may take to end its turn after it was told to."""
_LOOK_S = 0.5
_MOST_PENDING = 10_000


class AcpAgent:
    """A session with one agent process."""

    def __init__(self, launch: Launch, brief: Brief) -> None:
        self._launch, self._brief = launch, brief
        self.session_id: str | None = brief.resume_session_id
        self.peak_memory_bytes: int | None = None
        self._spool = ReportSpool(brief)
        self._connection: Connection | None = None
        self._asked: dict[str, Any] = {}
        place = brief.place
        self._grounds = Grounds(
            workspace=brief.workspace,
            home=brief.home,
            protected_paths=brief.protected_paths,
            closed=(place.state_dir, place.repository),
        )
        self._pending: deque[AgentEvent] = deque()
        self._turn: int | None = None
        self._is_prompted = False
        self._speech = Speech()

    def start(self) -> None:
        """Start the agent, shake hands, load or open the chat. Raises: AgentUnavailable."""
        link_sign_in(self._launch.preset.sign_in, Path.home(), self._brief.home)
        self._spool.clear()
        try:
            self._connection = Connection(self._launch.settings.name, self._spawned())
            self._open_chat(self._connection, self._shake_hands(self._connection))
        except (ProcessNotStarted, ProcessEnded) as error:
            raise self._unavailable(self._with_last_error(str(error))) from error
        except CallFailed as error:
            raise self._unavailable(self._why(error)) from error

    def prompt(self, text: str, nonce: str) -> None:  # noqa: ARG002 - the prompt itself tells the nonce
        """Begin a turn. Raises: AgentUnavailable where the agent is not there."""
        if self._connection is None:
            raise self._unavailable("it was not started")
        self._speech, self._is_prompted = Speech(), True
        parameters = {"sessionId": self.session_id, "prompt": [{"type": "text", "text": text}]}
        try:
            self._turn = self._connection.request("session/prompt", parameters)
        except ProcessEnded as error:
            self._pending.append(ProcessExited(self._with_last_error(str(error))))

    def next_event(self, timeout_s: float) -> AgentEvent | None:
        """The next event. The agent's output is read only here, so that a flood waits in its own pipe."""
        deadline = time.monotonic() + timeout_s
        while not self._pending:
            heard = self._listen(min(max(0.0, deadline - time.monotonic()), _LOOK_S))
            if heard:
                continue
            self._pending.extend(self._spool.new_reports())
            if not self._pending and time.monotonic() >= deadline:
                return None
        return self._pending.popleft()

    def answer(self, permission_id: str, option: str) -> None:
        """Give the chosen option; an empty one cancels the request."""
        identity = self._asked.pop(permission_id, None)
        if identity is not None and self._connection is not None:
            outcome = {"outcome": "selected", "optionId": option} if option else {"outcome": "cancelled"}
            self._connection.reply(identity, {"outcome": outcome})

    def cancel(self) -> None:
        """Tell the agent to stop, and give it a moment to do so."""
        if self._turn is None or self._connection is None:
            return
        for permission_id in list(self._asked):
            self.answer(permission_id, REFUSED)
        self._connection.tell("session/cancel", {"sessionId": self.session_id})
        deadline = time.monotonic() + CANCEL_S
        while self._turn is not None and time.monotonic() < deadline:
            self._listen(_LOOK_S)

    def close(self) -> None:
        """End the whole tree."""
        if self._connection is not None:
            self._connection.close(GRACE_S)
            self.peak_memory_bytes = self._connection.peak_memory_bytes
            self._connection = None

    def _spawned(self) -> Any:
        command = command_for(
            self._launch.argv(self._brief, self._brief.log_folder, self.session_id or ""),
            self._brief,
            preset=self._launch.preset,
            env_pass=self._launch.settings.env_pass,
            readable=(PROGRAM,),
            stdin="pipe",
            memory_limit_bytes=self._launch.memory_limit_bytes,
        )
        return spawn(command, self._launch.mode)

    def _shake_hands(self, connection: Connection) -> Json:
        return connection.call("initialize", HANDSHAKE, self._hear)

    def _open_chat(self, connection: Connection, agent: Json) -> None:
        """Load the chat where there is one to go on with and the agent can, else begin a new one."""
        command, *arguments = self._spool.command()
        tool = {"name": "roadmark", "command": command, "args": arguments, "env": []}
        parameters = {"cwd": str(self._brief.workspace), "mcpServers": [tool]}
        if self.session_id is not None and _can_load(agent):
            try:
                connection.call("session/load", {**parameters, "sessionId": self.session_id}, self._hear)
            except CallFailed as error:
                self._keep(Log("roadmark", f"the chat could not be loaded ({error}); a new one begins"))
            else:
                return
        opened = connection.call("session/new", parameters, self._hear).get("sessionId")
        if not isinstance(opened, str) or not opened:
            raise CallFailed({"message": "it opened a chat without naming it"})
        self.session_id = opened[:200]

    def _listen(self, timeout_s: float) -> bool:
        """Hear one thing, or notice the end; False where nothing came."""
        if self._connection is None:
            time.sleep(timeout_s)
            return False
        heard = self._connection.read(timeout_s)
        if heard is not None:
            self._hear(heard)
        elif self._turn is not None and self._connection.ended is not None:
            self._turn = None
            self._pending.append(self._exit_event(self._connection))
        elif self._connection.ended is not None:
            time.sleep(timeout_s)
        return heard is not None

    def _hear(self, heard: Message | Log) -> None:
        match heard:
            case Log():
                self._keep(heard)
            case Answer():
                self._answered(heard)
            case Request(method="session/request_permission"):
                self._permission(heard)
            case Request() if self._connection is not None:
                self._connection.refuse(heard.identity, "this client does not offer that")
            case Notice(method="session/update"):
                self._updated(heard.parameters)
            case _:
                pass

    def _keep(self, event: AgentEvent) -> None:
        """Queue an event; before the first prompt nobody takes them out, so what is too much is dropped."""
        if len(self._pending) < _MOST_PENDING:
            self._pending.append(event)

    def _answered(self, answer: Answer) -> None:
        """The answer to the prompt ends the turn, unless it is only an acknowledgement (version 2)."""
        if self._turn is None or answer.identity != self._turn:
            return
        if answer.error is not None:
            self._end(_failed(answer.error))
            return
        result = answer.result or {}
        usage = usage_of(result)
        if usage is not None:
            self._keep(usage)
        if "stopReason" in result:
            self._end(ended(result))

    def _updated(self, parameters: Json) -> None:
        update = parameters.get("update")
        known = parameters.get("sessionId") in (self.session_id, None)
        if not self._is_prompted or not known or not isinstance(update, dict):
            return  # a loaded chat tells its whole history before the first prompt
        match event := event_of(update):
            case TurnEnded():
                self._end(event)
            case TextDelta():
                self._keep(TextDelta(self._speech.add(event.text, update.get("messageId"))))
            case ToolStart():
                self._speech.interrupt()
                self._keep(event)
            case None:
                pass
            case _:
                self._keep(event)

    def _end(self, event: TurnEnded) -> None:
        """The end of the turn. An agent may call an error of its provider an ordinary end."""
        if self._turn is None:
            return
        self._turn = None
        if event.end is TurnEnd.COMPLETED:
            found = classify(0, None, self._speech.tail)
            event = _troubled(found, self._speech.tail) if found is not None else event
        self._pending.extend(self._spool.new_reports())
        self._pending.append(event)

    def _permission(self, request: Request) -> None:
        call, options = request.parameters.get("toolCall"), request.parameters.get("options")
        tool_call = call if isinstance(call, dict) else {}
        offered = (
            [option for option in options if isinstance(option, dict)] if isinstance(options, list) else []
        )
        permission_id = f"permission-{request.identity}"[:MOST_TITLE]
        self._asked[permission_id] = request.identity
        if len(self._pending) >= _MOST_PENDING or self._turn is None:
            self.answer(permission_id, REFUSED)
            return
        judged = judge(tool_call, self._grounds)
        self._pending.append(
            PermissionAsked(
                permission_id=permission_id,
                title=clean_line(
                    str(tool_call.get("title", tool_call.get("kind", "something")))[:MOST_TITLE]
                ),
                options=tuple(str(option.get("optionId", ""))[:MOST_TITLE] for option in offered),
                safest_option=option_for(judged.ruling, offered),
                outside=tuple(clean_line(path)[:MOST_TITLE] for path in judged.outside),
            )
        )

    def _exit_event(self, connection: Connection) -> AgentEvent:
        """What the end of the process in the middle of a turn means."""
        if connection.memory_exceeded:
            return TurnEnded(TurnEnd.MEMORY, f"it took {connection.peak_memory_bytes} bytes")
        code = connection.ended.code if connection.ended is not None else None
        found = classify(code, None, connection.errors)
        if found is not None:
            return _troubled(found, connection.errors)
        return ProcessExited(self._with_last_error(str(connection.ended)))

    def _unavailable(self, why: str) -> AgentUnavailable:
        self.close()
        return AgentUnavailable(self._launch.settings.name, why)

    def _why(self, error: CallFailed) -> str:
        """What a person is told when the chat could not be opened."""
        if error.error.get("code") == AUTH_REQUIRED or classify(None, error.error, "") is TurnEnd.AUTH:
            return self._with_last_error(
                f"it is not signed in ({error}). {self._launch.preset.install}".strip()
            )
        return self._with_last_error(str(error))

    def _with_last_error(self, text: str) -> str:
        last = self._connection.last_error() if self._connection is not None else ""
        return f"{text}; it said last: {last}" if last else text


def _can_load(agent: Json) -> bool:
    capabilities = agent.get("agentCapabilities")
    return isinstance(capabilities, dict) and capabilities.get("loadSession") is True


def _failed(error: Json) -> TurnEnded:
    """A prompt that was answered with an error. The protocol's own code says nothing about the provider."""
    said = str(error.get("message", ""))[:500]
    if error.get("code") == AUTH_REQUIRED:
        return TurnEnded(TurnEnd.AUTH, said)
    told = {key: value for key, value in error.items() if key != "code"}
    found = classify(None, told, "") or TurnEnd.PROVIDER_ERROR
    return _troubled(found, f"{said} {error.get('data', '')}"[:TAIL_CHARACTERS])


def _troubled(end: TurnEnd, said: str) -> TurnEnded:
    until = retry_at(said, datetime.now(UTC)) if end is TurnEnd.RATE_LIMITED else None
    return TurnEnded(end, " ".join(clean_line(line) for line in said.split())[-500:], until)
