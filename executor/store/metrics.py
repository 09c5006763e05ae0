"""MetricRepository: figures, over the caller's connection."""

from collections.abc import Collection

import sqlalchemy as sa
from roadmark.executor.model import Metric
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import pack, unpack
from roadmark.executor.store.statements import insert_all


class MetricRepository:
    """Reads and writes figures."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def insert(self, metrics: Collection[Metric]) -> None:
        """Keep the figures."""
        insert_all(self._connection, t.migration_metrics, [pack(metric) for metric in metrics])

    def of_migration(self, migration_id: str) -> list[Metric]:
        """All figures of a migration in order."""
        c = t.migration_metrics.c
        query = sa.select(t.migration_metrics).where(c.migration_id == migration_id).order_by(c.id)
        return [unpack(Metric, row) for row in self._connection.execute(query)]

    def named(self, name: str, limit: int) -> list[Metric]:
        """The newest `limit` figures of this name, the newest first."""
        c = t.migration_metrics.c
        query = sa.select(t.migration_metrics).where(c.name == name).order_by(c.at.desc()).limit(limit)
        return [unpack(Metric, row) for row in self._connection.execute(query)]
