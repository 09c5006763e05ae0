"""Replies from elsewhere: who said what to which question, as each source tells it, and the answer to it.

A reply counts for the question that it names and for no other, is read as a person's on the page is, and
comes only from senders whom the operator's configuration names.
Source: Slack, verifying requests (v0); GitHub, validating webhook deliveries (X-Hub-Signature-256).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from roadmark.executor.model import Wait
from roadmark.executor.service import Service
from roadmark.executor.tracker import MigrationTracker
from roadmark.web import bodies
from roadmark.web.hooks.signing import SignatureWrong, fresh, same
from roadmark.web.problems import Refused

COMMENT_TOLERANCE_S = 86_400
"""How old a comment may be: GitHub signs no time, so the comment's own is looked at."""

_COMMAND = re.compile(r"\s*/roadmark\s+(\S+)\s+(\S.*)", re.IGNORECASE)
_NAMED = re.compile(r"\s*(\S+)\s+(\S.*)", re.DOTALL)
_CODE = re.compile(r"[0-9a-f][0-9a-f-]{7,35}")


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said elsewhere: to the question whose id begins with `code`."""

    sender: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class FromSlack:
    """What came from Slack, and where the answer to a button goes; a command is answered at once."""

    said: Said | None
    address: str | None


def verify_slack(secret: str, headers: Mapping[str, str], body: bytes, now_s: float) -> None:
    """Whether Slack sent this within the last five minutes. Raises: SignatureWrong."""
    timestamp_s = fresh(headers.get("x-slack-request-timestamp", ""), now_s)
    _hold(secret, f"v0:{timestamp_s}:".encode() + body, "v0=", headers.get("x-slack-signature", ""))


def verify_github(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Whether GitHub sent this. Raises: SignatureWrong."""
    _hold(secret, body, "sha256=", headers.get("x-hub-signature-256", ""))


def read_slack(body: bytes) -> FromSlack:
    """What a slash command or a button says. Raises: Refused."""
    form = _form(body)
    if "payload" not in form:
        return FromSlack(_named(form.get("user_id", ""), form.get("text", "")), None)
    payload = _mapping(bodies.decode_json(form["payload"].encode()))
    actions = payload.get("actions")
    first = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
    sender = _text(_mapping(payload.get("user")).get("id"))
    return FromSlack(_named(sender, _text(first.get("value"))), _text(payload.get("response_url")) or None)


def said_on_github(event: Mapping[str, Any], now_s: float) -> Said | None:
    """What a new comment says with `/roadmark CODE ...`; None for any other. Raises: SignatureWrong."""
    comment = _mapping(event.get("comment"))
    sender = _text(_mapping(comment.get("user")).get("login"))
    if event.get("action") != "created" or sender != _text(_mapping(event.get("sender")).get("login")):
        return None
    lines = [line for line in _text(comment.get("body")).splitlines() if not line.lstrip().startswith(">")]
    for number, line in enumerate(lines):
        command = _COMMAND.fullmatch(line)
        if command:
            _refuse_old(_text(comment.get("created_at")), now_s)
            return Said(sender.lower(), command[1], "\n".join([command[2], *lines[number + 1 :]]).strip())
    return None


def answer(service: Service, said: Said, actor: str, via: str) -> dict[str, Any]:
    """Give the reply as the person does. Raises: Refused, NoOpenWait, ReplyUnclear."""
    wait = find_question(service.tracker, said.code)
    answered = service.manager.reply(wait.migration_id, said.text, actor, via, wait.id)
    return {
        "outcome": answered.outcome,
        "migration_id": wait.migration_id,
        "status": service.tracker.migration(wait.migration_id).migration.status.value,
    }


def find_question(tracker: MigrationTracker, code: str) -> Wait:
    """The open question whose id begins with `code`. Raises: Refused."""
    if not _CODE.fullmatch(code.lower()):
        raise Refused("malformed", f"{code[:40]!r} names no question; give the code that it was asked with")
    found = [row.wait for row in tracker.inbox() if row.wait.id.startswith(code.lower())]
    if not found:
        raise Refused("no-open-wait", f"no open question begins with {code!r}; it was answered, or it lapsed")
    if len(found) > 1:
        raise Refused("ambiguous", "more than one question begins so; give more of the code")
    return found[0]


def person(users: Mapping[str, str], sender: str) -> str:
    """Who the sender is here. Raises: Refused."""
    for known, name in users.items():
        if known.lower() == sender.lower():
            return name
    raise Refused("forbidden", f"{sender[:60]!r} may not answer; the operator names who may", needs="reply")


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))
    except ValueError as error:
        raise Refused("malformed", "the form has too many fields") from error


def _hold(secret: str, signed: bytes, prefix: str, given: str) -> None:
    wanted = prefix + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not same(wanted, given):
        raise SignatureWrong("the signature does not fit")


def _named(sender: str, text: str) -> Said | None:
    named = _NAMED.fullmatch(text)
    return Said(sender, named[1], named[2]) if named else None


def _refuse_old(created_at: str, now_s: float) -> None:
    try:
        age_s = now_s - datetime.fromisoformat(created_at).timestamp()
    except ValueError as error:
        raise SignatureWrong("the comment has no time") from error
    if not -COMMENT_TOLERANCE_S < age_s < COMMENT_TOLERANCE_S:
        raise SignatureWrong("the comment is more than a day old; write a new one")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
