"""/api/tasks, /api/specs/problems, /api/inbox: what there is to do, and what waits for a person."""

from roadmark.web import bodies, views
from roadmark.web.auth import require
from roadmark.web.routes.api_migrations import page
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def listing(request: Request) -> Response:
    """GET /api/tasks: in the order of their files."""
    require(request, "read")
    limit = bodies.page_limit(request)
    after = views.cursor_edge(request.query_params.get("cursor"))
    rows = service_of(request).tracker.fleet(after, limit + 1)
    edge = rows[limit - 1].task.id if len(rows) > limit else None
    return page(request, [views.fleet_line(row) for row in rows[:limit]], edge)


def one(request: Request) -> Response:
    """GET /api/tasks/{id}."""
    require(request, "read")
    return JSONResponse(_full(request, request.path_params["id"]))


def migrations(request: Request) -> Response:
    """GET /api/tasks/{id}/migrations: all of them, the newest first."""
    require(request, "read")
    tracker = service_of(request).tracker
    task_id = tracker.fleet_row(request.path_params["id"]).task.id
    return page(request, [views.migration_brief(row) for row in tracker.migrations_of(task_id)], None)


async def tick(request: Request) -> Response:
    """POST /api/tasks/{id}/tick: a box is ticked or unticked, in the row and in the file."""
    principal = require(request, "run")
    body = await bodies.read_json(request, bodies.TICK)
    service, task_id = service_of(request), request.path_params["id"]

    def order() -> Response:
        service.intake.tick(task_id, body["key"], body["mark"], principal.name)
        return JSONResponse(_full(request, task_id))

    return await run_in_threadpool(order)


def problems(request: Request) -> Response:
    """GET /api/specs/problems: every spec that has findings, with them."""
    require(request, "read")
    found = service_of(request).tracker.problems()
    items = [
        {
            "task": views.task_summary(task),
            "source_path": task.source_path,
            "problems": [views.spec_problem(row) for row in rows],
        }
        for task, rows in found
    ]
    return page(request, items, None)


def inbox(request: Request) -> Response:
    """GET /api/inbox: the open questions, the earliest deadline first."""
    require(request, "read")
    return page(request, [views.inbox_row(row) for row in service_of(request).tracker.inbox()], None)


ROUTES = [
    resource("/api/tasks", get=listing),
    resource("/api/tasks/{id}", get=one),
    resource("/api/tasks/{id}/migrations", get=migrations),
    resource("/api/tasks/{id}/tick", post=tick),
    resource("/api/specs/problems", get=problems),
    resource("/api/inbox", get=inbox),
]


def _full(request: Request, task_id: str) -> views.Json:
    tracker = service_of(request).tracker
    return views.task_full(tracker.task(task_id), tracker.fleet_row(task_id).migration)
