"""ReceiptRepository: messages from elsewhere that were acted on, over the caller's connection."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import pack, unpack


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message by its source and key. `answer` None: it is being acted on."""

    source: str
    key: str
    answer: dict[str, Any] | None
    at: datetime


class ReceiptRepository:
    """Reads and writes receipts."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def claim(self, receipt: Receipt, stale_before: datetime) -> Receipt | None:
        """Claim a message; where that was done before, its receipt.

        A claim from before `stale_before` that has no answer was left by a crash, and is taken over.
        """
        row = self._connection.execute(sa.select(t.hook_receipts).where(self._is(receipt))).first()
        if row is None:
            self._connection.execute(sa.insert(t.hook_receipts), pack(receipt))
            return None
        known = unpack(Receipt, row)
        if known.answer is None and known.at < stale_before:
            self._set(receipt, at=receipt.at)
            return None
        return known

    def finish(self, receipt: Receipt, answer: dict[str, Any]) -> None:
        """Keep what was answered."""
        self._set(receipt, answer=answer)

    def drop(self, receipt: Receipt) -> None:
        """Forget a claim that came to no answer worth keeping."""
        self._connection.execute(sa.delete(t.hook_receipts).where(self._is(receipt)))

    def forget_before(self, moment: datetime) -> None:
        """Drop receipts of messages that are too old to be believed again."""
        self._connection.execute(sa.delete(t.hook_receipts).where(t.hook_receipts.c.at < moment))

    def _set(self, receipt: Receipt, **values: Any) -> None:
        self._connection.execute(sa.update(t.hook_receipts).where(self._is(receipt)).values(**values))

    def _is(self, receipt: Receipt) -> sa.ColumnElement[bool]:
        c = t.hook_receipts.c
        return sa.and_(c.source == receipt.source, c.key == receipt.key)
