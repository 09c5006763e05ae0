"""What reaches out of the service, and into it, as the operator set it up."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.secret_source import SecretSource, read_secret_source

Named = TypeVar("Named", "WebhookSettings", "NotifySettings")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYTHING_BUT_OUTPUT = ("*", "!agent.output")
"""What a webhook hears of where it names no events. The first character `!` takes out."""

WEBHOOK_FORMATS = ("standard", "slack")
"""What a webhook is sent: Standard Webhooks, or a message with buttons for Slack's incoming webhooks."""

MOST_ENDPOINTS = 32
_ISSUER = re.compile(
    r"https://[^\s?#/]+[^\s?#]*|http://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?(?:/[^\s?#]*)?"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """An address that is told of what happens. `allow` names networks that are not public but meant.

    A URL that holds a secret itself is named by its place. Only the standard format is signed.
    """

    name: str
    url: str | SecretSource
    secret: SecretSource | None
    format: str = "standard"
    events: tuple[str, ...] = EVERYTHING_BUT_OUTPUT
    allow: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplySettings:
    """A door for replies from elsewhere. `users` says who a sender is here; others are refused.

    `allow` names networks that are not public but may be answered to.
    """

    name: str
    secret: SecretSource
    users: Mapping[str, str]
    allow: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifySettings:
    """Somebody who is told by Apprise. `url` names the place of Apprise's own URLs, which hold secrets.

    With `person`, the message carries a link that lets its reader answer that one question as this person.
    """

    name: str
    url: SecretSource
    on: tuple[str, ...]
    person: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """A provider that people sign in with. `roles` says which values of `role_claim` give which role here."""

    name: str
    issuer: str
    client_id: str
    client_secret: SecretSource | None
    scopes: tuple[str, ...]
    user_claim: str
    role_claim: str
    roles: Mapping[str, str]


ROLES: Mapping[str, tuple[str, ...]] = {
    "viewer": ("read",),
    "operator": ("read", "reply", "run", "rollback"),
    "admin": ("read", "reply", "run", "rollback", "admin"),
}
"""What each role may do, in scopes."""

NOTIFY_ON = ("waiting", "failed", "finished")
"""What a notification can be about."""

REPLY_DOORS = ("reply", "slack", "github")
"""The doors for replies: Standard Webhooks, Slack, comments on GitHub."""


def read_webhooks(where: str, given: Any, base: Path) -> tuple[WebhookSettings, ...]:
    """The `[[webhooks]]` of a file. Raises: ConfigurationWrong."""
    return _each(where, given, lambda place, entry: _read_webhook(place, entry, base))


def _read_webhook(where: str, entry: Mapping[str, Any], base: Path) -> WebhookSettings:
    urls, secrets = ("url", "url_env", "url_file"), ("secret", "secret_env", "secret_file")
    _refuse_unknown(where, entry, ("name", *urls, "format", *secrets, "events", "allow"))
    format_ = entry.get("format", "standard")
    if format_ not in WEBHOOK_FORMATS:
        raise ConfigurationWrong(f"{where} format", f"{format_!r} is not one of {', '.join(WEBHOOK_FORMATS)}")
    has_plain_url = not (entry.keys() & {"url_env", "url_file"})
    is_signed = format_ == "standard"
    return WebhookSettings(
        name=_name(where, entry),
        url=_text(where, entry, "url") if has_plain_url else read_secret_source(where, "url", entry, base),
        format=format_,
        secret=read_secret_source(where, "secret", entry, base) if is_signed else None,
        events=_strings(where, entry, "events") or EVERYTHING_BUT_OUTPUT,
        allow=_networks(where, entry),
    )


def read_replies(where: str, given: Any, base: Path) -> Mapping[str, ReplySettings]:
    """The `[replies.*]` of a file. Raises: ConfigurationWrong."""
    if not isinstance(given, dict) or not all(isinstance(entry, dict) for entry in given.values()):
        raise ConfigurationWrong(
            where, f"must be tables: {', '.join(f'[replies.{name}]' for name in REPLY_DOORS)}"
        )
    _refuse_unknown(where, given, REPLY_DOORS)
    return {name: _read_reply(f"{where[:-1]}.{name}]", name, entry, base) for name, entry in given.items()}


def _read_reply(where: str, name: str, entry: Mapping[str, Any], base: Path) -> ReplySettings:
    _refuse_unknown(where, entry, ("secret", "secret_env", "secret_file", "users", "allow"))
    users = entry.get("users", {})
    if not isinstance(users, dict) or not all(
        isinstance(person, str) and person for person in users.values()
    ):
        raise ConfigurationWrong(f"{where} users", 'must say who senders are: { "SENDER" = "name" }')
    if not users and name != "reply":
        raise ConfigurationWrong(where, 'needs users = { "SENDER" = "name" }: nobody else may answer')
    return ReplySettings(
        name=name,
        secret=read_secret_source(where, "secret", entry, base),
        users=users,
        allow=_networks(where, entry),
    )


def read_notify(where: str, given: Any, base: Path) -> tuple[NotifySettings, ...]:
    """The `[[notify]]` of a file. Raises: ConfigurationWrong."""
    return _each(where, given, lambda place, entry: _read_notify(place, entry, base))


def _read_notify(where: str, entry: Mapping[str, Any], base: Path) -> NotifySettings:
    _refuse_unknown(where, entry, ("name", "url", "url_env", "url_file", "on", "person"))
    on = _strings(where, entry, "on") or NOTIFY_ON
    unknown = [name for name in on if name not in NOTIFY_ON]
    if unknown:
        raise ConfigurationWrong(f"{where} on", f"{unknown[0]!r} is not one of {', '.join(NOTIFY_ON)}")
    return NotifySettings(
        name=_name(where, entry),
        url=read_secret_source(where, "url", entry, base),
        on=on,
        person=_text(where, entry, "person") if "person" in entry else None,
    )


def read_oidc(where: str, given: Any, base: Path) -> OidcSettings:
    """The `[oidc]` of a file. Raises: ConfigurationWrong."""
    if not isinstance(given, dict):
        raise ConfigurationWrong(where, "must be a table")
    known = ("name", "issuer", "client_id", "client_secret", "client_secret_env", "client_secret_file")
    _refuse_unknown(where, given, (*known, "scopes", "user_claim", "role_claim", "roles"))
    issuer = _text(where, given, "issuer")
    if not _ISSUER.fullmatch(issuer):
        raise ConfigurationWrong(f"{where} issuer", "must be an https address (http on this machine only)")
    has_secret = any(key.startswith("client_secret") for key in given)
    return OidcSettings(
        name=given.get("name") or issuer.split("/")[2],
        issuer=issuer,
        client_id=_text(where, given, "client_id"),
        client_secret=read_secret_source(where, "client_secret", given, base) if has_secret else None,
        scopes=_strings(where, given, "scopes") or ("openid", "profile", "email"),
        user_claim=given.get("user_claim") or "preferred_username",
        role_claim=given.get("role_claim") or "groups",
        roles=_roles(where, given.get("roles")),
    )


def _roles(where: str, given: Any) -> Mapping[str, str]:
    if not isinstance(given, dict) or not given:
        raise ConfigurationWrong(f"{where} roles", 'must say who may do what: { "GROUP" = "operator" }')
    unknown = [role for role in given.values() if role not in ROLES]
    if unknown:
        raise ConfigurationWrong(f"{where} roles", f"{unknown[0]!r} is not one of {', '.join(ROLES)}")
    return given


def _each(where: str, given: Any, read: Callable[[str, Mapping[str, Any]], Named]) -> tuple[Named, ...]:
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise ConfigurationWrong(where, f"must be tables: {where.split()[-1].replace('[', '[[')}]")
    if len(given) > MOST_ENDPOINTS:
        raise ConfigurationWrong(where, f"{len(given)} are too many; at most {MOST_ENDPOINTS}")
    made = tuple(read(f"{where} {entry.get('name', number)}", entry) for number, entry in enumerate(given))
    names = [one.name for one in made]
    if len(set(names)) != len(names):
        raise ConfigurationWrong(where, "two have the same name")
    return made


def _name(where: str, entry: Mapping[str, Any]) -> str:
    name = _text(where, entry, "name")
    if not _NAME.fullmatch(name):
        raise ConfigurationWrong(where, f"the name {name!r} must be of a-z, 0-9, - and _, at most 40 of them")
    return name


def _text(where: str, entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise ConfigurationWrong(where, f'needs {key} = "..."')
    return value


def _strings(where: str, entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = entry.get(key, [])
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ConfigurationWrong(f"{where} {key}", "must be a list of strings")
    return tuple(value)


def _networks(where: str, entry: Mapping[str, Any]) -> tuple[Network, ...]:
    return tuple(_network(where, network) for network in _strings(where, entry, "allow"))


def _network(where: str, given: str) -> Network:
    try:
        return ipaddress.ip_network(given)
    except ValueError as error:
        raise ConfigurationWrong(f"{where} allow", f"{given!r} is no network such as 10.1.0.0/16") from error


def _refuse_unknown(where: str, entry: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [key for key in entry if key not in known]
    if unknown:
        raise ConfigurationWrong(f"{where} {unknown[0]}", f"unknown; known are {', '.join(known)}")
