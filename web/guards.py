"""What every request passes before it is looked at: host, origin, headers of the answer.

Source: safety rule R7; Fetch Metadata (Sec-Fetch-Site), with Origin where a browser does not send it.
"""

import re
from collections.abc import Collection

from roadmark.web.auth import Answer, session_secret
from roadmark.web.problems import KINDS, Problem
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{0,5})?")


class SecurityHeaders:
    """Puts the headers on every answer; what is not said to be cacheable is not cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class HostAllowed:
    """Refuses names that are not ours: a page that rebinds its own name to this address gets nothing."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], answer: Answer) -> None:
        self._app, self._hosts, self._answer = app, frozenset(hosts), answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let known hosts through."""
        if scope["type"] != "http" or host_name(Headers(scope=scope).get("host", "")) in self._hosts:
            await self._app(scope, receive, send)
            return
        problem = Problem(KINDS["misdirected"], "this host name is not one of the service's")
        await self._answer(scope, problem)(scope, receive, send)


class SameOrigin:
    """Refuses acts that another site starts in the name of a signed-in person."""

    def __init__(self, app: ASGIApp, answer: Answer) -> None:
        self._app, self._answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through what the page itself, or a program with a token, sends."""
        if scope["type"] != "http" or scope["method"] in _SAFE or _is_own(scope):
            await self._app(scope, receive, send)
            return
        problem = Problem(KINDS["cross-site"], "acts are taken from Roadmark's own pages only")
        await self._answer(scope, problem)(scope, receive, send)


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without the port; nothing where it holds more than these."""
    read = _HOST.fullmatch(host.lower())
    return (read["six"] or read["name"]).rstrip(".") if read else ""


def _is_own(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    sites = headers.getlist("sec-fetch-site")
    if sites:
        return all(site in ("same-origin", "none") for site in sites)
    origins = headers.getlist("origin")
    if origins:
        own = f"{scope['scheme']}://{headers.get('host')}"
        return all(origin == own for origin in origins)
    return session_secret(scope) is None
