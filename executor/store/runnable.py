"""RunnableRepository: what the slots may take next, over the caller's connection."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.states import Status
from roadmark.executor.store import tables as t
from roadmark.executor.store.among import Among
from roadmark.executor.store.statements import Joined


@dataclass(frozen=True, slots=True)
class Runnable:
    """A migration that a slot may take."""

    id: str
    agent: str
    status: Status

    @property
    def is_rollback(self) -> bool:
        """Whether it is to be undone: that needs no agent."""
        return self.status is Status.ROLLING_BACK


_c = t.migrations.c
_is_rollback = _c.status == sa.literal_column(f"'{Status.ROLLING_BACK}'")
_is_queued = _c.status == sa.literal_column(f"'{Status.QUEUED}'")
_is_due = sa.or_(_c.due_at.is_(None), _c.due_at <= sa.bindparam("now", type_=_c.due_at.type))
_may_begin = sa.and_(_is_queued, _is_due, ~Among(_c.task_id, "held_back"), ~Among(_c.agent, "resting_agents"))
_label = _c.policy["host_label"].as_string()
_RANKS = {"critical": 0, "high": 1, "medium": 2, "low": 3}
_RUNNABLE = Joined(
    [(Runnable, t.migrations)],
    sa.select(t.migrations)
    .select_from(t.migrations.join(t.tasks, t.tasks.c.id == _c.task_id))
    .where(sa.or_(_is_rollback, _may_begin), sa.or_(_label.is_(None), Among(_label, "host_labels")))
    .order_by(
        sa.case((_is_rollback, 0), else_=1),
        sa.case(_RANKS, value=t.tasks.c.priority, else_=_RANKS["medium"]),
        _c.created_at,
        _c.id,
    )
    .limit(sa.bindparam("most", type_=sa.Integer)),
)


class RunnableRepository:
    """Reads what is due. Its statement is compiled once: each slot that becomes free asks it."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def first(
        self,
        now: datetime,
        limit: int,
        host_labels: Collection[str] = (),
        held_back: Collection[str] = (),
        resting_agents: Collection[str] = (),
    ) -> list[Runnable]:
        """What a slot may take: rollbacks, then queued migrations whose time has come, by priority and age.

        Left out: what needs another label than `host_labels`, migrations of tasks that are `held_back`, and
        those of `resting_agents`.
        """
        asked = _RUNNABLE.ask_all(
            self._connection,
            now=now,
            most=limit,
            host_labels=list(host_labels),
            held_back=list(held_back),
            resting_agents=list(resting_agents),
        )
        return [runnable for (runnable,) in asked()]
