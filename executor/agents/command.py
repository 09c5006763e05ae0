"""An agent that is one program a turn: given the prompt, read line by line, ended with all of its tree."""

import json
import shutil
import time
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from roadmark.executor.agents.base import (
    AgentEvent,
    AgentUnavailable,
    Brief,
    Log,
    TextDelta,
    TurnEnd,
    TurnEnded,
)
from roadmark.executor.agents.homes import command_for, link_sign_in
from roadmark.executor.agents.meter import MemoryMeter
from roadmark.executor.agents.preset import Preset
from roadmark.executor.agents.reports import ReportSpool
from roadmark.executor.agents.streams import Failed, Finished, Heard, Named, json_line, plain_line
from roadmark.executor.config import AgentSettings
from roadmark.executor.provider_errors import TAIL_CHARACTERS, classify, retry_at
from roadmark.executor.workspace.errors import ProcessEnded, ProcessNotStarted
from roadmark.executor.workspace.lines import Line
from roadmark.executor.workspace.process import Child, Exit, spawn
from roadmark.executor.workspace.sandbox import SandboxMode
from roadmark.executor.workspace.terminal_text import clean_line

GRACE_S = 5.0
"""How long a program may tidy up when it is told to stop."""
AFTER_END_S = 10.0
"""How long a program may live on after its own event said that the turn is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How this agent is started: the person's settings over the preset."""

    settings: AgentSettings
    preset: Preset
    mode: SandboxMode
    memory_limit_bytes: int | None = None

    def argv(self, brief: Brief, prompt_file: Path, session_id: str) -> tuple[str, ...]:
        """The arguments, with the placeholders filled in."""
        resuming = brief.resume_session_id is not None and self.preset.resume
        template = self.settings.command or (self.preset.resume if resuming else self.preset.new)
        values = {
            "{prompt_file}": str(prompt_file),
            "{workspace}": str(brief.workspace),
            "{session}": session_id,
            **_report_values(brief),
        }
        return tuple(_filled(argument, values) for argument in template)


class CommandAgent:
    """A session of one turn with a program that is started for it."""

    def __init__(self, launch: Launch, brief: Brief) -> None:
        self._launch, self._brief = launch, brief
        self.session_id: str | None = brief.resume_session_id or str(uuid.uuid4())
        self.peak_memory_bytes: int | None = None
        self._prompt_file = brief.log_folder / f"prompt-{brief.phase}-{brief.attempt}.md"
        self._child: Child | None = None
        self._spool = ReportSpool(brief)
        self._pending: deque[AgentEvent] = deque()
        self._tail = ""
        self._failed: Failed | None = None
        self._over_at: float | None = None
        self._meter = MemoryMeter()
        self._ended = False

    def start(self) -> None:
        """Look whether the program is there. Raises: AgentUnavailable."""
        name, program = self._launch.settings.name, self._argv()[0] if self._argv() else ""
        if not program:
            raise AgentUnavailable(name, f"set [agents.{name}] command = [...] in roadmark.toml")
        if "/" not in program and shutil.which(program) is None:
            hint = self._launch.preset.install or "install it or correct the command"
            raise AgentUnavailable(name, f"there is no program {program!r} in PATH; {hint}")
        link_sign_in(self._launch.preset.sign_in, Path.home(), self._brief.home)

    def prompt(self, text: str, nonce: str) -> None:  # noqa: ARG002 - the prompt itself tells the nonce
        """Start the program on the prompt. Raises: AgentUnavailable."""
        self._spool.clear()
        self._prompt_file.parent.mkdir(parents=True, exist_ok=True)
        self._prompt_file.write_text(text, encoding="utf-8")
        by_stdin = self._launch.preset.prompt == "stdin"
        command = command_for(
            self._argv(),
            self._brief,
            preset=self._launch.preset,
            env_pass=self._launch.settings.env_pass,
            readable=(self._prompt_file,),
            stdin="pipe" if by_stdin else "null",
            memory_limit_bytes=self._launch.memory_limit_bytes,
        )
        try:
            self._child = spawn(command, self._launch.mode)
        except ProcessNotStarted as error:
            raise AgentUnavailable(self._launch.settings.name, str(error)) from error
        if by_stdin:
            self._give(self._child, text)

    def next_event(self, timeout_s: float) -> AgentEvent | None:
        """The next event of the program's output; its end ends the turn."""
        deadline = time.monotonic() + timeout_s
        while not self._pending and not self._ended:
            line = self._next_line(max(0.0, deadline - time.monotonic()))
            if line is not None:
                self._hear(line)
            elif not self._is_over() and time.monotonic() >= deadline:
                return None
        if self._pending:
            return self._pending.popleft()
        time.sleep(max(0.0, deadline - time.monotonic()))
        return None

    def answer(self, permission_id: str, option: str) -> None:
        """It cannot ask for permission."""

    def cancel(self) -> None:
        """Tell the program to stop, and end it where it does not."""
        if self._child is not None:
            self._child.terminate(GRACE_S)

    def close(self) -> None:
        """End the whole tree."""
        if self._child is not None:
            self._meter.look_now(self._child)
            self.peak_memory_bytes = self._meter.peak_bytes
            self._child.terminate(GRACE_S if not self._ended else 0.0)
            self._child = None

    def _argv(self) -> tuple[str, ...]:
        return self._launch.argv(self._brief, self._prompt_file, self.session_id or "")

    def _next_line(self, timeout_s: float) -> Line | None:
        if self._child is None:
            time.sleep(timeout_s)
            return None
        self._meter.look(self._child)
        return self._child.next_line(timeout_s)

    def _give(self, child: Child, text: str) -> None:
        """Hand the prompt in and close the input; a program that does not want it tells so by its end."""
        try:
            child.write(text.encode())
        except ProcessEnded:
            self._pending.append(Log("roadmark", "the agent ended before it had read its prompt"))
        child.close_input()

    def _hear(self, line: Line) -> None:
        if line.truncated:
            self._pending.append(Log("roadmark", "a line of more than 8 MiB was dropped"))
            return
        if line.stream == "stderr":
            self._remember(line.text)
            self._pending.append(Log("stderr", clean_line(line.text)))
            return
        if self._launch.preset.output == "plain":
            self._remember(line.text)
            self._take(plain_line(line.text))
        else:
            self._take(json_line(line.text, self._launch.preset.rules))

    def _remember(self, text: str) -> None:
        """Keep the end of the output: what a failed program said last tells why."""
        self._tail = f"{self._tail}{clean_line(text[-TAIL_CHARACTERS:])}\n"[-TAIL_CHARACTERS:]

    def _take(self, heard: list[Heard]) -> None:
        for one in heard:
            match one:
                case Named():
                    self.session_id = one.session_id
                case Failed():
                    self._failed = one
                case Finished():
                    self._over_at = time.monotonic()
                case TextDelta() if not one.text.strip("\n") and not self._pending:
                    pass
                case _:
                    self._pending.append(one)

    def _is_over(self) -> bool:
        """Whether the turn has ended; then its last event is there."""
        child = self._child
        if child is None:
            return False
        ended = child.ended
        lingers = self._over_at is not None and time.monotonic() - self._over_at > AFTER_END_S
        if ended is None and not lingers:
            return False
        self._ended = True
        self._pending.extend(self._spool.new_reports())
        self._pending.append(self._turn_end(child, ended))
        return True

    def _turn_end(self, child: Child, ended: Exit | None) -> TurnEnded:
        """How the turn ended, from the process's end and what it said last."""
        if child.memory_exceeded:
            return TurnEnded(TurnEnd.MEMORY, f"it took {child.peak_memory_bytes} bytes")
        code = ended.code if ended is not None else 0
        event = self._failed.event if self._failed is not None else None
        found = classify(code, event, self._tail)
        said = self._failed.detail if self._failed is not None else _last_line(self._tail)
        if found is not None:
            now = datetime.now(UTC)
            until = retry_at(f"{self._tail}\n{said}", now) if found is TurnEnd.RATE_LIMITED else None
            return TurnEnded(found, said, until)
        if code == 0 and self._failed is None:
            return TurnEnded(TurnEnd.COMPLETED)
        return TurnEnded(TurnEnd.CRASHED, f"{ended}: {said}" if said else str(ended))


def _report_values(brief: Brief) -> dict[str, str]:
    """What starts the `report_phase` tool, as the known tools want it in their arguments."""
    program, *arguments = ReportSpool(brief).command()
    server = {"command": program, "args": arguments}
    return {
        "{report_program}": json.dumps(program),
        "{report_arguments}": json.dumps(arguments),
        "{report_config}": json.dumps({"mcpServers": {"roadmark": server}}),
    }


def _filled(argument: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        argument = argument.replace(placeholder, value)
    return argument


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""
