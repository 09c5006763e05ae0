"""The pages that are looked at."""

from functools import partial
from urllib.parse import urlencode

from roadmark.executor.acts import acts_of
from roadmark.executor.tracker import NEWEST
from roadmark.ingest.markdown import render_html
from roadmark.ingest.rulebook import page_of
from roadmark.web import bodies, logs, screens, views
from roadmark.web.auth import require
from roadmark.web.changes import changes
from roadmark.web.pages import log_name, page
from roadmark.web.problems import KINDS, Refused
from roadmark.web.routing import resource, service_of
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

_RUNS_WITH_ACTS = 10
"""Of so many runs, the newest, the history tells each act."""


def plain(request: Request, *, name: str) -> Response:
    """A page that lives on and has no argument: fleet, inbox, specs."""
    require(request, "read")
    service, live = service_of(request), screens.LIVE[name]
    cursor = service.tracker.last_seq()
    query = {key: value for key, value in request.query_params.items() if value}
    values = live.values(service, query)
    return page(request, live.template, {**values, "live": _stream(name, cursor, query)})


def task(request: Request) -> Response:
    """GET /tasks/{id}."""
    require(request, "read")
    return page(request, "task.html", task_values(request))


def task_values(request: Request) -> dict[str, object]:
    """What the task page shows, with the stream that goes on behind it."""
    service = service_of(request)
    cursor = service.tracker.last_seq()
    query = _which(request)
    values = screens.task(service, query)
    log = screens.task_log(service, values["run"])
    stream = {name: value for name, value in query.items() if value}
    if log is not None:
        name = log_name(log.attempt.migration_id, log.attempt.phase, log.attempt.number)
        stream |= {"log": name, "line": str(log.total)}
    return {
        **values,
        "log": log,
        "lines": log.lines if log is not None else (),
        "reply_text": "",
        "live": _stream("task", cursor, stream),
    }


def log(request: Request) -> Response:
    """GET /tasks/{id}/log: an attempt's whole log in pages, with a search."""
    require(request, "read")
    service = service_of(request)
    values = screens.task(
        service, {"id": request.path_params["id"], "run": request.query_params.get("run", "")}
    )
    attempt = screens.attempt_of(values["run"], request.query_params.get("attempt"))
    if attempt is None:
        raise Refused("not-found", "there is no attempt yet, so there is no log")
    wanted, only_errors = request.query_params.get("find", ""), "errors" in request.query_params
    folder = service.settings.state_dir
    if wanted or only_errors:
        part = logs.find(folder, attempt, wanted[:200], only_errors=only_errors)
    else:
        before = bodies.whole_number(request, "before", 0) or None
        part = logs.tail(folder, attempt, before, logs.MORE)
    found = {"part": part, "attempt": attempt, "find": wanted, "only_errors": only_errors}
    return page(request, "log.html", {**values, **found})


def raw_log(request: Request) -> Response:
    """GET /tasks/{id}/log/{attempt}: the file as it is."""
    require(request, "read")
    service = service_of(request)
    view = service.tracker.task(request.path_params["id"])
    runs = [service.tracker.migration(row.id) for row in service.tracker.migrations_of(view.task.id)]
    for attempt in (row for run in runs for row in run.attempts):
        if attempt.id == request.path_params["attempt"]:
            path = logs.log_file(service.settings.state_dir, attempt.log_path)
            if path.is_file():
                return FileResponse(path, media_type="text/plain; charset=utf-8", filename=path.name)
    raise Refused("not-found", "there is no such log")


def changed(request: Request) -> Response:
    """GET /tasks/{id}/changes: since the last finished phase, or between two checkpoints."""
    require(request, "read")
    service = service_of(request)
    values = screens.task(service, _which(request))
    if values["run"] is None:
        raise Refused("not-found", "this task has not been started, so nothing was changed")
    query = request.query_params
    service.exchange.look(values["run"].migration.id)
    found = changes(service.places, values["run"], query.get("since"), query.get("until"))
    return page(request, "changes.html", {**values, "changes": found})


def rule(request: Request) -> Response:
    """GET /rules/{code}: what a finding means, and an example of wrong and right."""
    require(request, "read")
    code = request.path_params["code"]
    text = page_of(code)
    if text is None:
        raise Refused("not-found", f"there is no finding {code[:20]!r}")
    return page(request, "rule.html", {"code": code.upper(), "html": render_html(text)})


def history(request: Request) -> Response:
    """GET /tasks/{id}/history: everything that happened to a task, the newest first."""
    require(request, "read")
    tracker = service_of(request).tracker
    view = tracker.task(request.path_params["id"])
    limit = bodies.MAX_PAGE
    found = tracker.events_before(bodies.sequence_edge(request), limit + 1, task_id=view.task.id)
    following = views.cursor(found[limit - 1].seq) if len(found) > limit else None
    runs = tracker.migrations_of(view.task.id)
    values = {
        "task": view.task,
        "acts": {run.id: acts_of(tracker.migration(run.id)) for run in runs[:_RUNS_WITH_ACTS]},
        "entries": [entry for entry in found[:limit] if entry.kind != "agent.output"],
        "runs": runs,
        "following": following,
        "is_first": bodies.sequence_edge(request) == NEWEST,
    }
    return page(request, "history.html", values)


def jump(request: Request) -> Response:
    """GET /jump?q=: to the one task that the words fit, else to the fleet filtered by them."""
    require(request, "read")
    wanted = request.query_params.get("q", "").strip()
    rows = screens.fleet(service_of(request), {"text": wanted})["lines"]
    if len(rows) == 1:
        return RedirectResponse(f"/tasks/{rows[0].row.task.id}", 303)
    return RedirectResponse(f"/?{urlencode({'text': wanted})}" if wanted else "/", 303)


def problems(request: Request) -> Response:
    """GET /problems: every problem type of the API, explained."""
    require(request, "read")
    return page(request, "problems.html", {"kinds": KINDS, "wanted": request.path_params.get("slug")})


ROUTES = [
    resource("/", get=partial(plain, name="fleet")),
    resource("/inbox", get=partial(plain, name="inbox")),
    resource("/specs", get=partial(plain, name="specs")),
    resource("/tasks/{id}", get=task),
    resource("/tasks/{id}/log", get=log),
    resource("/tasks/{id}/log/{attempt}", get=raw_log),
    resource("/tasks/{id}/history", get=history),
    resource("/tasks/{id}/changes", get=changed),
    resource("/rules/{code}", get=rule),
    resource("/jump", get=jump),
    resource("/problems", get=problems),
    resource("/problems/{slug}", get=problems),
]


def _which(request: Request) -> dict[str, str]:
    """The task and the run that are meant."""
    return {"id": request.path_params["id"], "run": request.query_params.get("run", "")}


def _stream(name: str, cursor: int, query: dict[str, str]) -> str:
    return f"/live/{name}?{urlencode({**query, 'after': cursor})}"
