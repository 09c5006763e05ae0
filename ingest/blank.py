"""Blank specs, filled with a title."""

import re
from importlib.resources import files

KINDS = ("feature", "refactoring", "migration")
_NOT_WORD = re.compile(r"[^\w]+")


def file_name(title: str) -> str:
    """The name of a spec's file: its title in lower case with hyphens.

    >>> file_name("Log in, twice!")
    'log-in-twice.md'
    """
    slug = _NOT_WORD.sub("-", title.casefold()).strip("-_")[:80]
    return f"{slug or 'spec'}.md"


def blank_spec(title: str, kind: str) -> str:
    """The text of a blank spec; ``kind`` is one of KINDS."""
    line = " ".join(title.split())
    branch = f"{'feature' if kind == 'feature' else kind}/{file_name(title).removesuffix('.md')}"
    text = files("roadmark.templates").joinpath("spec", f"{kind}.md").read_text(encoding="utf-8")
    return text.replace("{{title}}", line).replace("{{branch}}", branch).replace("{{file}}", file_name(title))
