"""MigrationMetrics: how long, how often, how much; kept as figures and gathered from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from roadmark.executor.model import Attempt, Metric, Migration
from roadmark.executor.states import Status
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.metrics import MetricRepository
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.store import Store

_SAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds, over the newest attempts."""

    count: int
    p50_s: float | None
    p95_s: float | None


class MigrationMetrics:
    """Keeps and reads figures."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of_attempt(self, transaction: Transaction, migration: Migration, attempt: Attempt) -> None:
        """Keep what a closed attempt cost: seconds, memory, tokens, money where they are known."""
        ended_at = attempt.ended_at or transaction.now
        figures = (
            ("attempt.duration", (ended_at - attempt.started_at).total_seconds(), "s"),
            ("attempt.peak_memory", attempt.peak_memory_bytes, "bytes"),
            ("attempt.tokens_in", attempt.tokens_in, "tokens"),
            ("attempt.tokens_out", attempt.tokens_out, "tokens"),
            ("attempt.cost", attempt.cost_usd, "usd"),
        )
        MetricRepository(transaction.connection).insert(
            [
                _figure(name, float(value), unit, migration, attempt, transaction.now)
                for name, value, unit in figures
                if value is not None
            ]
        )

    def of_migration(self, migration_id: str) -> list[Metric]:
        """The figures of one migration."""
        with self._store.read() as connection:
            return MetricRepository(connection).of_migration(migration_id)

    def attempt_durations(self) -> Durations:
        """Middle and slow attempts, in seconds."""
        with self._store.read() as connection:
            values = [
                metric.value for metric in MetricRepository(connection).named("attempt.duration", _SAMPLE)
            ]
        return Durations(len(values), _quantile(values, 0.5), _quantile(values, 0.95))

    def counts(self) -> dict[Status, int]:
        """How many migrations stand where."""
        with self._store.read() as connection:
            return MigrationRepository(connection).count_by_status()


def _figure(
    name: str, value: float, unit: str, migration: Migration, attempt: Attempt, at: datetime
) -> Metric:
    return Metric(
        name=name,
        value=value,
        unit=unit,
        migration_id=migration.id,
        phase=attempt.phase,
        attempt=attempt.number,
        at=at,
    )


def _quantile(values: Sequence[float], share: float) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
