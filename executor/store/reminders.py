"""ReminderRepository: which reminder of a question was given last, over the caller's connection."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.model import Wait
from roadmark.executor.states import Status
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import unpack
from roadmark.executor.store.statements import insert_into


@dataclass(frozen=True, slots=True)
class NearDeadline:
    """An open question, and how long before its present deadline somebody was reminded last, if at all."""

    wait: Wait
    reminded_before_s: int | None


class ReminderRepository:
    """Reads and writes reminders."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def near(self, now: datetime, until: datetime) -> list[NearDeadline]:
        """The questions that people are waited for and whose deadline lies between the two moments."""
        w, r = t.waits.c, t.wait_reminders.c
        query = (
            sa.select(t.waits, r.before_s)
            .join(t.migrations, t.migrations.c.id == w.migration_id)
            .outerjoin(t.wait_reminders, sa.and_(r.wait_id == w.id, r.deadline_at == w.deadline_at))
            .where(w.closed_at.is_(None), w.deadline_at > now, w.deadline_at <= until)
            .where(t.migrations.c.status == Status.WAITING)
            .order_by(w.deadline_at, w.id)
        )
        rows = self._connection.execute(query)
        return [NearDeadline(unpack(Wait, row), row.before_s) for row in rows]

    def keep(self, wait: Wait, before_s: int) -> None:
        """Note that somebody was reminded, this long before the present deadline."""
        self._connection.execute(sa.delete(t.wait_reminders).where(t.wait_reminders.c.wait_id == wait.id))
        row = {"wait_id": wait.id, "before_s": before_s, "deadline_at": wait.deadline_at}
        insert_into(t.wait_reminders).queue(self._connection, row)
