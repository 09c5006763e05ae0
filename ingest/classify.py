"""Type and category where a spec does not say them."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from roadmark.ingest.spec import TYPES, TechnicalRequirements

CATEGORIES = (
    "backend",
    "frontend",
    "database",
    "api",
    "automation",
    "security",
    "performance",
    "testing",
    "documentation",
    "deployment",
    "infrastructure",
    "migration",
    "ide",
    "ui",
)
_TYPE_WORDS = (
    ("bugfix", r"\b(?:bug ?fix|fix(?:es|ing)?|hotfix|repair|bug)\b"),
    ("refactor", r"\brefactor\w*|\brestructur\w*|\bcleanup\b|\breorgani[sz]\w*"),
    ("migration", r"\bmigrat\w+"),
    ("testing", r"\btests?\b|\btesting\b|\bcoverage\b"),
    ("documentation", r"\bdocumentation\b|\bdocs\b"),
    ("deployment", r"\bdeploy\w*|\brelease\b"),
    ("performance", r"\bperformance\b|\boptimi[sz]\w+"),
    ("security", r"\bsecurity\b|\bhardening\b|\bvulnerabilit\w+"),
)
_TYPE_PATTERNS = tuple((name, re.compile(words, re.I)) for name, words in _TYPE_WORDS)
_CHANGE_FIELDS = ("frontend", "backend", "database", "api")


def known_type(text: str | None) -> str | None:
    """The type that a value names, or None.

    >>> known_type("Feature"), known_type("bug fix"), known_type("poem")
    ('feature', 'bugfix', None)
    """
    if text is None:
        return None
    words = text.casefold().strip()
    named = next((name for name in TYPES if re.match(rf"{name}\b", words)), None)
    return named or next((name for name, pattern in _TYPE_PATTERNS if pattern.match(words)), None)


def type_of_title(title: str) -> str:
    """The type that the words of a title suggest; ``feature`` where they suggest none."""
    return next((name for name, pattern in _TYPE_PATTERNS if pattern.search(title)), "feature")


def usual_category(stated: str | None) -> str | None:
    """A stated category in its usual spelling: ``Backend`` is ``backend``, an own word stays as it is."""
    if stated is not None and stated.casefold() in CATEGORIES:
        return stated.casefold()
    return stated


def category_of_folder(path: str) -> str | None:
    """The category that a folder of the path names, the nearest first."""
    folders = [part.casefold() for part in PurePosixPath(path.replace("\\", "/")).parts[:-1]]
    return next((folder for folder in reversed(folders) if folder in CATEGORIES), None)


def category_of_changes(requirements: TechnicalRequirements) -> str | None:
    """Where most of the declared changes are; None where none are declared."""
    counts: Mapping[str, int] = {
        name: len(getattr(requirements, f"{name}_changes")) for name in _CHANGE_FIELDS
    }
    best = max(_CHANGE_FIELDS, key=lambda name: counts[name])
    return best if counts[best] else None
