"""The pages' machinery: templates, what every page knows, and the parts of a page that live on."""

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from roadmark.executor.access import Principal
from roadmark.executor.kept import Kept
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.templates import pages_folder
from roadmark.web import words
from roadmark.web.auth import PRINCIPAL, may
from roadmark.web.needs import needs_person
from roadmark.web.problems import Problem
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

STATIC = Path(__file__).parent / "static"
THEMES = ("auto", "light", "dark")
_MOST_FRAGMENTS = 300
SCOPES = ("read", "reply", "run", "rollback", "admin")

_MACROS = ("icon", "state", "bar", "act", "question", "agent_choice", "schedule_form")
"""Known everywhere, since a block that is rendered by itself does not see its template's imports."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Live:
    """A page that lives on: its template, what it shows, and which of its blocks change.

    Each block renders one element whose id is the block's name with `-` for `_`.
    """

    template: str
    values: Callable[[Service, Mapping[str, str]], Values]
    blocks: tuple[str, ...]


class Fragments:
    """Parts of pages that are rendered once for as long as what they show is the same."""

    def __init__(self) -> None:
        self._kept = Kept(_MOST_FRAGMENTS)

    @pass_context
    def __call__(self, context: Context, name: str, *key: Hashable) -> Markup:
        """The template of this name, rendered with the context; `key` is all that it shows of it."""
        template = context.environment.get_template(name)
        return self._kept.get((name, *key), None, lambda: Markup(template.render(context.get_all())))  # noqa: S704 - a template's own output


@cache
def environment() -> Environment:
    """The templates, escaping everything, refusing undefined names."""
    made = Environment(
        loader=FileSystemLoader(pages_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=words.visible,
    )
    made.filters.update(
        when=words.when,
        ago=words.ago,
        left=words.left,
        hours=words.hours,
        seconds=words.seconds,
        size=words.size,
        told=words.told,
        key=escape,
    )
    made.globals.update(
        lasted=words.lasted,
        status_word=status_word,
        static=static_url,
        asks=words.ASKS,
        outcomes=words.OUTCOMES,
        verdict=words.verdict,
        is_quiet=words.is_quiet,
        kept=Fragments(),
    )
    macros = made.get_template("_macros.html").module
    made.globals.update({name: getattr(macros, name) for name in _MACROS})
    return made


def status_word(status: Status | None) -> words.Word:
    """How a status is said; None is a task that was never started."""
    return words.STATUS_WORDS[status] if status is not None else words.NOT_STARTED


def page(request: Request, template: str, values: Values, status: int = 200) -> HTMLResponse:
    """A whole page."""
    everywhere = frame(request.app.state.service, request)
    return HTMLResponse(environment().get_template(template).render({**everywhere, **values}), status)


def frame(service: Service, connection: HTTPConnection) -> dict[str, Any]:
    """What every page knows: who is looking, what they may do, what needs them, where its stream begins."""
    principal: Principal | None = connection.scope.get(PRINCIPAL)
    theme = connection.cookies.get("roadmark_theme", "auto")
    return {
        **shared(service, principal),
        "path": connection.url.path,
        "theme": theme if theme in THEMES else "auto",
        "live": None,
        "notice": None,
        "notice_tone": "status",
    }


def shared(service: Service, principal: Principal | None) -> dict[str, Any]:
    """What the living parts of every page know."""
    cursor = service.tracker.last_seq() if principal else 0
    return {
        "cursor": cursor,
        "me": principal.name if principal else None,
        "can": {scope: principal is not None and may(principal, scope) for scope in SCOPES},
        "needs": needs_person(service.tracker) if principal else [],
        "now": service.clock.now(),
    }


def render_blocks(name: str, blocks: Sequence[str], values: Values) -> dict[str, str]:
    """The blocks of a template, each as HTML, and the count in the navigation."""
    template = environment().get_template(name)
    return {block: _block(template, block, values) for block in blocks} | render_count(values)


def render_count(values: Values) -> dict[str, str]:
    """The count of needs in the navigation, as a block."""
    return {"nav_needs": _block(environment().get_template("base.html"), "nav_needs", values)}


def log_name(migration_id: str | None, phase: int | None, attempt: int | None) -> str:
    """How a stream names an attempt's log."""
    return f"{migration_id}.{phase}.{attempt}"


def error_page(scope: Scope, problem: Problem) -> Response:
    """A problem as a page: what happened, and what to do next."""
    request = Request(scope)
    values = {
        **frame(request.app.state.service, request),
        "problem": problem,
        "needs": [],
        "cursor": 0,
    }
    text = environment().get_template("error.html").render(values)
    return HTMLResponse(text, problem.kind.status, dict(problem.headers))


@cache
def static_url(name: str) -> str:
    """The address of a static file, with its content in it, so that it can be cached for good."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def _block(template: Template, name: str, values: Values) -> str:
    context = template.new_context(dict(values))
    return "".join(template.blocks[name](context))
