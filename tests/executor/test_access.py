"""Who comes in: tokens, links and sessions are kept as hashes and end when they should."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from roadmark.executor.access import LINK_LIFE, SESSION_LIFE, Access
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.store.store import Store


class MovedClock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + self.ahead

    def monotonic_s(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def store(tmp_path: Path, clock: MovedClock) -> Iterator[Store]:
    opened = Store(tmp_path, clock)
    yield opened
    opened.close()


@pytest.fixture
def access(store: Store) -> Access:
    return Access(store)


def test_a_token_lets_in_with_its_scopes_and_is_kept_only_as_a_hash(access: Access, tmp_path: Path) -> None:
    secret = access.make_token("ci", ["read", "run"])
    principal = access.check_token(secret)
    assert principal is not None
    assert (principal.name, principal.scopes) == ("ci", {"read", "run"})
    assert secret.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    "spoil", [str.upper, lambda s: s[:-1], lambda s: s + "0", lambda s: "x" + s, lambda s: ""]
)
def test_a_mistyped_token_lets_nobody_in(access: Access, spoil) -> None:
    assert access.check_token(spoil(access.make_token("ci", ["read"]))) is None


def test_expired_and_revoked_tokens_let_nobody_in(access: Access, clock: MovedClock) -> None:
    short = access.make_token("short", ["read"], clock.now() + timedelta(days=1))
    long = access.make_token("long", ["read"])
    clock.ahead = timedelta(days=2)
    assert access.check_token(short) is None
    assert access.check_token(long) is not None
    token = next(token for token in access.tokens() if token.name == "long")
    assert access.revoke_token(token.id, "anna")
    assert not access.revoke_token(token.id, "anna")
    assert access.check_token(long) is None


def test_the_last_use_of_a_token_is_noted_once_a_minute(access: Access, clock: MovedClock) -> None:
    secret = access.make_token("ci", ["read"])
    access.check_token(secret)
    first = access.tokens()[0].last_used_at
    clock.ahead = timedelta(seconds=30)
    access.check_token(secret)
    assert access.tokens()[0].last_used_at == first
    clock.ahead = timedelta(minutes=2)
    access.check_token(secret)
    assert access.tokens()[0].last_used_at == clock.now()


def test_a_link_signs_in_once_and_its_session_ends(access: Access, clock: MovedClock) -> None:
    link = access.make_link("anna", ["read", "reply"])
    session = access.use_link(link)
    assert session is not None
    assert access.use_link(link) is None
    principal = access.check_session(session)
    assert principal is not None
    assert principal.name == "anna"
    assert access.check_token(session) is None
    clock.ahead = SESSION_LIFE
    assert access.check_session(session) is None


def test_a_link_expires_and_a_session_can_be_ended(access: Access, clock: MovedClock) -> None:
    late, used = access.make_link("anna", ["read"]), access.make_link("anna", ["read"])
    session = access.use_link(used)
    assert session is not None
    access.end_session(session)
    assert access.check_session(session) is None
    clock.ahead = LINK_LIFE
    assert access.use_link(late) is None
    assert access.use_link("rml_guess") is None


@pytest.mark.parametrize("scopes", [[], ["read", "everything"]])
def test_unknown_scopes_are_refused(access: Access, scopes: list[str]) -> None:
    with pytest.raises(ConfigurationWrong, match="known are read"):
        access.make_token("ci", scopes)


def test_what_expired_is_dropped_and_what_is_valid_stays(
    access: Access, store: Store, clock: MovedClock
) -> None:
    access.use_link(access.make_link("anna", ["read"]))
    clock.ahead = SESSION_LIFE + timedelta(days=2)
    fresh = access.use_link(access.make_link("bert", ["read"]))
    access.forget_expired()
    with store.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM web_sessions").scalars().all()
    assert names == ["bert"]
    assert fresh is not None
    assert access.check_session(fresh) is not None
