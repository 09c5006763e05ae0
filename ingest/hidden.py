"""Text that a person does not see and an agent reads: direction overrides, zero-width and tag characters."""

import re
import unicodedata
from collections.abc import Iterator

from roadmark.ingest.problems import Problem, problem

_HIDDEN = re.compile("[\u00ad\u200b\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SHOWN = 20


def check_hidden(lines: tuple[str, ...]) -> Iterator[Problem]:
    """W004 and W005 for the first places of hidden and of control characters."""
    text = "\n".join(lines)
    if not text.isascii() and _HIDDEN.search(text):
        yield from _places(lines, _HIDDEN, "W004", "hidden character")
    if _CONTROL.search(text):
        yield from _places(lines, _CONTROL, "W005", "control character")


def _places(lines: tuple[str, ...], pattern: re.Pattern[str], code: str, what: str) -> Iterator[Problem]:
    shown = 0
    for number, line in enumerate(lines, 1):
        found = pattern.search(line)
        if found is None:
            continue
        shown += 1
        if shown > _SHOWN:
            return
        name = unicodedata.name(found[0], "").lower() or "no name"
        said = f"{what} U+{ord(found[0]):04X} ({name})"
        yield problem(
            code, number, said, column=found.start() + 1, hint="Take it out unless it must be there."
        )
