"""Signing in by a one-time link, and out. Opening the link shows a button; only the button uses it up."""

from roadmark.web.auth import PRINCIPAL, cookie_name, local_path, session_secret
from roadmark.web.bodies import read_form
from roadmark.web.pages import page
from roadmark.web.problems import Refused
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

SESSION_S = 14 * 86_400


def explain(request: Request) -> Response:
    """GET /sign-in: how to get a link."""
    if request.scope.get(PRINCIPAL) is not None:
        return RedirectResponse(local_path(request.query_params.get("next"), "/"), 303)
    return _page(request, None)


def confirm(request: Request) -> Response:
    """GET /sign-in/{secret}: the button."""
    return _page(request, request.path_params["secret"])


async def sign_in(request: Request) -> Response:
    """POST /sign-in/{secret}: a session begins."""
    form = await read_form(request)
    access = service_of(request).access
    session = await run_in_threadpool(access.use_link, request.path_params["secret"])
    if session is None:
        raise Refused(
            "unauthenticated", "this link is used up, expired or mistyped; make a new one: roadmark auth link"
        )
    answer = RedirectResponse(local_path(form.get("next"), "/"), 303)
    answer.set_cookie(
        cookie_name(request.scope),
        session,
        max_age=SESSION_S,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


async def sign_out(request: Request) -> Response:
    """POST /sign-out: the session ends."""
    secret = session_secret(request.scope)
    if secret:
        await run_in_threadpool(service_of(request).access.end_session, secret)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(cookie_name(request.scope), path="/")
    return answer


ROUTES = [
    resource("/sign-in", get=explain),
    resource("/sign-in/{secret}", get=confirm, post=sign_in),
    resource("/sign-out", post=sign_out),
]


def _page(request: Request, secret: str | None) -> Response:
    values = {"next": request.query_params.get("next", ""), "door": request.app.state.door}
    return page(request, "sign_in.html", {"secret": secret, **values})
