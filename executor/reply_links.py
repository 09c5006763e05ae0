"""Links that let one person answer one question, without signing in: for messages to a phone."""

from datetime import timedelta

from roadmark.executor.keys import digest, is_whole, new_key
from roadmark.executor.model import Wait
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.reply_links import ReplyLink, ReplyLinkRepository
from roadmark.executor.store.store import Store

LINK_LIFE = timedelta(days=30)
_KIND = "rmr"


class ReplyLinks:
    """Makes and checks links. One opens nothing but its question, and only while that is open."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(self, wait: Wait, name: str) -> str:
        """The key of a new link for `name`, shown only here."""
        key = new_key(_KIND)

        def work(transaction: Transaction) -> None:
            links = ReplyLinkRepository(transaction.connection)
            links.forget_before(transaction.now - LINK_LIFE)
            links.insert(
                ReplyLink(
                    sha256=digest(key),
                    wait_id=wait.id,
                    migration_id=wait.migration_id,
                    name=name,
                    made_at=transaction.now,
                )
            )

        self._store.write(work)
        return key

    def find(self, key: str) -> ReplyLink | None:
        """The link of this key; None where there is none, or it is too old."""
        if not is_whole(key, _KIND):
            return None
        with self._store.read() as connection:
            link = ReplyLinkRepository(connection).get(digest(key))
        if link is None or self._store.clock.now() - link.made_at > LINK_LIFE:
            return None
        return link
