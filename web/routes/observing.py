"""/metrics for machines; the pages of figures, of the audit log, and of the machine's own state."""

import csv
import io

from roadmark.executor.doctor import examine
from roadmark.executor.model import JournalEntry
from roadmark.web import bodies, views, words
from roadmark.web.auth import require
from roadmark.web.figures import figures
from roadmark.web.pages import page
from roadmark.web.routing import hub_of, resource, service_of
from roadmark.web.telemetry import Telemetry, exposition
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_CSV_ROWS = 10_000
_FORMULAS = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""What a formula begins with; some spreadsheets take the wide characters of East Asia for it as well."""
_COLUMNS = ("seq", "at", "actor", "kind", "what", "task_id", "migration_id", "phase", "attempt", "hash")


def prometheus(request: Request) -> Response:
    """GET /metrics."""
    require(request, "read")
    telemetry: Telemetry = request.app.state.telemetry
    text = exposition(service_of(request), telemetry, hub_of(request).listeners)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def metrics(request: Request) -> Response:
    """GET /figures: what was measured."""
    require(request, "read")
    return page(request, "figures.html", figures(service_of(request)))


def audit(request: Request) -> Response:
    """GET /audit: everything that happened, by whom, the newest first."""
    require(request, "read")
    tracker, before = service_of(request).tracker, bodies.sequence_edge(request)
    wanted = _wanted(request)
    found, edge = _matching(request, before, wanted)
    following = views.cursor(edge) if edge else None
    titles = {row.task.id: row.task.title for row in tracker.fleet(None, 1000)}
    values = {"entries": found, "following": following, "wanted": wanted, "titles": titles}
    return page(request, "audit.html", values)


def audit_csv(request: Request) -> Response:
    """GET /audit.csv: of the newest 10,000 entries those that fit, for a spreadsheet; none is a formula."""
    require(request, "read")
    newest = service_of(request).tracker.events_before(bodies.sequence_edge(request), _CSV_ROWS)
    wanted = _wanted(request)
    entries = [entry for entry in newest if _fits(entry, wanted)] if any(wanted.values()) else newest
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(_COLUMNS)
    table.writerows([_cell(value) for value in _row(entry)] for entry in entries)
    headers = {"Content-Disposition": 'attachment; filename="roadmark-audit.csv"'}
    return Response(text.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


def doctor(request: Request) -> Response:
    """GET /doctor: what `roadmark doctor` says of this machine."""
    require(request, "read")
    service = service_of(request)
    values = {"checks": examine(service.settings), "health": service.health(), "settings": service.settings}
    return page(request, "doctor.html", values)


ROUTES = [
    resource("/metrics", get=prometheus),
    resource("/figures", get=metrics),
    resource("/audit", get=audit),
    resource("/audit.csv", get=audit_csv),
    resource("/doctor", get=doctor),
]


def _wanted(request: Request) -> dict[str, str]:
    """The filter of the page: parts of who did it and of what was done."""
    return {name: request.query_params.get(name, "").strip() for name in ("who", "what")}


def _matching(request: Request, before: int, wanted: dict[str, str]) -> tuple[list[JournalEntry], int | None]:
    """A page of the entries that fit, and where the next one begins."""
    tracker = service_of(request).tracker
    found: list[JournalEntry] = []
    while len(found) < bodies.MAX_PAGE:
        entries = tracker.events_before(before, 500)
        if not entries:
            return found, None
        before = entries[-1].seq
        for entry in entries:
            if _fits(entry, wanted):
                found.append(entry)
                if len(found) == bodies.MAX_PAGE:
                    return found, entry.seq
    return found, before


def _fits(entry: JournalEntry, wanted: dict[str, str]) -> bool:
    told = f"{entry.kind} {words.told(entry)}".casefold()
    return (
        entry.kind != "agent.output"
        and wanted["who"].casefold() in entry.actor.casefold()
        and wanted["what"].casefold() in told
    )


def _row(entry: JournalEntry) -> tuple[object, ...]:
    return (
        entry.seq,
        views.stamp(entry.at),
        entry.actor,
        entry.kind,
        words.told(entry),
        entry.task_id,
        entry.migration_id,
        entry.phase,
        entry.attempt,
        entry.hash,
    )


def _cell(given: object) -> object:
    """Nothing hidden; what a spreadsheet would take for a formula gets an apostrophe in front."""
    value = words.visible(given)
    if isinstance(value, str) and value.lstrip().startswith(_FORMULAS):
        return f"'{value}"
    return value
