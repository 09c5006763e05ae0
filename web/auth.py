"""Who is asking: a token or a session for everything but a few open paths.

Source: safety rule R7.
"""

import re
from collections.abc import Callable
from urllib.parse import quote

from roadmark.executor.access import Access, Principal
from roadmark.web.problems import KINDS, Problem, Refused
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

Answer = Callable[[Scope, Problem], Response]
"""Makes a problem into a response: JSON for programs, a page for people."""

PRINCIPAL = "roadmark.principal"
_MOST_KNOWN = 1000
_KNOWN_FOR_S = 1.0
_OPEN = frozenset({"/livez", "/readyz", "/sign-in", "/favicon.ico"})
_PROGRAMS_BELOW = ("/api/", "/schemas/", "/hooks/")
_OPEN_BELOW = ("/static/", "/sign-in/", "/hooks/", "/reply/")


def is_program(scope: Scope) -> bool:
    """Whether the path is one of the API's, whose answers are JSON."""
    path: str = scope["path"]
    if path == "/api/docs" or path.startswith("/api/docs/"):
        return False
    return path.startswith(_PROGRAMS_BELOW) or path in {"/api", "/metrics", "/livez", "/readyz"}


def cookie_name(scope: Scope) -> str:
    """The session cookie's name. Browsers share cookies between ports, so plain HTTP names its port."""
    if scope.get("scheme") == "https":
        return "__Host-roadmark"
    host = Headers(scope=scope).get("host", "")
    port = host.rsplit(":", 1)[1] if ":" in host.rsplit("]", 1)[-1] else "80"
    return f"roadmark_{port}" if port.isascii() and port.isdigit() else "roadmark"


def session_secret(scope: Scope) -> str | None:
    """The secret in the session cookie."""
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(cookie_name(scope))


class KnownPrincipals:
    """Who held which secret a moment ago, for as long as nothing is committed and at most a second."""

    def __init__(self, mark: Callable[[], int], clock_s: Callable[[], float]) -> None:
        self._mark, self._clock_s = mark, clock_s
        self._known: dict[str, tuple[int, float, Principal]] = {}

    def get(self, secret: str) -> Principal | None:
        """The holder of the secret, if that is still certain."""
        known = self._known.get(secret)
        if known is None or known[0] != self._mark() or known[1] < self._clock_s():
            return None
        return known[2]

    def put(self, secret: str, mark: int, principal: Principal) -> None:
        """Remember the holder, as read under this mark."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[secret] = (mark, self._clock_s() + _KNOWN_FOR_S, principal)

    def mark(self) -> int:
        """The present mark of the database."""
        return self._mark()


class Authentication:
    """Lets known principals through; others to the sign-in page, or 401."""

    def __init__(self, app: ASGIApp, access: Access, answer: Answer, known: KnownPrincipals) -> None:
        self._app, self._access, self._answer, self._known = app, access, answer, known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the principal in the scope, or answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        principal = await self._principal(scope)
        scope[PRINCIPAL] = principal
        if principal is None and not _is_open(scope["path"]):
            await self._turn_away(scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal | None:
        scheme, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._check(self._access.check_token, secret.strip())
        cookie = session_secret(scope)
        return await self._check(self._access.check_session, cookie) if cookie else None

    async def _check(self, check: Callable[[str], Principal | None], secret: str) -> Principal | None:
        known = self._known.get(secret)
        if known is not None:
            return known
        mark = self._known.mark()
        principal = await run_in_threadpool(check, secret)
        if principal is not None:
            self._known.put(secret, mark, principal)
        return principal

    def _turn_away(self, scope: Scope) -> Response:
        if is_program(scope) or scope["path"].startswith("/live/"):
            detail = "this needs a valid token or session"
            headers = {"WWW-Authenticate": 'Bearer realm="roadmark"'}
            return self._answer(scope, Problem(KINDS["unauthenticated"], detail, {}, headers))
        wanted = scope["path"] if scope["method"] == "GET" else "/"
        query = scope["query_string"].decode("ascii", "replace")
        full = f"{wanted}?{query}" if query and wanted != "/" else wanted
        return RedirectResponse(f"/sign-in?next={quote(full, safe='/')}" if full != "/" else "/sign-in", 303)


def principal_of(request: HTTPConnection) -> Principal:
    """Who is asking. Raises: Refused where nobody is known."""
    principal: Principal | None = request.scope.get(PRINCIPAL)
    if principal is None:
        raise Refused("unauthenticated", "this needs a valid token or session")
    return principal


def may(principal: Principal, scope: str) -> bool:
    """Whether the principal has this scope; `admin` has all."""
    return scope in principal.scopes or "admin" in principal.scopes


def require(request: Request, scope: str) -> Principal:
    """The principal, if it has this scope. Raises: Refused (401, 403)."""
    principal = principal_of(request)
    if not may(principal, scope):
        raise Refused("forbidden", f"{principal.name} lacks the scope {scope!r}", needs=scope)
    return principal


def local_path(wanted: str | None, otherwise: str) -> str:
    """A path on this site to go on to; anything else is replaced."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return otherwise
    if any(ord(character) < 32 or character == "\\" for character in wanted):
        return otherwise
    path = re.split(r"[?#]", wanted, maxsplit=1)[0]
    return otherwise if "//" in path or "/." in path else wanted


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_BELOW)
