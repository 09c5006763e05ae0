"""ReplyLinkRepository: who may answer which question by a link, over the caller's connection."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import pack, unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLink:
    """A link, by the hash of its key: lets `name` answer one question while that is open."""

    sha256: str
    wait_id: str
    migration_id: str
    name: str
    made_at: datetime


class ReplyLinkRepository:
    """Reads and writes links."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def insert(self, link: ReplyLink) -> None:
        """Keep a link."""
        self._connection.execute(sa.insert(t.reply_links), pack(link))

    def get(self, sha256: str) -> ReplyLink | None:
        """The link with this hash."""
        row = self._connection.execute(
            sa.select(t.reply_links).where(t.reply_links.c.sha256 == sha256)
        ).first()
        return unpack(ReplyLink, row) if row else None

    def forget_before(self, moment: datetime) -> None:
        """Drop old links."""
        self._connection.execute(sa.delete(t.reply_links).where(t.reply_links.c.made_at < moment))
