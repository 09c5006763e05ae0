"""The page of each finding: what it means, why it matters, and an example of wrong and right."""

import re
from dataclasses import dataclass
from importlib.resources import files

from roadmark.ingest.problems import CODES

_EXAMPLE = re.compile(r"^## (?P<kind>Wrong|Right)\n\n~~~~(?P<info>[^\n]*)\n(?P<text>.*?)~~~~$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Example:
    """A file that has the finding (``is_wrong``) or the same file without it."""

    path: str
    text: str
    is_wrong: bool


def page_of(code: str) -> str | None:
    """The Markdown page of a code, upper or lower case; None for a code that there is not."""
    name = code.upper()
    if name not in CODES:
        return None
    return files("roadmark.ingest").joinpath("rules", f"{name}.md").read_text(encoding="utf-8")


def examples_of(page: str) -> tuple[Example, ...]:
    """The examples of a page, each with the name that its file would have."""
    return tuple(
        Example(_path(found["info"]), found["text"], found["kind"] == "Wrong")
        for found in _EXAMPLE.finditer(page)
    )


def _path(info: str) -> str:
    language, _, path = info.partition(" ")
    return path or ("tasks.json" if language == "json" else "specs/example.md")
