"""What a spec calls success, each line beside the evidence of the finished phases that speaks of it.

A line is linked to a phase's evidence where it names a file that the phase changed, the phase itself by its
number, or tests while the operator's own checks passed. Where nothing speaks of a line, a person judges.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from roadmark.executor.model import Attempt, Json, PhaseRun
from roadmark.executor.states import PhaseState
from roadmark.executor.tracker import MigrationView, TaskView
from roadmark.executor.verdict import Verification

_KINDS = ("success_criteria", "success_indicators")
_WORD = re.compile(r"[\w./-]+")
_CHECKING = frozenset(
    ("test", "tests", "tested", "testing", "check", "checks", "checked", "lint", "linter", "build", "builds")
)
_MOST_PATHS = 3


@dataclass(frozen=True, slots=True)
class Support:
    """A finished phase's attempt whose evidence speaks of a criterion, and what it says."""

    phase: int
    attempt: int
    attempt_id: str
    says: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """A line of the spec with what was measured about it; without any, only a person can tell."""

    text: str
    line: int
    supports: tuple[Support, ...]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A finished phase, and the attempt that finished it."""

    run: PhaseRun
    attempt: Attempt
    evidence: Json


def criteria_of(view: TaskView, run: MigrationView | None) -> tuple[Criterion, ...]:
    """The success criteria and indicators of a task, with the evidence of a migration."""
    finished = list(_finished(run)) if run else []
    entries = [entry for kind in _KINDS for entry in view.task.sections.get(kind, ())]
    return tuple(
        Criterion(entry["text"], entry["line"], tuple(_supports(entry["text"], finished)))
        for entry in entries
    )


def _finished(run: MigrationView) -> Iterator[_Finished]:
    for phase in run.phases:
        attempts = [attempt for attempt in run.attempts if attempt.phase == phase.phase]
        if phase.state in (PhaseState.DONE, PhaseState.CONFIRMED) and attempts and attempts[-1].evidence:
            yield _Finished(phase, attempts[-1], attempts[-1].evidence)


def _supports(text: str, finished: Sequence[_Finished]) -> Iterator[Support]:
    words = {word.strip("./-") for word in _WORD.findall(text.casefold())}
    for one in finished:
        says = [*_named_paths(words, one), *_checks(words, one), *_phase(text.casefold(), one)]
        if says:
            yield Support(one.run.phase, one.attempt.number, one.attempt.id, "; ".join(says))


def _named_paths(words: set[str], one: _Finished) -> Iterator[str]:
    changed = [path for path in one.evidence["changed_paths"] if _names(path.casefold()) & words]
    if changed:
        more = f" and {len(changed) - _MOST_PATHS} more" if len(changed) > _MOST_PATHS else ""
        yield f"changed {', '.join(changed[:_MOST_PATHS])}{more}"


def _names(path: str) -> set[str]:
    return {path, PurePosixPath(path).name}


def _checks(words: set[str], one: _Finished) -> Iterator[str]:
    if words & _CHECKING and one.evidence["verification"] == Verification.PASSED:
        yield "the operator's checks passed"


def _phase(text: str, one: _Finished) -> Iterator[str]:
    if one.run.published_commit and re.search(rf"\bphase {one.run.phase}\b", text):
        yield f"landed as {one.run.published_commit[:10]}"
