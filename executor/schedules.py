"""Schedules: tasks that are started by cron. The row holds the next time; a start of the service remakes it.

What was missed while no service ran is made up for once. A task whose last run is not over is left alone, and
that is noted. However often the clock is set, no named time is taken twice.
"""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial

from roadmark.executor.cron import next_time
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.events import SYSTEM, Event
from roadmark.executor.manager import MigrationManager
from roadmark.executor.model import Schedule
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.schedules import ScheduleRepository, ScheduleRow
from roadmark.executor.store.store import Store
from roadmark.executor.store.tasks import TaskRepository

_REPEATABLE = timedelta(days=1)
"""A time that was taken and lies no farther ahead is not taken again; one farther on was a wrong clock's."""


class Schedules:
    """Keeps schedules, and starts what is due."""

    def __init__(self, store: Store, manager: MigrationManager, zone: tzinfo | None = None) -> None:
        """`zone` is what cron expressions speak of: by default the machine's own time."""
        self._store, self._manager, self._zone = store, manager, zone

    def add(self, task_id: str, cron: str, actor: str, agent: str | None = None) -> Schedule:
        """Start the task at these times from now on. Raises: NotFound, CronWrong."""
        self._manager.known_agent(agent)

        def work(transaction: Transaction) -> Schedule:
            TaskRepository(transaction.connection).get(task_id)
            schedule = Schedule(
                id=str(uuid.uuid4()),
                task_id=task_id,
                cron=cron.strip(),
                agent=agent,
                created_by=actor,
                created_at=transaction.now,
                due_at=next_time(cron, transaction.now, self._zone),
                last_due_at=None,
                last_migration_id=None,
                last_refusal=None,
            )
            ScheduleRepository(transaction.connection).insert(schedule)
            transaction.record(_event(schedule, "schedule.added", actor))
            return schedule

        return self._store.write(work)

    def remove(self, wanted: str, actor: str) -> Schedule:
        """Drop a schedule, by its id or the beginning of it; what it started goes on. Raises: NotFound."""

        def work(transaction: Transaction) -> Schedule:
            schedules = ScheduleRepository(transaction.connection)
            schedule = schedules.find(wanted)
            schedules.delete(schedule)
            transaction.record(_event(schedule, "schedule.removed", actor))
            return schedule

        return self._store.write(work)

    def all(self) -> list[ScheduleRow]:
        """Every schedule, the next one first."""
        with self._store.read() as connection:
            return ScheduleRepository(connection).all()

    def of_task(self, task_id: str) -> list[Schedule]:
        """The schedules of one task, the next one first."""
        return [row.schedule for row in self.all() if row.schedule.task_id == task_id]

    def start_due(self) -> None:
        """Start the tasks whose time has come, each once, however many of its times have passed."""
        with self._store.read() as connection:
            due = ScheduleRepository(connection).due(self._store.clock.now())
        for schedule in due:
            self._store.write(partial(self._take, schedule))

    def remake(self, transaction: Transaction) -> None:
        """Reckon the next times anew where the clock was set back. Times that passed stay due."""
        schedules = ScheduleRepository(transaction.connection)
        for row in schedules.all():
            due_at = self._next(row.schedule.cron, transaction.now, row.schedule.last_due_at)
            if due_at < row.schedule.due_at:
                schedules.change(row.schedule, due_at=due_at)

    def _take(self, schedule: Schedule, transaction: Transaction) -> None:
        due_at = self._next(schedule.cron, transaction.now, schedule.due_at)
        schedules = ScheduleRepository(transaction.connection)
        if not schedules.change(schedule, due_at=due_at, last_due_at=schedule.due_at):
            return
        taken = replace(schedule, due_at=due_at)
        try:
            started = self._manager.begin(
                transaction, schedule.task_id, f"schedule {schedule.id[:8]}", schedule.agent
            )
        except RoadmarkError as error:
            schedules.change(taken, last_refusal=str(error))
            transaction.record(_event(schedule, "schedule.skipped", SYSTEM, str(error)))
        else:
            schedules.change(taken, last_migration_id=started.id, last_refusal=None)

    def _next(self, cron: str, now: datetime, taken: datetime | None) -> datetime:
        ahead = taken - now if taken is not None else timedelta()
        after = now + ahead if timedelta() < ahead <= _REPEATABLE else now
        return next_time(cron, after, self._zone)


def _event(schedule: Schedule, kind: str, actor: str, reason: str | None = None) -> Event:
    detail = {"schedule": schedule.id, "cron": schedule.cron}
    return Event(
        kind=kind,
        actor=actor,
        task_id=schedule.task_id,
        detail=detail | ({"reason": reason} if reason else {}),
    )
