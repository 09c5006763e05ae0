"""Bytes from a pipe, cut into lines of bounded length."""

from dataclasses import dataclass
from typing import Literal

LINE_LIMIT_BYTES = 8 * 1024 * 1024
KEPT_OF_LONG_LINES = 4096

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. A truncated one was too long: only its beginning is here."""

    stream: Stream
    text: str
    truncated: bool = False


class LineSplitter:
    """Cuts what arrives on one stream."""

    def __init__(self, stream: Stream, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._stream, self._limit_bytes = stream, limit_bytes
        self._partial = bytearray()
        self._is_dropping = False

    def feed(self, data: bytes) -> list[Line]:
        """The lines that are complete now."""
        *complete, rest = data.split(b"\n")
        lines = [line for part in complete for line in self._complete(part)]
        return lines + self._keep(rest)

    def finish(self) -> list[Line]:
        """The last line, where the stream ended without a line end."""
        return self._complete(b"") if self._partial else []

    def _complete(self, part: bytes) -> list[Line]:
        too_long = self._keep(part)
        was_dropping, self._is_dropping = self._is_dropping, False
        if was_dropping:
            return too_long
        text = self._partial.removesuffix(b"\r").decode("utf-8", "replace")
        self._partial.clear()
        return [Line(self._stream, text)]

    def _keep(self, part: bytes) -> list[Line]:
        """Add to the incomplete line; once it is too long, give it out cut and drop the rest."""
        if self._is_dropping:
            return []
        self._partial += part
        if len(self._partial) <= self._limit_bytes:
            return []
        text = self._partial[:KEPT_OF_LONG_LINES].decode("utf-8", "replace")
        self._partial = bytearray()
        self._is_dropping = True
        return [Line(self._stream, text, truncated=True)]
