"""The built-in agent without a model: it lays out the files that a phase declares, and says so plainly."""

import re
import threading
import unicodedata
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from roadmark.executor.agents.base import (
    AgentEvent,
    AgentUnavailable,
    Brief,
    Reported,
    ReportStatus,
    TextDelta,
    ToolUpdate,
    TurnEnd,
    TurnEnded,
)
from roadmark.executor.agents.confined import PathRefused, create_file
from roadmark.executor.agents.skeletons import can_hold_words, one_line, skeleton
from roadmark.executor.model import TaskFile

_MOST_NOTES = 50


@dataclass(slots=True)
class _Laid:
    """What the agent did and what it left."""

    created: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class ScaffoldAgent:
    """Creates honest skeletons for a phase's declared files; never overwrites, never claims more.

    What it cannot do without a model (change, move or delete files, write images) is listed in a note
    ``docs/roadmark/<spec>/phase-<n>.md``, which also stands in where a phase declares no file to create.
    """

    def __init__(self, brief: Brief) -> None:
        self._brief = brief
        self._events: deque[AgentEvent] = deque()
        self._something = threading.Event()
        self.session_id: str | None = None
        self.peak_memory_bytes: int | None = None

    def start(self) -> None:
        """Look whether there is a workspace. Raises: AgentUnavailable."""
        if not self._brief.workspace.is_dir():
            raise AgentUnavailable("scaffold", f"the workspace {self._brief.workspace} is not there")

    def prompt(self, text: str, nonce: str) -> None:  # noqa: ARG002 - it works by the brief alone
        """Do the whole work at once; the events tell of it."""
        laid = _Laid()
        for file in self._brief.files:
            self._lay(file, laid)
        if laid.left or not laid.created:
            self._note(laid)
        summary = _summary(laid)
        self._tell(TextDelta(summary))
        self._tell(Reported(status=ReportStatus.DONE, summary=summary, nonce=nonce))
        self._tell(TurnEnded(TurnEnd.COMPLETED))

    def next_event(self, timeout_s: float) -> AgentEvent | None:
        """The next event; waits where there is none."""
        if not self._events:
            self._something.wait(timeout_s)
            return None
        return self._events.popleft()

    def answer(self, permission_id: str, option: str) -> None:
        """It never asks for permission."""

    def cancel(self) -> None:
        """Nothing is under way between its events."""

    def close(self) -> None:
        """It has no process."""

    def _tell(self, event: AgentEvent) -> None:
        self._events.append(event)

    def _lay(self, file: TaskFile, laid: _Laid) -> None:
        """Create one declared file, or note why not."""
        if file.action != "create":
            laid.left.append(f"`{one_line(file.path)}` ({one_line(file.action)}): left as it is")
            return
        path = f"{file.path.rstrip('/')}/README.md" if file.path.endswith("/") else file.path
        if not can_hold_words(path):
            laid.left.append(f"`{one_line(path)}`: a file of this kind cannot be laid out as text")
            return
        try:
            made = create_file(self._brief.workspace, path, self._skeleton(path, file.purpose))
        except PathRefused as refused:
            laid.left.append(f"`{one_line(path)}`: {one_line(refused.why)}")
            return
        (laid.created if made else laid.present).append(path)
        self._tell(ToolUpdate(path, path, "skeleton created" if made else "is there already"))

    def _skeleton(self, path: str, purpose: str) -> bytes:
        origin = f"{self._brief.spec_title}, phase {self._brief.phase}"
        return skeleton(path, purpose, origin).encode()

    def _note(self, laid: _Laid) -> None:
        """Write the note about what is not done, under a name that is free."""
        text = self._note_text(laid).encode()
        for number in range(1, _MOST_NOTES):
            path = self._note_path(number)
            try:
                if create_file(self._brief.workspace, path, text):
                    laid.created.append(path)
                    self._tell(ToolUpdate(path, path, "note created"))
                    return
            except PathRefused as refused:
                laid.left.append(f"`{path}`: {refused.why}")
                return

    def _note_path(self, number: int) -> str:
        again = f"-{number}" if number > 1 else ""
        return str(
            Path("docs", "roadmark", slug(self._brief.spec_title), f"phase-{self._brief.phase}{again}.md")
        )

    def _note_text(self, laid: _Laid) -> str:
        title, name = one_line(self._brief.spec_title), one_line(self._brief.phase_name)
        lines = [
            f"# {title}: phase {self._brief.phase}, {name}",
            "",
            "Written by Roadmark's scaffold agent. It has no model: nothing of this phase is implemented.",
        ]
        if self._brief.items:
            lines += ["", "Still to do:", "", *(f"- {one_line(item)}" for item in self._brief.items)]
        if laid.left:
            lines += ["", "Files that were left:", "", *(f"- {entry}" for entry in laid.left)]
        return "\n".join(lines) + "\n"


def _summary(laid: _Laid) -> str:
    """What the agent says at the end."""
    parts = [f"Only skeletons were laid out, nothing is implemented: {_count(laid.created, 'file')} created."]
    if laid.present:
        parts.append(f"{_count(laid.present, 'file')} stood there already.")
    if laid.left:
        parts.append(f"{_count(laid.left, 'file')} left to a person or another agent; the note lists them.")
    return " ".join(parts)


def _count(things: list[str], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def slug(title: str) -> str:
    """A title as a folder name: ``Migration Setup!`` gives ``migration-setup``."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "spec"
