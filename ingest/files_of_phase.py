"""Which declared files belong to which phase: named by it, or fitting its words best."""

import math
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from roadmark.ingest.spec import FileChange, Phase, Spec

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TEST = re.compile(r"(?:^|[/_.\-])(?:tests?|specs?|e2e)(?:[/_.\-]|$)", re.I)
_NAME_WEIGHT = 4.0
_SHORT_NAME = 3


@dataclass(frozen=True, slots=True)
class PhaseFiles:
    """The files of one phase: ``required`` are named in its own text, ``expected`` fit its words best."""

    phase: Phase
    required: tuple[FileChange, ...]
    expected: tuple[FileChange, ...]


def assign_files(spec: Spec) -> tuple[PhaseFiles, ...]:
    """The declared files by phase. Each declared file is expected in exactly one phase.

    A file that no phase's words fit goes to the last phase. Files that a phase names are required there, and
    expected in the first phase that names them.
    """
    if not spec.phases:
        return ()
    texts = [phase.text for phase in spec.phases]
    index = _WordIndex(texts)
    required: list[list[FileChange]] = [[] for _ in texts]
    expected: list[list[FileChange]] = [[] for _ in texts]
    for change in spec.files.all():
        named = [at for at, text in enumerate(texts) if _names(text, change.path)]
        for at in named:
            required[at].append(change)
        expected[named[0] if named else index.best(change)].append(change)
    return tuple(
        PhaseFiles(phase, tuple(named), tuple(found))
        for phase, named, found in zip(spec.phases, required, expected, strict=True)
    )


def _names(text: str, path: str) -> bool:
    """Whether a text holds a whole path, not only as the tail or head of a longer one."""
    if path not in text:
        return False
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w/-]|\.\w)", text) is not None


class _WordIndex:
    """Which phases hold which words; a word tells the more, the fewer phases hold it."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.phases_of: dict[str, list[int]] = {}
        for at, text in enumerate(texts):
            for word in set(_words(text)):
                self.phases_of.setdefault(word, []).append(at)

    def best(self, change: FileChange) -> int:
        """The phase whose words fit a file best, the first of equals; the last phase where none fits."""
        scores = [0.0] * len(self.texts)
        for word in _telling_words(change):
            phases = self.phases_of.get(word, ())
            for at in phases:
                scores[at] += math.log((len(self.texts) + 1) / len(phases))
        for at in self._naming(change):
            scores[at] += _NAME_WEIGHT
        best = max(scores)
        return scores.index(best) if best > 0 else len(scores) - 1

    def _naming(self, change: FileChange) -> list[int]:
        """The phases that name the file's class or module; a test's name says nothing about its phase."""
        name = PurePosixPath(change.path).name.split(".", 1)[0]
        if len(name) <= _SHORT_NAME or _TEST.search(change.path):
            return []
        whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        return [at for at, text in enumerate(self.texts) if name in text and whole.search(text)]


def _telling_words(change: FileChange) -> set[str]:
    """The words of a file's path and purpose; of a test not those of what it tests."""
    words = set(_words(f"{change.path} {change.purpose}"))
    if _TEST.search(change.path):
        stem = PurePosixPath(change.path).name.split(".", 1)[0]
        words -= {word for word in _words(stem) if word != "test"}
    return words


def _words(text: str) -> list[str]:
    """Lower-case words, CamelCase and snake_case cut apart, plural s taken off."""
    found = (word.casefold() for word in _WORD.findall(text))
    return [word.rstrip("s") if len(word) > 3 else word for word in found if len(word) > 1]
