"""AccessRepository: tokens, sign-in links, sessions and idempotency keys, over the caller's connection.

Secrets are never stored, only their SHA-256: they are 256 random bits, which need no slow hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from roadmark.executor.store import tables as t
from roadmark.executor.store.rows import pack, unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A machine's key, by its hash."""

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLink:
    """A link that signs a person in once, by its hash."""

    sha256: str
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSession:
    """A signed-in browser, by the hash of its cookie."""

    sha256: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """The answer that was given to a request with this idempotency key; None while it is in flight."""

    key: str
    caller: str
    request_sha256: str
    status: int | None
    headers: Mapping[str, str] | None
    body: str | None
    created_at: datetime


class AccessRepository:
    """Reads and writes who may come in."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def insert_token(self, token: Token) -> None:
        """Keep a token."""
        self._connection.execute(sa.insert(t.tokens), pack(token))

    def token(self, sha256: str) -> Token | None:
        """The token with this hash."""
        row = self._connection.execute(sa.select(t.tokens).where(t.tokens.c.sha256 == sha256)).first()
        return unpack(Token, row) if row else None

    def tokens(self) -> list[Token]:
        """All tokens, the oldest first."""
        query = sa.select(t.tokens).order_by(t.tokens.c.created_at)
        return [unpack(Token, row) for row in self._connection.execute(query)]

    def touch_token(self, token_id: str, at: datetime) -> None:
        """Note the last use."""
        self._connection.execute(sa.update(t.tokens).where(t.tokens.c.id == token_id).values(last_used_at=at))

    def revoke_token(self, token_id: str, at: datetime) -> bool:
        """End a token; False where there is none or it was ended."""
        c = t.tokens.c
        ending = sa.update(t.tokens).where(c.id == token_id, c.revoked_at.is_(None)).values(revoked_at=at)
        return self._connection.execute(ending).rowcount == 1

    def insert_link(self, link: SignInLink) -> None:
        """Keep a sign-in link."""
        self._connection.execute(sa.insert(t.sign_in_links), pack(link))

    def use_link(self, sha256: str, at: datetime) -> SignInLink | None:
        """Use up an unused, unexpired link, exactly once."""
        c = t.sign_in_links.c
        using = (
            sa.update(t.sign_in_links)
            .where(c.sha256 == sha256, c.used_at.is_(None), c.expires_at > at)
            .values(used_at=at)
        )
        if self._connection.execute(using).rowcount != 1:
            return None
        row = self._connection.execute(sa.select(t.sign_in_links).where(c.sha256 == sha256)).one()
        return unpack(SignInLink, row)

    def insert_session(self, session: WebSession) -> None:
        """Keep a signed-in browser."""
        self._connection.execute(sa.insert(t.web_sessions), pack(session))

    def session(self, sha256: str, now: datetime) -> WebSession | None:
        """The unexpired session with this hash."""
        c = t.web_sessions.c
        row = self._connection.execute(
            sa.select(t.web_sessions).where(c.sha256 == sha256, c.expires_at > now)
        ).first()
        return unpack(WebSession, row) if row else None

    def end_session(self, sha256: str) -> None:
        """Sign a browser out."""
        self._connection.execute(sa.delete(t.web_sessions).where(t.web_sessions.c.sha256 == sha256))

    def begin_answer(self, answer: KeptAnswer) -> KeptAnswer | None:
        """Claim an idempotency key; where it is taken, what was kept under it."""
        c = t.idempotency_keys.c
        same = sa.and_(c.key == answer.key, c.caller == answer.caller)
        row = self._connection.execute(sa.select(t.idempotency_keys).where(same)).first()
        if row is not None:
            return unpack(KeptAnswer, row)
        self._connection.execute(sa.insert(t.idempotency_keys), pack(answer))
        return None

    def finish_answer(
        self, key: str, caller: str, status: int, headers: Mapping[str, str], body: str
    ) -> None:
        """Keep what was answered."""
        c = t.idempotency_keys.c
        self._connection.execute(
            sa.update(t.idempotency_keys)
            .where(c.key == key, c.caller == caller)
            .values(status=status, headers=dict(headers), body=body)
        )

    def drop_answer(self, key: str, caller: str) -> None:
        """Forget a claimed key whose request did not come to an answer worth keeping."""
        c = t.idempotency_keys.c
        self._connection.execute(sa.delete(t.idempotency_keys).where(c.key == key, c.caller == caller))

    def forget_before(self, moment: datetime) -> None:
        """Drop what nobody can use any more: old keys, expired links and sessions."""
        c = t.idempotency_keys.c
        self._connection.execute(sa.delete(t.idempotency_keys).where(c.created_at < moment))
        self._connection.execute(sa.delete(t.sign_in_links).where(t.sign_in_links.c.expires_at < moment))
        self._connection.execute(sa.delete(t.web_sessions).where(t.web_sessions.c.expires_at < moment))
