"""What the pages' forms do. Each works without a script; with one, the stream brings what changed."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from roadmark.executor.errors import Conflict, ConflictsUndecided, ReasonMissing, ReplyUnclear
from roadmark.executor.workspace.merging import Choice
from roadmark.web import pages, words
from roadmark.web.auth import local_path, require
from roadmark.web.bodies import read_form
from roadmark.web.pages import page
from roadmark.web.problems import Refused
from roadmark.web.routes.screens import task_values
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response


async def start(request: Request) -> Response:
    """POST /tasks/{id}/start."""
    principal = require(request, "run")
    form = await read_form(request)
    service, task_id = service_of(request), request.path_params["id"]

    def order() -> Response:
        service.manager.start(task_id, principal.name, form.get("agent") or None)
        return _done(request, form)

    return await run_in_threadpool(order)


async def reply(request: Request) -> Response:
    """POST /tasks/{id}/reply; an unclear one asks again and keeps the text."""
    principal = require(request, "reply")
    form = await read_form(request)
    service = service_of(request)

    def order() -> Response:
        text = form.get("text", "")
        try:
            service.manager.reply(_migration(request), text, principal.name, "page", form.get("wait") or None)
        except ReplyUnclear:
            return _asked_again(request, form, text)
        return _done(request, form)

    return await run_in_threadpool(order)


async def steer(request: Request, *, name: str) -> Response:
    """POST /tasks/{id}/pause, /resume, /retry, /cancel, /extend."""
    principal = require(request, "reply" if name == "extend" else "run")
    form = await read_form(request)
    manager = service_of(request).manager

    def order() -> Response:
        orders: Mapping[str, Callable[[str, str], Any]] = {
            "pause": manager.pause,
            "resume": manager.resume,
            "retry": manager.retry,
            "cancel": manager.cancel,
            "extend": manager.extend,
        }
        orders[name](_migration(request), principal.name)
        return _done(request, form)

    return await run_in_threadpool(order)


async def tick(request: Request) -> Response:
    """POST /tasks/{id}/tick: `box` is the new mark and the key."""
    principal = require(request, "run")
    form = await read_form(request)
    box = form.get("box", "")
    if box[:2] not in ("x:", " :"):
        raise Refused("malformed", "the form does not say which box")
    service, task_id = service_of(request), request.path_params["id"]

    def order() -> Response:
        service.intake.tick(task_id, box[2:], box[0], principal.name)
        return _done(request, form)

    return await run_in_threadpool(order)


def rollback_form(request: Request) -> Response:
    """GET /tasks/{id}/rollback: what a rollback would do, and the form that orders it."""
    require(request, "rollback")
    return _preview(request, request.query_params.get("to", "start"))


async def roll_back(request: Request) -> Response:
    """POST /tasks/{id}/rollback; without a reason or the branch's name the form comes back as it was."""
    principal = require(request, "rollback")
    form = await read_form(request)
    service, to = service_of(request), form.get("to", "start")
    version = form.get("version", "")

    def order() -> Response:
        branch = service.tracker.migration(_migration(request)).migration.branch
        if branch is not None and form.get("branch", "").strip() != branch:
            said = f"to confirm the rollback, type the name of its branch as it is: {branch}"
            return _preview(request, to, said, 422, form.get("reason", ""))
        try:
            service.rollbacks.request(
                _migration(request),
                to,
                form.get("reason", ""),
                principal.name,
                int(version) if version.isdigit() and len(version) < 17 else None,
                choices=_choices(form),
                with_dependents=form.get("with_dependents") == "yes",
            )
        except ReasonMissing as error:
            return _preview(request, to, str(error), 422)
        except ConflictsUndecided as error:
            return _preview(request, to, str(error), 409, form.get("reason", ""))
        except Conflict as error:
            return _preview(request, to, str(error), 409, form.get("reason", ""))
        return RedirectResponse(_task_path(request), 303)

    return await run_in_threadpool(order)


async def undo(request: Request) -> Response:
    """POST /tasks/{id}/undo: the last rollback is taken back."""
    principal = require(request, "rollback")
    form = await read_form(request)
    service = service_of(request)

    def order() -> Response:
        service.rollbacks.undo(_migration(request), form.get("reason", ""), principal.name)
        return _done(request, form)

    return await run_in_threadpool(order)


async def theme(request: Request) -> Response:
    """POST /theme: light, dark, or as the system says."""
    form = await read_form(request)
    chosen = form.get("theme", "auto")
    answer = RedirectResponse(local_path(form.get("next"), "/"), 303)
    if chosen in pages.THEMES:
        is_https = request.url.scheme == "https"
        answer.set_cookie(
            "roadmark_theme", chosen, max_age=31_536_000, samesite="lax", httponly=True, secure=is_https
        )
    return answer


ROUTES = [
    resource("/tasks/{id}/start", post=start),
    resource("/tasks/{id}/reply", post=reply),
    *(
        resource(f"/tasks/{{id}}/{name}", post=partial(steer, name=name))
        for name in ("pause", "resume", "retry", "cancel", "extend")
    ),
    resource("/tasks/{id}/tick", post=tick),
    resource("/tasks/{id}/rollback", get=rollback_form, post=roll_back),
    resource("/tasks/{id}/undo", post=undo),
    resource("/theme", post=theme),
]


def _choices(form: Mapping[str, str]) -> Mapping[str, Choice]:
    """What the form says of each file; what is not decided is not in it."""
    decided = {
        name.removeprefix("choice:"): said for name, said in form.items() if name.startswith("choice:")
    }
    return {path: Choice(said) for path, said in decided.items() if said in set(Choice)}


def _done(request: Request, form: Mapping[str, str]) -> Response:
    """Back to the page. A script hears of it by the stream alone: an answer could put an older state back."""
    if "hx-request" in request.headers and not form.get("next"):
        return Response(status_code=204)
    return RedirectResponse(local_path(form.get("next"), _task_path(request)), 303)


def _asked_again(request: Request, form: Mapping[str, str], text: str) -> Response:
    """The question again. With a script the field keeps what was typed; without one it is put back."""
    if form.get("next"):
        return RedirectResponse(f"{_task_path(request)}#reply", 303)
    if "hx-request" in request.headers:
        return Response(status_code=422)
    return page(request, "task.html", {**task_values(request), "reply_text": text}, 422)


def _preview(
    request: Request, to: str, error: str | None = None, status: int = 200, reason: str = ""
) -> Response:
    service = service_of(request)
    view = service.tracker.task(request.path_params["id"])
    run = service.tracker.migration(_migration(request))
    values = {
        "task": view.task,
        "run": run,
        "plan": service.rollbacks.preview(run.migration.id, to),
        "to": to,
        "error": error,
        "reason": reason,
        "rollback_plan": view.task.sections.get("rollback_plan", []),
        "word": words.STATUS_WORDS[run.migration.status],
    }
    return page(request, "rollback.html", values, status)


def _migration(request: Request) -> str:
    """The id of the task's latest migration. Raises: NotFound, Refused."""
    found = service_of(request).tracker.fleet_row(request.path_params["id"]).migration
    if found is None:
        raise Refused("not-found", "this task has not been started")
    return found.id


def _task_path(request: Request) -> str:
    return f"/tasks/{request.path_params['id']}"
