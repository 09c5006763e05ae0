"""ScheduleRepository: tasks that are started by cron, over the caller's connection."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from roadmark.executor.errors import NotFound
from roadmark.executor.model import Schedule
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import pack, unpack
from roadmark.executor.store.statements import insert_into


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule with the names that a person knows its task by."""

    schedule: Schedule
    title: str
    source_path: str


class ScheduleRepository:
    """Reads and writes schedules."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def insert(self, schedule: Schedule) -> None:
        """A new schedule."""
        insert_into(t.schedules).queue(self._connection, pack(schedule))

    def all(self) -> list[ScheduleRow]:
        """Every schedule, the next one first."""
        query = (
            sa.select(t.schedules, t.tasks.c.title, t.tasks.c.source_path)
            .join(t.tasks, t.tasks.c.id == t.schedules.c.task_id)
            .order_by(t.schedules.c.due_at, t.schedules.c.id)
        )
        rows = self._connection.execute(query)
        return [ScheduleRow(unpack(Schedule, row), row.title, row.source_path) for row in rows]

    def due(self, now: datetime) -> list[Schedule]:
        """The schedules whose time has come."""
        c = t.schedules.c
        query = sa.select(t.schedules).where(c.due_at <= now).order_by(c.due_at, c.id)
        return [unpack(Schedule, row) for row in self._connection.execute(query)]

    def find(self, wanted: str) -> Schedule:
        """A schedule by its id or the beginning of it. Raises: NotFound."""
        found = [row.schedule for row in self.all() if row.schedule.id.startswith(wanted)]
        if len(found) != 1 or not wanted:
            raise NotFound("schedule", wanted)
        return found[0]

    def change(self, schedule: Schedule, **values: Any) -> bool:
        """Set columns, if its time is still as the caller saw it; False where somebody else took it."""
        c = t.schedules.c
        seen = sa.and_(c.id == schedule.id, c.due_at == schedule.due_at)
        return self._connection.execute(sa.update(t.schedules).where(seen).values(values)).rowcount == 1

    def delete(self, schedule: Schedule) -> None:
        """Drop a schedule; what it started stays."""
        self._connection.execute(sa.delete(t.schedules).where(t.schedules.c.id == schedule.id))
