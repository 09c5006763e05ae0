"""Agent output as text that may be shown: no escape sequences, no control characters."""

import re

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)"  # operating system commands: titles, links, clipboards
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)"  # device control, privacy and application strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor moves
    r"|\x1b[ -/]*[0-~]?"  # the two-character rest
)
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def clean_line(text: str) -> str:
    """The line without escape sequences, control, direction and tag characters.

    What a carriage return overwrote on a terminal is gone here too; lone surrogates become '?'.

    >>> clean_line("\\x1b[31mred\\x1b[0m and \\x07plain")
    'red and plain'
    >>> clean_line("10 %\\r100 %")
    '100 %'
    """
    if text.isprintable():
        return text
    last = _ESCAPES.sub("", text).rstrip("\r\n").rsplit("\r", 1)[-1]
    return _CONTROLS.sub("", last).encode("utf-8", "replace").decode("utf-8")
