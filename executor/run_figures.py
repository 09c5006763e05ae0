"""What a migration took: time in each kind of state, attempts, tokens, money, memory; and its estimate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from roadmark.executor.model import Attempt
from roadmark.executor.states import ENDED, WORKING, Status

Number = TypeVar("Number", int, float)
Moves = Sequence[tuple[datetime, Status]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds by what a migration was doing; together they are the time from its start to its end or now."""

    queued_s: float
    working_s: float
    waiting_s: float
    parked_s: float
    held_s: float
    """Paused, blocked, failed, quarantined or rolled back: until a person decided."""

    @property
    def elapsed_s(self) -> float:
        """All of them."""
        return self.queued_s + self.working_s + self.waiting_s + self.parked_s + self.held_s


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """A migration's figures; None where no attempt told."""

    times: Times
    attempts: int
    attempts_used: int
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    peak_memory_bytes: int | None
    estimated_hours: float | None

    @property
    def worked_hours(self) -> float:
        """What is held against the estimate: the time in which somebody worked on it."""
        return self.times.working_s / 3600

    @property
    def share_of_estimate(self) -> float | None:
        """Hours worked over hours estimated."""
        return self.worked_hours / self.estimated_hours if self.estimated_hours else None


def figures_of(
    moves: Moves, attempts: Sequence[Attempt], estimated_hours: float | None, now: datetime
) -> RunFigures:
    """The figures of a migration from its moves and attempts."""
    return RunFigures(
        times=times_of(moves, now),
        attempts=len(attempts),
        attempts_used=sum(attempt.used for attempt in attempts),
        tokens_in=_sum(attempt.tokens_in for attempt in attempts),
        tokens_out=_sum(attempt.tokens_out for attempt in attempts),
        cost_usd=_sum(attempt.cost_usd for attempt in attempts),
        peak_memory_bytes=max(
            (a.peak_memory_bytes for a in attempts if a.peak_memory_bytes is not None), default=None
        ),
        estimated_hours=estimated_hours,
    )


def times_of(moves: Moves, now: datetime) -> Times:
    """How long a migration did what. After an end no time counts, nor where the clock was set back."""
    spent: dict[str, float] = dict.fromkeys(("queued_s", "working_s", "waiting_s", "parked_s", "held_s"), 0.0)
    for (since, status), (until, _) in pairwise([*moves, (now, Status.COMPLETED)]):
        if status not in ENDED:
            spent[_DOING.get(status, "held_s")] += max(0.0, (until - since).total_seconds())
    return Times(**spent)


_DOING: Mapping[Status, str] = {
    Status.QUEUED: "queued_s",
    Status.WAITING: "waiting_s",
    Status.PARKED: "parked_s",
    **dict.fromkeys(WORKING, "working_s"),
}


def _sum(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
