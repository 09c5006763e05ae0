"""TimerRepository: the moments that rows wait for, over the caller's connection."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from roadmark.executor.states import Status
from roadmark.executor.store import tables as t

_RESTING = t.migrations.c.status.in_((Status.PARKED, Status.QUEUED))


class TimerRepository:
    """Finds the next moment, and moves those that were reckoned by a clock which was then set."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def next_moment(self, now: datetime, remind_s: Sequence[int]) -> datetime | None:
        """The first moment after `now` at which a deadline, reminder, schedule or resting row is due."""
        moments = [self._next_deadline(now, timedelta(seconds=before_s)) for before_s in (0, *remind_s)]
        moments.append(self._first(t.migrations.c.due_at, now, _RESTING))
        moments.append(self._first(t.schedules.c.due_at, now))
        return min((moment for moment in moments if moment is not None), default=None)

    def _next_deadline(self, now: datetime, before: timedelta) -> datetime | None:
        deadline = self._first(t.waits.c.deadline_at, now + before, t.waits.c.closed_at.is_(None))
        return None if deadline is None else deadline - before

    def _first(
        self, column: sa.Column[datetime], after: datetime, *conditions: sa.ColumnElement[bool]
    ) -> datetime | None:
        query = sa.select(sa.func.min(column)).where(column > after, *conditions)
        moment: datetime | None = self._connection.execute(query).scalar()
        return moment

    def move_questions(self, by: timedelta, since: datetime, now: datetime) -> list[str]:
        """Move when open questions were asked and end, but for those asked from `since` to `now`.

        Gives the ids of their migrations. What was reminded of stays so.
        """
        c = t.waits.c
        rows = self._connection.execute(
            sa.select(c.id, c.migration_id, c.asked_at, c.deadline_at)
            .where(c.closed_at.is_(None), ~c.asked_at.between(since, now))
            .order_by(c.id)
        ).all()
        for row in rows:
            moved = {"deadline_at": row.deadline_at + by}
            question = sa.update(t.waits).where(c.id == row.id).values(asked_at=row.asked_at + by, **moved)
            self._connection.execute(question)
            r = t.wait_reminders.c
            given = sa.and_(r.wait_id == row.id, r.deadline_at == row.deadline_at)
            self._connection.execute(sa.update(t.wait_reminders).where(given).values(moved))
        return [row.migration_id for row in rows]
