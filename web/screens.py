"""What each page shows: rows gathered into the values of its template."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from roadmark.executor.criteria import criteria_of
from roadmark.executor.model import Attempt, Migration, RollbackState, SpecProblem, TaskItem, TaskPhase
from roadmark.executor.service import Service
from roadmark.executor.states import ENDED, Move, PhaseState, Status, TaskStatus, WaitKind, sources
from roadmark.executor.store.tasks import FleetRow
from roadmark.executor.tracker import MigrationView, TaskView
from roadmark.ingest.markdown import render_html
from roadmark.web import logs, views, words
from roadmark.web.pages import Live

_PAGE = 500
_TIMELINE = 60
_FRAME = 200
_HEADING = re.compile(r"(</?h)([1-6])>")
_PRIORITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the fleet."""

    row: FleetRow
    word: words.Word
    status: Status | None

    @property
    def rank(self) -> tuple[int, int, str]:
        """Where it stands when what needs somebody comes first."""
        rank = words.ORDER_OF_NEED[self.status] if self.status else 50 + (not self.row.task.executable)
        priority = self.row.task.priority
        return (
            rank,
            _PRIORITIES.index(priority) if priority in _PRIORITIES else 9,
            self.row.task.title.lower(),
        )


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """A phase of a task with its boxes and how it goes."""

    phase: TaskPhase
    items: tuple[TaskItem, ...]
    state: str
    attempts_used: int

    @property
    def done(self) -> int:
        """How many boxes are ticked."""
        return sum(item.mark == "x" for item in self.items)


def fleet(service: Service, query: Mapping[str, str]) -> dict[str, Any]:
    """Every task with where it stands, filtered by `state`, `priority` and `text`."""
    lines = sorted((_line(row) for row in _all_rows(service)), key=lambda line: line.rank)
    shown = [line for line in lines if _matches(line, query)]
    return {
        "lines": shown,
        "total": len(lines),
        "query": {name: query.get(name, "") for name in ("state", "priority", "text")},
        "broken": [line for line in lines if line.row.errors],
        "statuses": words.STATUS_WORDS,
        "priorities": _PRIORITIES,
        "specs": service.settings.specs,
        "last_scan_at": service.intake.last_scan_at,
    }


def inbox(service: Service, query: Mapping[str, str]) -> dict[str, Any]:
    """Nothing of its own: the needs are what every page knows."""
    del service, query
    return {}


def specs(service: Service, query: Mapping[str, str]) -> dict[str, Any]:
    """Every spec with its findings, those with errors first."""
    del query
    found = {task.id: rows for task, rows in service.tracker.problems()}
    rows = sorted(_all_rows(service), key=lambda row: (-row.errors, -row.warnings, row.task.source_path))
    return {
        "rows": rows,
        "problems": found,
        "frames": _frames(service, found),
        "listed": service.intake.listed,
        "specs": service.settings.specs,
        "last_scan_at": service.intake.last_scan_at,
    }


def task(service: Service, query: Mapping[str, str]) -> dict[str, Any]:
    """A task with its latest migration, or the one that `run` names. Raises: NotFound."""
    view = service.tracker.task(query["id"])
    run = query.get("run") or view.task.migration_id
    migration = service.tracker.migration(run) if run else None
    if migration is not None and migration.migration.task_id != view.task.id:
        migration = None
    lines = phase_lines(view, migration)
    marks = {item.line: item for item in view.items if item.phase is None and item.removed_at is None}
    criteria, now = criteria_of(view, migration), service.clock.now()
    return {
        "view": view,
        "task": view.task,
        "run": migration,
        "migration": migration.migration if migration else None,
        "wait": migration.wait if migration else None,
        "word": _word_of(view, migration),
        "offers": offers(view, migration),
        "phases": lines,
        "phases_key": (view.task.id, migration is None, now.replace(second=0, microsecond=0), *lines),
        "more_key": (*_spec_key(view, marks.values()), criteria),
        "files": views.files_by_action(view.files),
        "marks": marks,
        "supports": {criterion.line: criterion.supports for criterion in criteria},
        "schedules": service.schedules.of_task(view.task.id),
        "timeline": service.tracker.timeline(view.task.id, _TIMELINE),
        "spec_html": _rendered(view.task.source_content) if len(view.task.source_content) < 400_000 else None,
        "settings": service.settings,
        "is_changed": _is_changed(view, migration),
        "newest": migration.attempts[-1] if migration and migration.attempts else None,
        "evidence": _evidence(migration),
        "unclear": _unclear(migration),
    }


def task_log(service: Service, view: MigrationView | None) -> logs.LogPart | None:
    """The end of the newest attempt's log."""
    if view is None or not view.attempts:
        return None
    return logs.tail(service.settings.state_dir, view.attempts[-1])


def offers(view: TaskView, run: MigrationView | None) -> frozenset[str]:
    """Which acts make sense now; the page shows their buttons."""
    migration = run.migration if run else None
    made = {name for name, is_offered in _offers(view, migration) if is_offered}
    if run and run.checkpoints and _can(migration, Move.ROLL_BACK, Status.RUNNING):
        made.add("rollback")
    if run and any(row.state is RollbackState.DONE for row in run.rollbacks):
        made.add("undo")
    return frozenset(made)


def phase_lines(view: TaskView, run: MigrationView | None) -> list[PhaseLine]:
    """The phases with their boxes and their states."""
    runs = {row.phase: row for row in run.phases} if run else {}
    lines = []
    for phase in view.phases:
        items = view.items_of(phase.ordinal)
        known = runs.get(phase.ordinal)
        lines.append(
            PhaseLine(
                phase,
                items,
                _phase_word(known.state if known else None, phase.ordinal, run),
                known.attempts_used if known else 0,
            )
        )
    return lines


def attempt_of(run: MigrationView | None, wanted: str | None) -> Attempt | None:
    """The attempt that is named, else the newest."""
    if run is None or not run.attempts:
        return None
    named = [row for row in run.attempts if row.id == wanted]
    return named[0] if named else run.attempts[-1]


def _spec_key(view: TaskView, marked: Iterable[TaskItem]) -> tuple[Hashable, ...]:
    """All that the part of the page depends on which shows what the spec says beside its phases."""
    task = view.task
    ticks = tuple((item.line, item.mark) for item in marked)
    return task.id, task.content_sha256, task.source_path, task.executable, view.problems, ticks


def _evidence(run: MigrationView | None) -> Mapping[str, Any] | None:
    """What the attempt that is asked about left behind."""
    if run is None or run.wait is None or run.wait.kind not in (WaitKind.CONFIRM, WaitKind.QUESTION):
        return None
    of_phase = [row.evidence for row in run.attempts if row.phase == run.wait.phase]
    return of_phase[-1] if of_phase else None


def _unclear(run: MigrationView | None) -> str | None:
    """The newest reply to the open question, where it was not understood."""
    if run is None or run.wait is None:
        return None
    given = [reply for reply in run.replies if reply.wait_id == run.wait.id]
    return given[-1].text if given and given[-1].outcome == "unclear" else None


FLEET = Live("fleet.html", fleet, ("fleet_needs", "fleet_lines"))
TASK = Live(
    "task.html", task, ("task_head", "task_wait", "task_phases", "task_log_head", "task_more", "task_side")
)
INBOX = Live("inbox.html", inbox, ("inbox_list",))
SPECS = Live("specs.html", specs, ("specs_list",))

LIVE: Mapping[str, Live] = {"fleet": FLEET, "task": TASK, "inbox": INBOX, "specs": SPECS}


def _frames(service: Service, found: Mapping[str, Sequence[SpecProblem]]) -> dict[tuple[str, int], str]:
    """The lines that errors and warnings stand on, by task and line."""
    frames: dict[tuple[str, int], str] = {}
    for task_id, problems in found.items():
        wanted = {row.line for row in problems if row.severity != "info"}
        if not wanted:
            continue
        lines = service.tracker.task(task_id).task.source_content.splitlines()
        frames |= {
            (task_id, line): lines[line - 1][:_FRAME].strip() for line in wanted if 0 < line <= len(lines)
        }
    return frames


def _all_rows(service: Service) -> list[FleetRow]:
    rows: list[FleetRow] = []
    while True:
        found = service.tracker.fleet(rows[-1].task.id if rows else None, _PAGE)
        rows += found
        if len(found) < _PAGE:
            return rows


def _line(row: FleetRow) -> Line:
    if row.migration is not None:
        return Line(row, words.STATUS_WORDS[row.migration.status], row.migration.status)
    return Line(row, words.NOT_STARTED if row.task.executable else words.BROKEN, None)


def _matches(line: Line, query: Mapping[str, str]) -> bool:
    state, priority, text = (query.get(name, "") for name in ("state", "priority", "text"))
    status = str(line.status) if line.status else "none"
    wanted = text.casefold()
    return (
        (not state or state == status)
        and (not priority or priority == line.row.task.priority)
        and (wanted in line.row.task.title.casefold() or wanted in line.row.task.source_path.casefold())
    )


def _word_of(view: TaskView, run: MigrationView | None) -> words.Word:
    if run is not None:
        return words.STATUS_WORDS[run.migration.status]
    if view.task.status is TaskStatus.WITHDRAWN:
        return words.WITHDRAWN
    return words.NOT_STARTED if view.task.executable else words.BROKEN


def _offers(view: TaskView, migration: Migration | None) -> Sequence[tuple[str, bool]]:
    is_free = migration is None or migration.status in ENDED | {Status.FAILED, Status.ROLLED_BACK}
    return (
        ("start", is_free and view.task.executable and view.task.status is not TaskStatus.WITHDRAWN),
        ("pause", _can(migration, Move.PAUSE, Status.RUNNING)),
        ("resume", _can(migration, Move.RESUME)),
        ("retry", _can(migration, Move.RETRY)),
        ("cancel", _can(migration, Move.CANCEL)),
    )


def _can(migration: Migration | None, move: Move, *further: Status) -> bool:
    return migration is not None and (migration.status in sources(move) or migration.status in further)


def _phase_word(state: PhaseState | None, ordinal: int, run: MigrationView | None) -> str:
    if run is None or state is None:
        return "not started"
    if state is PhaseState.PENDING and run.migration.phase == ordinal:
        return "in work" if run.migration.status is Status.RUNNING else "next"
    return {
        PhaseState.PENDING: "to come",
        PhaseState.ASKED: "asked",
        PhaseState.CONFIRMED: "accepted",
        PhaseState.DONE: "done",
    }[state]


def _is_changed(view: TaskView, run: MigrationView | None) -> bool:
    """Whether the spec was edited since the migration was started (ticks are no edit)."""
    if run is None or run.migration.status in ENDED:
        return False
    return _without_marks(view.task.source_content) != _without_marks(run.pinned_spec)


def _without_marks(text: str) -> str:
    return text.replace("[x]", "[ ]").replace("[X]", "[ ]")


@lru_cache(maxsize=64)
def _rendered(text: str) -> str:
    """Markdown as safe HTML, kept by content; its headings stand below those of the page."""
    shown = str(words.visible(render_html(text)))
    return _HEADING.sub(lambda found: f"{found[1]}{min(6, int(found[2]) + 2)}>", shown)
