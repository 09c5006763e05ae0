"""The figures of the metrics page: what was measured, each against its target where it has one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roadmark.executor.model import Metric
from roadmark.executor.service import Service
from roadmark.executor.states import ENDED, Status
from roadmark.executor.store.metrics import MetricRepository
from roadmark.web.words import STATUS_WORDS

NEWEST = 100
WIDTH, HEIGHT = 1200, 200
MEMORY_TARGET_MB = 512.0
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

    def height(self, value: float) -> float:
        """Where a value stands, from the top."""
        return round(HEIGHT - HEIGHT * min(value, self.top) / self.top, 1)


def figures(service: Service) -> dict[str, Any]:
    """What the metrics page shows."""
    counts = service.tracker.counts()
    return {
        "statuses": [(status, STATUS_WORDS[status], counts.get(status, 0)) for status in Status],
        "most": max([1, *counts.values()]),
        "working": sum(counts.get(status, 0) for status in (Status.RUNNING, Status.CANCELLING)),
        "slots": service.settings.slot_count(),
        "charts": [chart for chart in _charts(service) if chart.points],
        "runs": _finished(service),
    }


def _charts(service: Service) -> list[Chart]:
    with service.store.read() as connection:
        metrics = MetricRepository(connection)
        durations = metrics.named("attempt.duration", NEWEST)
        memory = metrics.named("attempt.peak_memory", NEWEST)
        tokens = metrics.named("attempt.tokens_out", NEWEST)
    return [
        _chart("Duration of attempts", "s", durations, 1.0),
        _chart("Memory of attempts, at its peak", "MB", memory, 1e-6, MEMORY_TARGET_MB),
        _chart("Tokens written by attempts", "tokens", tokens, 1.0),
    ]


def _chart(
    title: str, unit: str, newest_first: Sequence[Metric], scale: float, target: float | None = None
) -> Chart:
    metrics = list(reversed(newest_first))
    values = [metric.value * scale for metric in metrics]
    top = max([*values, *([target] if target else []), 1e-9]) * 1.1
    step = WIDTH / max(1, len(values) - 1)
    points = [
        Point(metric.at, value, round(index * step, 1), round(HEIGHT - HEIGHT * value / top, 1))
        for index, (metric, value) in enumerate(zip(metrics, values, strict=True))
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


def _at(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _finished(service: Service) -> list[dict[str, Any]]:
    """The newest finished runs: estimate against what passed."""
    runs = service.tracker.migrations(None, _RUNS, ENDED)
    return [
        {"run": run, "task": service.tracker.fleet_row(run.task_id).task} for run in runs if run.finished_at
    ]
