"""/reply/{key}: one question, and the field for its answer, for whoever has the link. Nobody is signed in.

Opening the page does nothing, so a chat that looks at its links answers nothing; only its buttons do.
"""

from typing import Any

from roadmark.executor.errors import NoOpenWait, ReplyUnclear
from roadmark.executor.reply_links import ReplyLinks
from roadmark.executor.states import Status
from roadmark.executor.store.reply_links import ReplyLink
from roadmark.web import screens
from roadmark.web.bodies import read_form
from roadmark.web.pages import page
from roadmark.web.problems import Refused
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response


def show(request: Request) -> Response:
    """GET /reply/{key}: the question, or how it was answered."""
    return _page(request, _link(request))


async def reply(request: Request) -> Response:
    """POST /reply/{key}: the answer; an unclear one asks again and keeps the text."""
    form = await read_form(request)
    text = form.get("text", "")

    def order() -> Response:
        link = _link(request)
        try:
            service_of(request).manager.reply(link.migration_id, text, link.name, "link", link.wait_id)
        except ReplyUnclear:
            return _page(request, link, 422, text)
        except NoOpenWait:
            return _page(request, link, 409)
        return RedirectResponse(request.url.path, 303)

    return await run_in_threadpool(order)


ROUTES = [resource("/reply/{key}", get=show, post=reply)]


def _link(request: Request) -> ReplyLink:
    """The link in the path. Raises: Refused."""
    links: ReplyLinks = request.app.state.reply_links
    link = links.find(request.path_params["key"])
    if link is None:
        raise Refused("not-found", "this link is mistyped, or too old; sign in to see what is being asked")
    return link


def _page(request: Request, link: ReplyLink, status: int = 200, text: str = "") -> Response:
    return page(request, "reply.html", _values(request, link, text), status)


def _values(request: Request, link: ReplyLink, text: str) -> dict[str, Any]:
    service = service_of(request)
    view = service.tracker.migration(link.migration_id)
    shown = screens.task(service, {"id": view.migration.task_id, "run": link.migration_id})
    is_asked = view.migration.status is Status.WAITING
    wait = view.wait if is_asked and view.wait and view.wait.id == link.wait_id else None
    given = [reply for reply in view.replies if reply.wait_id == link.wait_id]
    return {
        **shown,
        "wait": wait,
        "given": given[-1] if given else None,
        "link": link,
        "action": request.url.path,
        "reply_text": text,
        "needs": [],
        "me": None,
    }
