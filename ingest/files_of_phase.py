"""Which declared files belong to which phase: named by it, or fitting its words best."""

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from roadmark.ingest.spec import FileChange, Phase, Spec

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TEST = re.compile(r"(?:^|[/_.\-])(?:tests?|specs?|e2e)(?:[/_.\-]|$)", re.I)
_NAME_WEIGHT = 4.0


@dataclass(frozen=True, slots=True)
class PhaseFiles:
    """The files of one phase: ``required`` are named in its own text, ``expected`` fit its words best."""

    phase: Phase
    required: tuple[FileChange, ...]
    expected: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class _PhaseWords:
    text: str
    words: frozenset[str]


def assign_files(spec: Spec) -> tuple[PhaseFiles, ...]:
    """The declared files by phase. Each declared file is expected in exactly one phase.

    A file that no phase's words fit goes to the last phase. Files that a phase names are required there, and
    expected in the first phase that names them.
    """
    if not spec.phases:
        return ()
    sources = [_PhaseWords(phase.text, frozenset(_words(phase.text))) for phase in spec.phases]
    rarity = _rarity(sources)
    expected: list[list[FileChange]] = [[] for _ in spec.phases]
    for change in spec.files.all():
        expected[_best(change, sources, rarity)].append(change)
    return tuple(
        PhaseFiles(phase, tuple(c for c in spec.files.all() if _names(source.text, c.path)), tuple(found))
        for phase, source, found in zip(spec.phases, sources, expected, strict=True)
    )


def _names(text: str, path: str) -> bool:
    """Whether a text holds a whole path, not only as the tail or head of a longer one."""
    return re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w/-]|\.\w)", text) is not None


def _best(change: FileChange, sources: list[_PhaseWords], rarity: dict[str, float]) -> int:
    named = [at for at, source in enumerate(sources) if _names(source.text, change.path)]
    if named:
        return named[0]
    scores = [_score(change, source, rarity) for source in sources]
    best = max(scores)
    return scores.index(best) if best > 0 else len(sources) - 1


def _score(change: FileChange, source: _PhaseWords, rarity: dict[str, float]) -> float:
    own = frozenset(_words(f"{change.path} {change.purpose}"))
    shared = sum(rarity.get(word, 0.0) for word in own & source.words)
    name = PurePosixPath(change.path).name.split(".", 1)[0]
    is_named = len(name) > 3 and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source.text) is not None
    is_test = _TEST.search(change.path) is not None
    return shared + (_NAME_WEIGHT if is_named and not is_test else 0.0)


def _rarity(sources: list[_PhaseWords]) -> dict[str, float]:
    """The weight of each word: the fewer phases hold it, the more it tells."""
    counts = Counter(word for source in sources for word in source.words)
    return {word: math.log((len(sources) + 1) / count) for word, count in counts.items()}


def _words(text: str) -> list[str]:
    """Lower-case words, CamelCase and snake_case cut apart, plural s taken off."""
    found = (word.casefold() for word in _WORD.findall(text))
    return [word.rstrip("s") if len(word) > 3 else word for word in found if len(word) > 1]
