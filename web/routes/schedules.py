"""/schedules: what is started by cron and when next, removed there and added on a task's page."""

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
    return page(request, "schedules.html", {"rows": service_of(request).schedules.all(), "asked": None})


async def add(request: Request) -> Response:
    """POST /tasks/{id}/schedule; what is no cron expression comes back with its reason."""
    principal = require(request, "run")
    form = await read_form(request)
    service, task_id = service_of(request), request.path_params["id"]

    def order() -> Response:
        cron = form.get("cron", "")
        try:
            service.schedules.add(task_id, cron, principal.name)
        except CronWrong as error:
            return _asked_again(request, cron, str(error))
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


def _asked_again(request: Request, cron: str, error: str) -> Response:
    service = service_of(request)
    asked = {"task": service.tracker.task(request.path_params["id"]).task, "cron": cron, "error": error}
    return page(request, "schedules.html", {"rows": service.schedules.all(), "asked": asked}, 422)
