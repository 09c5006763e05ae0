"""Signing in with a provider: what is kept while somebody is there, and which role the answer gives here."""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from roadmark.executor.outside import ROLES, OidcSettings

SESSION_LIFE = timedelta(hours=12)
"""How long a session lasts: whoever loses the role at the provider loses it here by then."""

PENDING_S = 600.0
_MOST_PENDING = 1000
_LONGEST_NAME = 100


class SignInRefused(Exception):
    """Somebody who does not come in, and why."""


class ProviderSilent(SignInRefused):
    """The provider cannot be reached, or says what nobody understands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that is under way: where the browser is sent, and what must come back."""

    url: str
    state: str
    nonce: str
    verifier: str
    next: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the provider has proved."""

    name: str
    subject: str
    scopes: tuple[str, ...]


class Provider(Protocol):
    """What proves people."""

    def begin(self, next_path: str) -> Begun:
        """Where to send the browser. Raises: SignInRefused where the provider does not answer."""
        ...

    def finish(self, begun: Begun, code: str) -> Person:
        """Who came back with this code. Raises: SignInRefused."""
        ...


class Pending:
    """Sign-ins that are under way, each behind a key in the browser's cookie; each is taken once."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._kept: OrderedDict[str, tuple[float, Begun]] = OrderedDict()

    def put(self, begun: Begun) -> str:
        """The key for the cookie."""
        key = secrets.token_urlsafe(32)
        self._kept[key] = (self._clock_s() + PENDING_S, begun)
        while len(self._kept) > _MOST_PENDING:
            self._kept.popitem(last=False)
        return key

    def take(self, key: str) -> Begun | None:
        """What the key stands for, once and within ten minutes."""
        until_s, begun = self._kept.pop(key, (0.0, None))
        return begun if until_s > self._clock_s() else None


def person_of(claims: Mapping[str, Any], settings: OidcSettings) -> Person:
    """Who somebody is here. Raises: SignInRefused for an account without a role."""
    subject = str(claims["sub"])
    name = _name(claims, settings.user_claim) or subject
    given = _inward(claims, settings.role_claim)
    groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    roles = {settings.roles[group] for group in groups if isinstance(group, str) and group in settings.roles}
    if not roles:
        raise SignInRefused(
            f"{name} has no role here: {settings.role_claim} holds nothing that the operator names"
        )
    scopes = {scope for role in roles for scope in ROLES[role]}
    return Person(name, subject, tuple(sorted(scopes)))


def has_claim(claims: Mapping[str, Any], path: str) -> bool:
    """Whether the claim is there."""
    return _inward(claims, path) is not None


def _name(claims: Mapping[str, Any], wanted: str) -> str | None:
    """The first of the claim that is asked for and the usual ones that can be shown."""
    for claim in (wanted, "preferred_username", "email", "name"):
        name = _inward(claims, claim)
        if isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable():
            return name
    return None


def _inward(claims: Mapping[str, Any], path: str) -> Any:
    """A claim; its name itself, else with dots leading inward."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
