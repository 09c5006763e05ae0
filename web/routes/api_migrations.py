"""/api/migration: start, look, answer, steer, roll back."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from roadmark.executor.errors import Conflict
from roadmark.executor.explain import explain
from roadmark.executor.model import Migration
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.workspace.merging import Choice
from roadmark.web import bodies, views
from roadmark.web.auth import require
from roadmark.web.problems import Refused
from roadmark.web.routing import resource, service_of
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


async def start(request: Request) -> Response:
    """POST /api/migration: a migration of a task is queued."""
    principal = require(request, "run")
    body = await bodies.read_json(request, bodies.START)
    service, at = service_of(request), bodies.moment(body.get("at"), "/at")

    def order() -> Response:
        task_id = service.tracker.find_task(body["task_id"])
        migration = service.manager.start(task_id, principal.name, body.get("agent"), at)
        return _answer(request, migration.id, 202, {"Location": f"/api/migration/{migration.id}"})

    return await run_in_threadpool(order)


def listing(request: Request) -> Response:
    """GET /api/migration: the newest first, of one status where `?status=` names it."""
    require(request, "read")
    tracker, limit = service_of(request).tracker, bodies.page_limit(request)
    before = views.cursor_edge(request.query_params.get("cursor"))
    found = tracker.migrations(before, limit + 1, _statuses(request))
    titles = {task_id: tracker.fleet_row(task_id).task.title for task_id in {m.task_id for m in found}}
    items = [{**views.migration_brief(m), "title": titles[m.task_id]} for m in found[:limit]]
    return page(request, items, found[limit - 1].id if len(found) > limit else None)


def one(request: Request) -> Response:
    """GET /api/migration/{id}."""
    require(request, "read")
    return _answer(request, request.path_params["id"])


def status(request: Request) -> Response:
    """GET /api/migration/status: where every task's migration stands, or the one that `?id=` names."""
    require(request, "read")
    wanted = request.query_params.get("id")
    if wanted is not None:
        return _answer(request, wanted)
    tracker, limit = service_of(request).tracker, bodies.page_limit(request)
    rows = tracker.fleet(views.cursor_edge(request.query_params.get("cursor")), limit + 1)
    items = [
        {
            **views.migration_brief(row.migration),
            "title": row.task.title,
            "progress": views.progress_of(row.items_done, row.items_total),
        }
        for row in rows[:limit]
        if row.migration
    ]
    counts = {str(key): value for key, value in tracker.counts().items()}
    return page(request, items, rows[limit - 1].task.id if len(rows) > limit else None, {"counts": counts})


def explanation(request: Request) -> Response:
    """GET /api/migration/{id}/explanation, /api/tasks/{id}/explanation: why it is not running."""
    require(request, "read")
    service = service_of(request)
    return JSONResponse({"reasons": explain(service.store, service.settings, request.path_params["id"])})


async def reply(request: Request) -> Response:
    """POST /api/migration/{id}/reply: 200 where it was taken, 422 where the question stays open."""
    principal = require(request, "reply")
    body = await bodies.read_json(request, bodies.REPLY)
    service, migration_id = service_of(request), request.path_params["id"]
    version = bodies.wanted_version(request)

    def order() -> Response:
        _unless_moved_on(service, migration_id, version)
        answered = service.manager.reply(
            migration_id, body["text"], principal.name, "api", body.get("wait_id")
        )
        view = service.tracker.migration(migration_id)
        return JSONResponse({"outcome": answered.outcome, **views.migration_full(view)})

    return await run_in_threadpool(order)


async def extend(request: Request) -> Response:
    """POST /api/migration/{id}/extend: the open question gets a fresh deadline."""
    principal = require(request, "reply")
    await bodies.read_json(request, bodies.NOTHING, optional=True)
    service, migration_id = service_of(request), request.path_params["id"]
    wait = await run_in_threadpool(service.manager.extend, migration_id, principal.name)
    return JSONResponse(views.wait_open(wait))


async def steer(request: Request, *, name: str) -> Response:
    """POST /api/migration/{id}/pause, /resume, /retry, /cancel."""
    principal = require(request, "run")
    await bodies.read_json(request, bodies.NOTHING, optional=True)
    manager = service_of(request).manager
    version = bodies.named_version(request) if name == "cancel" else bodies.wanted_version(request)
    orders: Mapping[str, Callable[[str, str, int | None], Migration]] = {
        "pause": manager.pause,
        "resume": manager.resume,
        "retry": manager.retry,
        "cancel": manager.cancel,
    }

    def order() -> Response:
        migration_id = request.path_params["id"]
        _unless_stale(request, lambda: orders[name](migration_id, principal.name, version))
        return _answer(request, migration_id)

    return await run_in_threadpool(order)


async def roll_back(request: Request) -> Response:
    """POST /api/migration/rollback and /api/migration/{id}/rollback; with `dry_run` only its plan."""
    principal = require(request, "rollback")
    schema = bodies.ROLLBACK if "id" in request.path_params else bodies.ROLLBACK_OF
    body = await bodies.read_json(request, schema)
    migration_id = request.path_params.get("id") or body["id"]
    service, version = service_of(request), _version_of_rollback(request, body)

    def order() -> Response:
        plan = service.rollbacks.preview(migration_id, body["to"])
        if body.get("dry_run"):
            return JSONResponse({"dry_run": True, "plan": views.plan(plan)})
        rollback = _unless_stale(
            request,
            lambda: service.rollbacks.request(
                migration_id,
                body["to"],
                body.get("reason", ""),
                principal.name,
                version,
                choices=_choices(body),
                with_dependents=body.get("with_dependents", False),
            ),
        )
        location = {"Location": f"/api/migration/{migration_id}"}
        answer = {"dry_run": False, "plan": views.plan(plan), "rollback": views.rollback(rollback)}
        return JSONResponse({**answer, **_standing(request, migration_id)}, 202, location)

    return await run_in_threadpool(order)


async def undo(request: Request) -> Response:
    """POST /api/migration/{id}/undo: the last rollback is taken back."""
    principal = require(request, "rollback")
    body = await bodies.read_json(request, bodies.UNDO, optional=True)
    service, migration_id = service_of(request), request.path_params["id"]

    def order() -> Response:
        reason = body.get("reason", "")
        rollback = service.rollbacks.undo(migration_id, reason, principal.name, _choices(body))
        answer = {"rollback": views.rollback(rollback), **_standing(request, migration_id)}
        return JSONResponse(answer, 202, {"Location": f"/api/migration/{migration_id}"})

    return await run_in_threadpool(order)


def events(request: Request) -> Response:
    """GET /api/migration/{id}/events: what happened to it, the newest first."""
    require(request, "read")
    tracker, limit = service_of(request).tracker, bodies.page_limit(request)
    migration_id = request.path_params["id"]
    tracker.migration(migration_id)
    before = bodies.sequence_edge(request)
    found = tracker.events_before(before, limit + 1, migration_id=migration_id)
    edge = str(found[limit - 1].seq) if len(found) > limit else None
    return page(request, [views.event(entry) for entry in found[:limit]], edge)


def page(
    request: Request, items: list[Any], edge: str | None, more: Mapping[str, Any] | None = None
) -> Response:
    """A list: `items`, `next` and, where there is more, `Link: rel=next`."""
    following = views.cursor(edge) if edge is not None else None
    headers = {}
    if following:
        url = request.url.include_query_params(cursor=following)
        headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return JSONResponse({**(more or {}), "items": items, "next": following}, headers=headers)


ROUTES = [
    resource("/api/migration", get=listing, post=start),
    resource("/api/migration/status", get=status),
    resource("/api/migration/rollback", post=roll_back),
    resource("/api/migration/{id}", get=one),
    resource("/api/migration/{id}/explanation", get=explanation),
    resource("/api/tasks/{id}/explanation", get=explanation),
    resource("/api/migration/{id}/reply", post=reply),
    resource("/api/migration/{id}/extend", post=extend),
    *(
        resource(f"/api/migration/{{id}}/{name}", post=partial(steer, name=name))
        for name in ("pause", "resume", "retry", "cancel")
    ),
    resource("/api/migration/{id}/rollback", post=roll_back),
    resource("/api/migration/{id}/undo", post=undo),
    resource("/api/migration/{id}/events", get=events),
]


def _choices(body: Mapping[str, Any]) -> Mapping[str, Choice]:
    return {path: Choice(choice) for path, choice in body.get("choices", {}).items()}


def _answer(
    request: Request, migration_id: str, code: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A migration with its ETag; 304 where the caller has it already."""
    view = service_of(request).tracker.migration(migration_id)
    body = views.migration_full(view)
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    tag = f'"v{view.migration.version}-{hashlib.sha256(text).hexdigest()[:16]}"'
    if code == 200 and request.method in ("GET", "HEAD") and _has(request, tag):
        return Response(None, 304, {"ETag": tag, "Cache-Control": "no-cache"})
    sent = {"ETag": tag, "Cache-Control": "no-cache", **(headers or {})}
    return Response(text, code, sent, media_type="application/json")


def _standing(request: Request, migration_id: str) -> dict[str, Any]:
    migration = service_of(request).tracker.migration(migration_id).migration
    return {"id": migration.id, "status": migration.status, "version": migration.version}


def _has(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    return tag in [part.strip().removeprefix("W/") for part in given.split(",")]


def _version_of_rollback(request: Request, body: Mapping[str, Any]) -> int | None:
    """The version that is gone back from; it must be named where the migration itself is addressed."""
    if "id" in request.path_params and not body.get("dry_run"):
        return bodies.named_version(request)
    return bodies.wanted_version(request)


def _unless_moved_on(service: Service, migration_id: str, version: int | None) -> None:
    """Raises: Refused (412) where the version is not the present one."""
    if version is None:
        return
    present = service.tracker.migration(migration_id).migration.version
    if present != version:
        raise Refused(
            "stale", "it moved on since you looked at it", migration_id=migration_id, version=present
        )


def _unless_stale(request: Request, order: Callable[[], Any]) -> Any:
    """Do it; a version named by If-Match that is not the present one is 412."""
    try:
        return order()
    except Conflict as error:
        if "if-match" in request.headers:
            raise Refused(
                "stale", str(error), migration_id=error.migration_id, version=error.version
            ) from error
        raise


def _statuses(request: Request) -> list[Status]:
    wanted = [part for given in request.query_params.getlist("status") for part in given.split(",") if part]
    unknown = [part for part in wanted if part not in list(Status)]
    if unknown:
        raise Refused("malformed", f"status {unknown[0][:50]!r} is not one of {', '.join(Status)}")
    return [Status(part) for part in wanted]
