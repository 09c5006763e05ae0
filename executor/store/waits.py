"""WaitRepository: open questions and every reply given to them, over the caller's connection."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.model import Reply, Wait
from roadmark.executor.store import tables as t
from roadmark.executor.store.known import known
from roadmark.executor.store.rows import pack, unpack
from roadmark.executor.store.statements import Query, insert_into, select_by


@dataclass(frozen=True, slots=True)
class InboxRow:
    """An open question with the names that a person knows it by."""

    wait: Wait
    task_id: str
    title: str
    phase_count: int


_OPEN = Query(Wait, select_by(t.waits, "migration_id").where(t.waits.c.closed_at.is_(None)))
_REPLIES = Query(Reply, select_by(t.replies, "migration_id").order_by(t.replies.c.at, t.replies.c.id))
_INBOX = (
    sa.select(t.waits, t.migrations.c.task_id, t.migrations.c.phase_count, t.tasks.c.title)
    .join(t.migrations, t.migrations.c.id == t.waits.c.migration_id)
    .join(t.tasks, t.tasks.c.id == t.migrations.c.task_id)
    .where(t.waits.c.closed_at.is_(None), t.migrations.c.status == "waiting")
    .order_by(t.waits.c.deadline_at, t.waits.c.id)
)


class WaitRepository:
    """Reads and writes waits and replies."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def open(self, wait: Wait) -> None:
        """Open a question; the database allows one a migration."""
        insert_into(t.waits).queue(self._connection, pack(wait))
        known(self._connection).waits[wait.migration_id] = wait

    def open_of(self, migration_id: str) -> Wait | None:
        """The open question of a migration."""
        return _OPEN.first(self._connection, its_migration_id=migration_id)

    def close(self, wait: Wait, outcome: str, at: datetime) -> bool:
        """Close an open question; False where somebody else did."""
        c = t.waits.c
        closing = (
            sa.update(t.waits)
            .where(c.id == wait.id, c.closed_at.is_(None))
            .values(closed_at=at, outcome=outcome)
        )
        return self._connection.execute(closing).rowcount == 1

    def count_try(self, wait: Wait) -> int:
        """One more unclear reply; gives the count."""
        c = t.waits.c
        self._connection.execute(sa.update(t.waits).where(c.id == wait.id).values(tries=c.tries + 1))
        return wait.tries + 1

    def extend(self, wait: Wait, deadline_at: datetime) -> None:
        """Move the deadline of an open question."""
        c = t.waits.c
        self._connection.execute(
            sa.update(t.waits).where(c.id == wait.id, c.closed_at.is_(None)).values(deadline_at=deadline_at)
        )

    def lapsed(self, now: datetime) -> list[Wait]:
        """Open questions whose deadline has passed."""
        c = t.waits.c
        query = sa.select(t.waits).where(c.closed_at.is_(None), c.deadline_at <= now)
        return [unpack(Wait, row) for row in self._connection.execute(query)]

    def inbox(self) -> list[InboxRow]:
        """All open questions of waiting migrations, the earliest deadline first."""
        return [
            InboxRow(unpack(Wait, row), row.task_id, row.title, row.phase_count)
            for row in self._connection.execute(_INBOX)
        ]

    def of_migration(self, migration_id: str) -> list[Wait]:
        """All questions of a migration in the order they were asked."""
        query = sa.select(t.waits).where(t.waits.c.migration_id == migration_id).order_by(t.waits.c.asked_at)
        return [unpack(Wait, row) for row in self._connection.execute(query)]

    def record(self, reply: Reply) -> None:
        """Keep a reply, accepted or not."""
        insert_into(t.replies).queue(self._connection, pack(reply))

    def replies(self, migration_id: str) -> list[Reply]:
        """All replies of a migration in order."""
        return _REPLIES.all(self._connection, its_migration_id=migration_id)
