"""What comes in: JSON bodies, forms and query values, checked at the edge.

Source: safety rule R8: size first (limits.py), then depth, then shape.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator
from roadmark.executor.tracker import NEWEST
from roadmark.web.problems import Refused
from roadmark.web.views import cursor_edge
from starlette.requests import Request

MAX_DEPTH = 64
MAX_PAGE = 100
DEFAULT_PAGE = 50
MOST_ERRORS = 20

Schema = Mapping[str, Any]


def _text(limit: int, description: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": limit, "description": description}


def _object(properties: dict[str, Any], required: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_TO = _text(200, '"start", or the id or name of a checkpoint.')
_REASON = {"type": "string", "maxLength": 2000, "description": "Why; it stands in the history."}
_DRY_RUN = {"type": "boolean", "description": "Only say what would be done."}

START = _object(
    {
        "task_id": _text(500, "The task: its id, or what names it uniquely."),
        "agent": _text(100, "The agent; without it the one of the configuration."),
        "at": {
            "type": "string",
            "format": "date-time",
            "maxLength": 40,
            "description": "Not before this moment (RFC 3339, with its offset); else as soon as may be.",
        },
    },
    ("task_id",),
)
SCHEDULE = _object(
    {
        "task_id": _text(500, "The task: its id, or what names it uniquely."),
        "cron": _text(200, "Minute, hour, day, month, weekday, in the service's own time."),
        "agent": _text(100, "The agent; without it the one of the configuration."),
    },
    ("task_id", "cron"),
)
REPLY = _object(
    {
        "text": {"type": "string", "maxLength": 10_000, "description": "A keyword, or why it is not good."},
        "wait_id": _text(100, "The question that is meant; another one is not answered."),
    },
    ("text",),
)
_CHOICES = {
    "type": "object",
    "additionalProperties": {"enum": ["keep", "take", "both"]},
    "maxProperties": 1000,
    "description": "For each path of the plan's `clashes`: keep theirs, take the rollback's, or have both.",
}
_WITH_DEPENDENTS = {
    "type": "boolean",
    "description": "Take what depends on it back to its start first; the plan's `dependents` lists it.",
}
_ROLLBACK = {
    "to": _TO,
    "reason": _REASON,
    "dry_run": _DRY_RUN,
    "choices": _CHOICES,
    "with_dependents": _WITH_DEPENDENTS,
}
ROLLBACK = _object(_ROLLBACK, ("to",))
ROLLBACK_OF = _object({"id": _text(100, "The migration."), **_ROLLBACK}, ("id", "to"))
UNDO = _object({"reason": _REASON, "choices": _CHOICES})
TICK = _object(
    {"key": _text(2000, "The box."), "mark": {"enum": [" ", "x"], "description": "Its new mark."}},
    ("key", "mark"),
)
NOTHING = _object({})
SIGNED_REPLY: Schema = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "timestamp": {"type": "string"},
        "data": {
            "type": "object",
            "properties": {
                "wait": {"type": "string", "minLength": 8, "maxLength": 36, "description": "The question."},
                "text": {"type": "string", "maxLength": 10_000, "description": "The reply."},
                "from": {"type": "string", "minLength": 1, "maxLength": 100, "description": "Who says it."},
            },
            "required": ["wait", "text"],
        },
    },
    "required": ["data"],
}
SLACK_FORM: Schema = {
    "type": "object",
    "description": "A slash command (`user_id`, `text`), or a button (`payload`, JSON).",
    "properties": {name: {"type": "string"} for name in ("user_id", "text", "payload")},
}
_LOGIN = {"type": "object", "properties": {"login": {"type": "string"}}}
GITHUB_EVENT: Schema = {
    "type": "object",
    "description": "An `issue_comment` event; of others nothing is read.",
    "properties": {
        "action": {"type": "string"},
        "comment": {
            "type": "object",
            "properties": {
                "node_id": {"type": "string"},
                "user": _LOGIN,
                "created_at": {"type": "string", "format": "date-time"},
                "body": {"type": "string"},
            },
        },
        "sender": _LOGIN,
    },
}

SCHEMAS: Mapping[str, Schema] = {
    "Start": START,
    "ScheduleOrder": SCHEDULE,
    "ReplyText": REPLY,
    "RollbackOrder": ROLLBACK,
    "RollbackOrderOf": ROLLBACK_OF,
    "UndoOrder": UNDO,
    "Tick": TICK,
    "Nothing": NOTHING,
    "SignedReply": SIGNED_REPLY,
    "SlackForm": SLACK_FORM,
    "GitHubEvent": GITHUB_EVENT,
}


async def read_json(request: Request, schema: Schema, *, optional: bool = False) -> dict[str, Any]:
    """The body, checked against `schema`; `{}` for an absent one where that is allowed.

    Raises: Refused (400, 415, 422), saying where.
    """
    raw = await request.body()
    if not raw.strip() and optional:
        return {}
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused("not-json", f"the body is {media_type or 'of no stated type'}, not application/json")
    value = decode_json(raw)
    errors = [
        {
            "pointer": "".join(f"/{_escaped(part)}" for part in error.absolute_path),
            "detail": error.message[:300],
        }
        for error in islice(_validator(json.dumps(schema)).iter_errors(value), MOST_ERRORS)
    ]
    if errors:
        raise Refused(
            "invalid", f"{errors[0]['pointer'] or 'the body'}: {errors[0]['detail']}", errors=errors
        )
    assert isinstance(value, dict)  # noqa: S101 - every schema here is of an object
    return value


def decode_json(raw: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN, no repeated names, whole characters, at most 64 levels. Raises: Refused."""
    try:
        text = raw.decode("utf-8")
        _refuse_depth(text)
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_refuse_constant)
        _refuse_half_characters(value, text)
        return value
    except (ValueError, RecursionError) as error:
        raise Refused("malformed", f"the body is not JSON: {error}") from error


def moment(given: str | None, pointer: str) -> datetime | None:
    """A moment of a body, in UTC. Raises: Refused where it is none, or does not say its offset."""
    if given is None:
        return None
    try:
        found = datetime.fromisoformat(given)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    detail = "must be a moment with its offset, such as 2026-12-24T18:00:00Z"
    raise Refused("invalid", f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an HTML form; files are left out. Raises: Refused."""
    try:
        form = await request.form(max_files=0, max_fields=50)
    except (ValueError, KeyError) as error:
        raise Refused("malformed", "the form cannot be read") from error
    return {name: value for name, value in form.items() if isinstance(value, str)}


def page_limit(request: Request) -> int:
    """`?limit=`, from 1 to 100. Raises: Refused."""
    return whole_number(request, "limit", DEFAULT_PAGE, lowest=1, highest=MAX_PAGE)


def whole_number(request: Request, name: str, default: int, lowest: int = 0, highest: int = 2**53) -> int:
    """A whole number of the query. Raises: Refused."""
    given = request.query_params.get(name)
    if given is None:
        return default
    if not (given.isascii() and given.isdigit() and len(given) < 17 and lowest <= int(given) <= highest):
        raise Refused("malformed", f"{name} must be a whole number from {lowest} to {highest}")
    return int(given)


def sequence_edge(request: Request) -> int:
    """The journal entry before which a page of the journal goes on. Raises: Refused."""
    edge = cursor_edge(request.query_params.get("cursor"))
    if edge is None:
        return NEWEST
    if not (edge.isascii() and edge.isdigit() and len(edge) < 17):
        raise Refused("malformed", "cursor is not one that was given out")
    return int(edge)


def wanted_version(request: Request) -> int | None:
    """The version that If-Match names; None where the header is absent or `*`. Raises: Refused."""
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return None
    tag = given.strip().strip('"')
    version = tag.removeprefix("v").split("-")[0]
    if not (version.isascii() and version.isdigit() and len(version) < 17):
        raise Refused("stale", "If-Match does not name a version of this; send the ETag that you were given")
    return int(version)


def named_version(request: Request) -> int | None:
    """The same for what cannot be taken lightly: the header must be there. Raises: Refused (428)."""
    if "if-match" not in request.headers:
        raise Refused("version-missing", "send If-Match with the ETag that you were given, or * to mean any")
    return wanted_version(request)


@cache
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _refuse_half_characters(value: Any, text: str) -> None:
    """Half a character, such as an escaped surrogate by itself, can be written nowhere."""
    try:
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"an escape stands for half a character: {error.object[error.start]!a}") from error


def _refuse_depth(text: str) -> None:
    """Count brackets outside of strings before the parser recurses."""
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        elif character in "]}":
            depth -= 1
