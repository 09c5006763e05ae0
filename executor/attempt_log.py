"""What an agent says, line by line: into the attempt's file, and in batches into the journal."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from roadmark.executor.clock import Clock
from roadmark.executor.masking import mask
from roadmark.executor.workspace.terminal_text import clean_line

FILE_LIMIT_BYTES = 64 * 1024 * 1024
BATCH_LINES = 100
BATCH_S = 0.25
JOURNAL_BATCHES = 400
"""Batches of one attempt that reach the journal; what comes later is in the file alone."""

_LINE_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number in the file, who said it, and what."""

    n: int
    stream: str
    text: str


Publish = Callable[[list[Line]], None]


class AttemptLog:
    """Written by the worker of the attempt."""

    def __init__(self, path: Path, clock: Clock, publish: Publish) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: BinaryIO = open(path, "ab")  # noqa: SIM115 - closed by `close`
        self._clock, self._publish = clock, publish
        self._written = self._file.tell()
        self._count = 0
        self._batches = 0
        self._waiting: list[Line] = []
        self._flushed_at = clock.monotonic_s()
        self._half = {"agent": ""}

    def say(self, stream: str, text: str) -> None:
        """Add whole lines."""
        for line in text.splitlines() or [""]:
            self._add(stream, line)

    def stream(self, text: str) -> None:
        """Add a piece of the agent's message; lines are cut where they end."""
        *whole, rest = (self._half["agent"] + text).split("\n")
        self._half["agent"] = rest
        for line in whole:
            self._add("agent", line)

    def tick(self) -> None:
        """Give what is waiting to the journal, if it has waited long enough."""
        if self._waiting and self._clock.monotonic_s() - self._flushed_at >= BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Give what is waiting to the journal now."""
        self._flushed_at = self._clock.monotonic_s()
        batch, self._waiting = self._waiting, []
        self._file.flush()
        if batch and self._batches < JOURNAL_BATCHES:
            self._batches += 1
            self._publish(batch)

    def close(self) -> None:
        """Write what is left."""
        if self._half["agent"]:
            self._add("agent", self._half["agent"])
            self._half["agent"] = ""
        self.flush()
        self._file.close()

    def _add(self, stream: str, raw: str) -> None:
        self._count += 1
        if self._written > FILE_LIMIT_BYTES:
            if not self._has_room():
                self.tick()
                return  # nobody will ever see it: the flood only has to pass
            raw = raw[: 2 * _LINE_CHARACTERS]  # the journal shows the half of it: no secret is cut unseen
        text = mask(clean_line(raw))
        self._write(f"{self._clock.now():%H:%M:%S} {stream:<6} {text}\n".encode())
        if self._has_room():
            self._waiting.append(Line(self._count, stream, text[:_LINE_CHARACTERS]))
        self.tick()

    def _has_room(self) -> bool:
        """Whether the journal will hear of a line that comes now."""
        return self._batches < JOURNAL_BATCHES and len(self._waiting) < BATCH_LINES

    def _write(self, line: bytes) -> None:
        if self._written > FILE_LIMIT_BYTES:
            return
        self._written += len(line)
        if self._written > FILE_LIMIT_BYTES:
            line = b"... the log was cut here: it reached 64 MiB\n"
        self._file.write(line)
