"""/schedules: what is started by cron and when next, removed there and added on a task's page."""

from collections.abc import Mapping
from typing import Any

from roadmark.executor.errors import CronWrong
from roadmark.web.auth import require
from roadmark.web.bodies import read_form
from roadmark.web.pages import page
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response


def show(request: Request) -> Response:
    """GET /schedules: the next one first."""
    require(request, "read")
    return page(request, "schedules.html", _values(request, asked=None))


async def add(request: Request) -> Response:
    """POST /tasks/{id}/schedule; what is no cron expression comes back with its reason."""
    principal = require(request, "run")
    form = await read_form(request)
    service, task_id = service_of(request), request.path_params["id"]

    def order() -> Response:
        cron, agent = form.get("cron", ""), form.get("agent", "")
        try:
            service.schedules.add(task_id, cron, principal.name, agent or None)
        except CronWrong as error:
            task = service.tracker.task(task_id).task
            asked = {"task": task, "cron": cron, "agent": agent, "error": str(error)}
            return page(request, "schedules.html", _values(request, asked), 422)
        return RedirectResponse(f"/tasks/{task_id}", 303)

    return await run_in_threadpool(order)


async def remove(request: Request) -> Response:
    """POST /schedules/{id}/remove: what it started goes on."""
    principal = require(request, "run")
    service, schedule_id = service_of(request), request.path_params["id"]

    def order() -> Response:
        service.schedules.remove(schedule_id, principal.name)
        return RedirectResponse("/schedules", 303)

    return await run_in_threadpool(order)


ROUTES = [
    resource("/schedules", get=show),
    resource("/schedules/{id}/remove", post=remove),
    resource("/tasks/{id}/schedule", post=add),
]


def _values(request: Request, asked: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the page shows; `asked` is what was wrong with a schedule that is to be added, and how."""
    service = service_of(request)
    return {"rows": service.schedules.all(), "settings": service.settings, "asked": asked}
