"""Signing in with a provider: out to it, and back with a code."""

import importlib
import logging
from dataclasses import dataclass

from roadmark.executor.clock import Clock
from roadmark.executor.config import Settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.web.auth import cookie_name, local_path
from roadmark.web.hooks.signing import same
from roadmark.web.oidc import PENDING_S, SESSION_LIFE, Pending, Provider, ProviderSilent, SignInRefused
from roadmark.web.problems import Refused
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

log = logging.getLogger(__name__)

CALLBACK = "/sign-in/oidc/callback"


@dataclass(frozen=True, slots=True)
class Door:
    """The provider that is set up, and who is on the way to it."""

    name: str
    issuer: str
    provider: Provider
    pending: Pending


def open_door(settings: Settings, clock: Clock) -> Door | None:
    """The door of a configuration, if it has one. Raises: ConfigurationWrong where Authlib is missing."""
    if settings.oidc is None:
        return None
    try:
        module = importlib.import_module("roadmark.web.oidc_client")
    except ImportError as error:
        raise ConfigurationWrong("[oidc]", "needs Authlib: pip install 'roadmark[oidc]'") from error
    provider = module.OidcClient(settings.oidc, settings.address() + CALLBACK, clock)
    return Door(settings.oidc.name, settings.oidc.issuer, provider, Pending(clock.monotonic_s))


async def begin(request: Request) -> Response:
    """GET /sign-in/oidc: to the provider."""
    door = _door(request)
    wanted = local_path(request.query_params.get("next"), "/")
    try:
        begun = await run_in_threadpool(door.provider.begin, wanted)
    except SignInRefused as error:
        raise _refused(error) from error
    answer = RedirectResponse(begun.url, 303)
    _set_cookie(request, answer, _cookie(request), door.pending.put(begun), round(PENDING_S))
    return answer


async def finish(request: Request) -> Response:
    """GET /sign-in/oidc/callback: back from it; a session begins."""
    door, query = _door(request), request.query_params
    begun = door.pending.take(request.cookies.get(_cookie(request), ""))
    if begun is None or not same(begun.state, query.get("state", "")):
        raise Refused("unauthenticated", "this sign-in was not begun here, or too long ago; begin it again")
    if not same(query.get("iss", door.issuer), door.issuer):
        raise Refused("unauthenticated", "another provider answered than the one that was asked")
    if "code" not in query:
        raise Refused("unauthenticated", f"the provider let nobody in: {query.get('error', 'no code')[:100]}")
    try:
        person = await run_in_threadpool(door.provider.finish, begun, query["code"])
    except SignInRefused as error:
        raise _refused(error) from error
    origin = {"via": "oidc", "issuer": door.issuer, "subject": person.subject}
    access = service_of(request).access
    session = await run_in_threadpool(access.begin_session, person.name, person.scopes, SESSION_LIFE, origin)
    answer = RedirectResponse(begun.next, 303)
    answer.delete_cookie(_cookie(request), path="/")
    _set_cookie(request, answer, cookie_name(request.scope), session, round(SESSION_LIFE.total_seconds()))
    return answer


ROUTES = [resource("/sign-in/oidc", get=begin), resource(CALLBACK, get=finish)]


def _door(request: Request) -> Door:
    door: Door | None = request.app.state.door
    if door is None:
        raise Refused("not-found", "no provider is set up; ask for a link: roadmark auth link")
    return door


def _refused(error: SignInRefused) -> Refused:
    log.warning("sign-in refused: %s", error)
    return Refused("unavailable" if isinstance(error, ProviderSilent) else "forbidden", str(error)[:300])


def _cookie(request: Request) -> str:
    return f"{cookie_name(request.scope)}_oidc"


def _set_cookie(request: Request, answer: Response, name: str, value: str, max_age_s: int) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=max_age_s,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
