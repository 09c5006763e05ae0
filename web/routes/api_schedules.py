"""/api/schedules: tasks that are started by cron."""

from typing import Any

from roadmark.executor.model import Schedule
from roadmark.web import bodies, views
from roadmark.web.auth import require
from roadmark.web.routes.api_migrations import page
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def listing(request: Request) -> Response:
    """GET /api/schedules: the next one first."""
    require(request, "read")
    rows = service_of(request).schedules.all()
    return page(request, [{**_shown(row.schedule), "title": row.title} for row in rows], None)


async def add(request: Request) -> Response:
    """POST /api/schedules: the task is started at these times from now on."""
    principal = require(request, "run")
    body = await bodies.read_json(request, bodies.SCHEDULE)
    service = service_of(request)

    def order() -> Response:
        task_id = service.tracker.find_task(body["task_id"])
        schedule = service.schedules.add(task_id, body["cron"], principal.name, body.get("agent"))
        return JSONResponse(_shown(schedule), 201, {"Location": "/api/schedules"})

    return await run_in_threadpool(order)


async def remove(request: Request) -> Response:
    """POST /api/schedules/{id}/remove: what it started goes on."""
    principal = require(request, "run")
    await bodies.read_json(request, bodies.NOTHING, optional=True)
    service, schedule_id = service_of(request), request.path_params["id"]
    schedule = await run_in_threadpool(service.schedules.remove, schedule_id, principal.name)
    return JSONResponse(_shown(schedule))


ROUTES = [
    resource("/api/schedules", get=listing, post=add),
    resource("/api/schedules/{id}/remove", post=remove),
]


def _shown(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.id,
        "task_id": schedule.task_id,
        "cron": schedule.cron,
        "agent": schedule.agent,
        "created_by": schedule.created_by,
        "created_at": views.stamp(schedule.created_at),
        "due_at": views.stamp(schedule.due_at),
        "last_due_at": views.stamp(schedule.last_due_at),
        "last_migration_id": schedule.last_migration_id,
        "last_refusal": schedule.last_refusal,
    }
