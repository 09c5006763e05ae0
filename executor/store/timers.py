"""TimerRepository: moments that rows wait for, moved together, over the caller's connection."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from roadmark.executor.store import tables as t


class TimerRepository:
    """Moves moments that were reckoned by a clock which was then set."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def move_deadlines(self, by: timedelta, since: datetime, now: datetime) -> list[str]:
        """Move the deadlines of open questions, but for those asked from `since` to `now`; whose they are."""
        c = t.waits.c
        rows = self._connection.execute(
            sa.select(c.id, c.migration_id, c.deadline_at)
            .where(c.closed_at.is_(None), ~c.asked_at.between(since, now))
            .order_by(c.id)
        ).all()
        moved = sa.update(t.waits).where(c.id == sa.bindparam("its_id"))
        moved = moved.values(deadline_at=sa.bindparam("at"))
        if rows:
            self._connection.execute(moved, [{"its_id": row.id, "at": row.deadline_at + by} for row in rows])
        return [row.migration_id for row in rows]
