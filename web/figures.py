"""The figures of the metrics page: what was measured, each against its target where it has one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roadmark.executor.model import Metric, Migration
from roadmark.executor.run_figures import RunFigures
from roadmark.executor.service import Service
from roadmark.executor.states import ENDED, Status
from roadmark.executor.store.metrics import MetricRepository
from roadmark.executor.store.tasks import TaskSummary
from roadmark.web.words import STATUS_WORDS

NEWEST = 100
WIDTH, HEIGHT = 1200, 200
DURATION_TARGET_S = 30.0
MEMORY_TARGET_MB = 512.0
CONCURRENCY_TARGET = 100
_RUNS = 20


@dataclass(frozen=True, slots=True)
class Point:
    """A measured value, and where it stands in the drawing."""

    at: datetime
    value: float
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Values in the order of time, drawn as dots in a box of 1200 by 200."""

    title: str
    unit: str
    points: Sequence[Point]
    top: float
    p50: float | None
    p95: float | None
    target: float | None = None

    def said(self, value: float) -> str:
        """A value with its unit, times in the one that fits."""
        if self.unit == "s":
            return _span(value)
        return f"{value:,.0f} {self.unit}" if value >= 100 else f"{value:.3g} {self.unit}"

    def height(self, value: float) -> float:
        """Where a value stands, from the top."""
        return round(HEIGHT - HEIGHT * min(value, self.top) / self.top, 1)


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that has ended, with what it took."""

    run: Migration
    task: TaskSummary
    ended_at: datetime
    figures: RunFigures


def figures(service: Service) -> dict[str, Any]:
    """What the metrics page shows."""
    counts = service.tracker.counts()
    runs = _finished(service)
    return {
        "statuses": [(status, STATUS_WORDS[status], counts.get(status, 0)) for status in Status],
        "most": max([1, *counts.values()]),
        "working": sum(counts.get(status, 0) for status in (Status.RUNNING, Status.CANCELLING)),
        "slots": service.settings.slot_count(),
        "concurrency_target": CONCURRENCY_TARGET,
        "charts": [chart for chart in [*_charts(service), *_run_charts(runs)] if chart.points],
        "runs": runs,
        "database": _database(service),
    }


def _charts(service: Service) -> list[Chart]:
    with service.store.read() as connection:
        metrics = MetricRepository(connection)
        durations = metrics.named("attempt.duration", NEWEST)
        memory = metrics.named("attempt.peak_memory", NEWEST)
        tokens_in = metrics.named("attempt.tokens_in", NEWEST)
        tokens_out = metrics.named("attempt.tokens_out", NEWEST)
        cost = metrics.named("attempt.cost", NEWEST)
    return [
        _chart("Duration of attempts", "s", _values(durations), DURATION_TARGET_S),
        _chart("Memory of attempts, at its peak", "MB", _values(memory, 1e-6), MEMORY_TARGET_MB),
        _chart("Tokens read by attempts", "tokens", _values(tokens_in)),
        _chart("Tokens written by attempts", "tokens", _values(tokens_out)),
        _chart("Cost of attempts", "US$", _values(cost)),
    ]


def _run_charts(runs: Sequence[FinishedRun]) -> list[Chart]:
    """What passed without work, over the runs that have ended."""
    queued = [(run.ended_at, run.figures.times.queued_s) for run in runs]
    waiting = [(run.ended_at, run.figures.times.waiting_s) for run in runs]
    attempts = [(run.ended_at, float(run.figures.attempts)) for run in runs]
    return [
        _chart("Time of runs in the queue", "s", queued),
        _chart("Time that runs waited for a person", "s", waiting),
        _chart("Attempts that runs used", "attempts", attempts),
    ]


def _values(metrics: Sequence[Metric], scale: float = 1.0) -> list[tuple[datetime, float]]:
    return [(metric.at, metric.value * scale) for metric in metrics]


def _chart(
    title: str,
    unit: str,
    newest_first: Sequence[tuple[datetime, float]],
    target: float | None = None,
) -> Chart:
    measured = list(reversed(newest_first))
    values = [value for _, value in measured]
    top = max([*values, *([target] if target else []), 1e-9])
    step = WIDTH / max(1, len(values))
    points = [
        Point(at, value, round((index + 0.5) * step, 1), round(HEIGHT - HEIGHT * value / top, 1))
        for index, (at, value) in enumerate(measured)
    ]
    ordered = sorted(values)
    return Chart(
        title=title,
        unit=unit,
        points=points,
        top=top,
        p50=_at(ordered, 0.5),
        p95=_at(ordered, 0.95),
        target=target,
    )


def _span(seconds: float) -> str:
    for unit, length_s in (("h", 3600), ("min", 60), ("s", 1)):
        if seconds >= length_s:
            return f"{seconds / length_s:.3g} {unit}"
    return f"{1000 * seconds:.0f} ms"


def _at(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _finished(service: Service) -> list[FinishedRun]:
    """The newest finished runs with what they took."""
    now, tracker = service.clock.now(), service.tracker
    return [
        FinishedRun(run, tracker.fleet_row(run.task_id).task, run.finished_at, tracker.figures(run.id, now))
        for run in tracker.migrations(None, _RUNS, ENDED)
        if run.finished_at
    ]


def _database(service: Service) -> list[tuple[str, int, float]]:
    """How often the database was read and written, and how many milliseconds that took in the middle."""
    held = {name: histogram.held() for name, histogram in service.store.times.items()}
    return [
        (name, sum(one.counts), 1000 * one.sum_s / sum(one.counts))
        for name, one in held.items()
        if any(one.counts)
    ]
