"""Access: keys for machines, sign-in links and sessions for people; only hashes are kept.

Source: safety rule R7.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.events import Event
from roadmark.executor.keys import digest, is_whole, new_key
from roadmark.executor.store.access import AccessRepository, SignInLink, Token, WebSession
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.store import Store

SCOPES = ("read", "reply", "run", "rollback", "admin")
"""What a principal may do; each is granted by itself."""

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=14)
KEY_LIFE = timedelta(hours=24)

_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who came in."""

    name: str
    scopes: frozenset[str]


class Access:
    """Makes and checks keys."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make_token(self, name: str, scopes: Collection[str], expires_at: datetime | None = None) -> str:
        """A new token, shown only here. Raises: ConfigurationWrong for an unknown scope."""
        _check_scopes(scopes)
        secret = new_key("rmk")

        def work(transaction: Transaction) -> None:
            token = Token(
                id=str(uuid.uuid4()),
                name=name,
                sha256=digest(secret),
                scopes=tuple(scopes),
                created_at=transaction.now,
                expires_at=expires_at,
                last_used_at=None,
                revoked_at=None,
            )
            AccessRepository(transaction.connection).insert_token(token)
            transaction.record(
                Event(kind="token.made", actor=name, detail={"id": token.id, "scopes": list(scopes)})
            )

        self._store.write(work)
        return secret

    def check_token(self, secret: str) -> Principal | None:
        """Who holds this token; None where it is unknown, revoked or expired."""
        if not is_whole(secret, "rmk"):
            return None
        now = self._store.clock.now()
        with self._store.read() as connection:
            token = AccessRepository(connection).token(digest(secret))
        if token is None or token.revoked_at or (token.expires_at and token.expires_at <= now):
            return None
        if token.last_used_at is None or now - token.last_used_at > _TOUCH_EVERY:
            self._store.write(
                lambda transaction: AccessRepository(transaction.connection).touch_token(token.id, now)
            )
        return Principal(token.name, frozenset(token.scopes))

    def tokens(self) -> list[Token]:
        """All tokens, by their hashes."""
        with self._store.read() as connection:
            return AccessRepository(connection).tokens()

    def revoke_token(self, token_id: str, actor: str) -> bool:
        """End a token; False where there is none or it was ended."""

        def work(transaction: Transaction) -> bool:
            ended = AccessRepository(transaction.connection).revoke_token(token_id, transaction.now)
            if ended:
                transaction.record(Event(kind="token.revoked", actor=actor, detail={"id": token_id}))
            return ended

        return self._store.write(work)

    def make_link(self, name: str, scopes: Collection[str]) -> str:
        """The secret of a link that signs `name` in once, within 15 minutes."""
        _check_scopes(scopes)
        secret = new_key("rml")

        def work(transaction: Transaction) -> None:
            link = SignInLink(
                sha256=digest(secret),
                name=name,
                scopes=tuple(scopes),
                expires_at=transaction.now + LINK_LIFE,
                used_at=None,
            )
            AccessRepository(transaction.connection).insert_link(link)

        self._store.write(work)
        return secret

    def use_link(self, secret: str) -> str | None:
        """Use the link up for the secret of a session; None where it is spent, expired or unknown."""
        if not is_whole(secret, "rml"):
            return None
        session_secret = new_key("rms")

        def work(transaction: Transaction) -> str | None:
            link = AccessRepository(transaction.connection).use_link(digest(secret), transaction.now)
            if link is None:
                return None
            _begin(transaction, session_secret, link.name, link.scopes, SESSION_LIFE)
            transaction.record(Event(kind="session.began", actor=link.name))
            return session_secret

        return self._store.write(work)

    def begin_session(
        self, name: str, scopes: Collection[str], life: timedelta, origin: Mapping[str, str]
    ) -> str:
        """The secret of a session for somebody whom another service has proved; `origin` says which."""
        _check_scopes(scopes)
        secret = new_key("rms")

        def work(transaction: Transaction) -> None:
            _begin(transaction, secret, name, scopes, life)
            transaction.record(Event(kind="session.began", actor=name, detail=origin))

        self._store.write(work)
        return secret

    def check_session(self, secret: str) -> Principal | None:
        """Who is signed in with this cookie."""
        if not is_whole(secret, "rms"):
            return None
        with self._store.read() as connection:
            session = AccessRepository(connection).session(digest(secret), self._store.clock.now())
        return Principal(session.name, frozenset(session.scopes)) if session else None

    def forget_expired(self) -> None:
        """Drop what nobody can use any more: day-old idempotency keys, expired links and sessions."""

        def work(transaction: Transaction) -> None:
            AccessRepository(transaction.connection).forget_before(transaction.now - KEY_LIFE)

        self._store.write(work)

    def end_session(self, secret: str) -> None:
        """Sign a browser out."""
        self._store.write(
            lambda transaction: AccessRepository(transaction.connection).end_session(digest(secret))
        )


def _begin(
    transaction: Transaction, secret: str, name: str, scopes: Collection[str], life: timedelta
) -> None:
    session = WebSession(
        sha256=digest(secret),
        name=name,
        scopes=tuple(scopes),
        created_at=transaction.now,
        expires_at=transaction.now + life,
    )
    AccessRepository(transaction.connection).insert_session(session)


def _check_scopes(scopes: Collection[str]) -> None:
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise ConfigurationWrong(
            "scopes", f"{', '.join(unknown) or 'none'} given; known are {', '.join(SCOPES)}"
        )
