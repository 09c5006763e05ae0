"""The three doors for replies from elsewhere, opened, and messages signed as their senders sign them."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace

import pytest
from roadmark.executor.outside import ReplySettings
from roadmark.executor.secret_source import SecretSource
from roadmark.web.hooks.signing import headers_for

from .conftest import Workbench

SECRETS = {
    "reply": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "slack": "8f742231b10e8888abcd99yyyzzz85a5",
    "github": "It's a Secret to Everybody",
}
USERS: Mapping[str, Mapping[str, str]] = {
    "reply": {},
    "slack": {"U2147483697": "anna"},
    "github": {"octo-anna": "anna"},
}


def open_doors(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service of this bench take replies from everywhere."""
    hooks = {}
    for name, secret in SECRETS.items():
        monkeypatch.setenv(f"SECRET_OF_{name}", secret)
        source = SecretSource(where=f"[replies.{name}]", variable=f"SECRET_OF_{name}")
        hooks[name] = ReplySettings(name=name, secret=source, users=USERS[name])
    bench.settings = replace(bench.settings, replies=hooks)


def signature(name: str, body: bytes, stamp_s: int) -> dict[str, str]:
    """The headers that prove a body at this door."""
    if name == "reply":
        return headers_for(SECRETS["reply"], "msg_1", stamp_s, body)
    if name == "slack":
        stamp = str(stamp_s)
        signed = _hmac("slack", b"v0:" + stamp.encode() + b":" + body)
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}
    return {"X-GitHub-Event": "issue_comment", "X-Hub-Signature-256": f"sha256={_hmac('github', body)}"}


def _hmac(name: str, signed: bytes) -> str:
    return hmac.new(SECRETS[name].encode(), signed, hashlib.sha256).hexdigest()
