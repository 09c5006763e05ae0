"""OutboxRepository: what each endpoint is to be told, and how that went, over the caller's connection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import pack, unpack

PENDING, DELIVERED, GIVEN_UP = "pending", "delivered", "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message to one endpoint: of the journal's entry `seq`, under an id that stays the same.

    `tries` holds an object for each try: `at`, `status`, `error`, `took_ms`. `due_at` None: settled.
    """

    id: str
    endpoint: str
    seq: int
    kind: str
    payload: str
    state: str
    tries: tuple[Mapping[str, Any], ...]
    due_at: datetime | None
    created_at: datetime


class OutboxRepository:
    """Reads and writes the outbox."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def position(self, endpoint: str) -> int | None:
        """The last journal entry that was looked at for this endpoint; None for a new one."""
        c = t.outbox_positions.c
        seq: int | None = self._connection.execute(sa.select(c.seq).where(c.endpoint == endpoint)).scalar()
        return seq

    def keep_position(self, endpoint: str, seq: int) -> None:
        """Note how far the journal was looked at."""
        table = t.outbox_positions
        moving = sa.update(table).where(table.c.endpoint == endpoint).values(seq=seq)
        if self._connection.execute(moving).rowcount == 0:
            self._connection.execute(sa.insert(table).values(endpoint=endpoint, seq=seq))

    def insert(self, deliveries: Collection[Delivery]) -> None:
        """Put messages into the box."""
        if deliveries:
            self._connection.execute(sa.insert(t.outbox), [pack(delivery) for delivery in deliveries])

    def due(self, endpoint: str, now: datetime, limit: int) -> list[Delivery]:
        """Messages whose time has come, the oldest first."""
        c = t.outbox.c
        query = (
            sa.select(t.outbox)
            .where(c.endpoint == endpoint, c.state == PENDING, c.due_at <= now)
            .order_by(c.seq)
            .limit(limit)
        )
        return [unpack(Delivery, row) for row in self._connection.execute(query)]

    def settle(self, delivery: Delivery) -> None:
        """Keep how a try went."""
        values = pack(delivery)
        kept = {name: values[name] for name in ("state", "tries", "due_at")}
        self._connection.execute(sa.update(t.outbox).where(t.outbox.c.id == delivery.id).values(**kept))

    def page(self, endpoint: str, before: int | None, limit: int) -> list[Delivery]:
        """Messages of an endpoint, the newest first, before a sequence number."""
        c = t.outbox.c
        query = sa.select(t.outbox).where(c.endpoint == endpoint).order_by(c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(c.seq < before)
        return [unpack(Delivery, row) for row in self._connection.execute(query)]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many messages there are, by endpoint and state."""
        c = t.outbox.c
        query = sa.select(c.endpoint, c.state, sa.func.count()).group_by(c.endpoint, c.state)
        return {(endpoint, state): count for endpoint, state, count in self._connection.execute(query)}

    def forget_before(self, moment: datetime) -> None:
        """Drop settled messages that are older."""
        c = t.outbox.c
        self._connection.execute(sa.delete(t.outbox).where(c.state != PENDING, c.created_at < moment))
