"""The only map from errors to HTTP: each cause has a status, a type and a title.

Source: RFC 9457 (application/problem+json). The types are documented in docs/api.md and on /problems.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from roadmark.executor.errors import (
    AlreadyRunning,
    Ambiguous,
    CheckpointUnknown,
    Conflict,
    ConflictsUndecided,
    CronWrong,
    DatabaseAway,
    DatabaseUnusable,
    MoveRefused,
    NoOpenWait,
    NotFound,
    ReasonMissing,
    ReplyUnclear,
    RoadmarkError,
    SpecNotExecutable,
)
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A documented cause: what `type` ends in, the status, a title, and what the caller can do."""

    slug: str
    status: int
    title: str
    advice: str


def _kinds(*kinds: Kind) -> dict[str, Kind]:
    return {kind.slug: kind for kind in kinds}


KINDS = _kinds(
    Kind("malformed", 400, "The request cannot be read", "Correct what `detail` and `errors` point at."),
    Kind(
        "unauthenticated",
        401,
        "No valid token or session",
        "Send `Authorization: Bearer rmk_...`; make a token with `roadmark auth token`.",
    ),
    Kind("forbidden", 403, "This is not allowed", "Use a token with the scope that `needs` names."),
    Kind(
        "cross-site",
        403,
        "The request came from another site",
        "Act on the page itself; programs use a token.",
    ),
    Kind("not-found", 404, "There is no such thing", "Look at the list that the thing belongs to."),
    Kind("checkpoint-unknown", 404, "There is no such checkpoint", "Use one of `known`, or `start`."),
    Kind("method-not-allowed", 405, "The method is not allowed here", "Use one that `Allow` names."),
    Kind("timeout", 408, "The request took too long to arrive", "Send the body within 15 seconds."),
    Kind("ambiguous", 409, "That fits more than one", "Give more of the id."),
    Kind("move-refused", 409, "Its status does not allow this", "Read `migration_status`; act on that."),
    Kind("conflict", 409, "It moved on since you looked", "Read it again, then decide."),
    Kind("already-running", 409, "It is running already", "Use the migration that `migration_id` names."),
    Kind("no-open-wait", 409, "Nothing is being asked", "Wait until `wait` is not null."),
    Kind("in-flight", 409, "A request with this key has no answer yet", "Look at what it should change."),
    Kind("refused", 409, "It was refused", "Do what `detail` says."),
    Kind("conflicts-undecided", 409, "Others changed the same lines", "Send `choices` for each of `paths`."),
    Kind("stale", 412, "It is not the version that you named", "Read it again and send its new ETag."),
    Kind("too-large", 413, "The body is too large", "Send at most 1 MiB."),
    Kind("not-json", 415, "The body is not JSON", "Send `Content-Type: application/json`."),
    Kind("misdirected", 421, "This host name is not served here", "Use the address that the service prints."),
    Kind("invalid", 422, "The body does not have the right shape", "Correct what `errors` points at."),
    Kind("reply-unclear", 422, "The reply does not confirm it", "Answer with one of `keywords`."),
    Kind("reason-missing", 422, "A rollback needs a reason", "Send `reason`."),
    Kind("cron-wrong", 422, "That is no cron expression", "Correct it as `detail` says."),
    Kind("spec-not-executable", 422, "The spec has errors", "Repair what `problems` lists."),
    Kind("key-reused", 422, "The key belongs to another request", "Use a new Idempotency-Key."),
    Kind(
        "version-missing",
        428,
        "It must be said which version is meant",
        "Send `If-Match` with the ETag that you were given, or `*` for whatever it is now.",
    ),
    Kind("too-many", 429, "Too many requests", "Wait as long as `Retry-After` says."),
    Kind("internal", 500, "Something broke here", "Look at the service's log for the request id."),
    Kind("unavailable", 503, "The service cannot do this now", "Try again shortly; see /readyz."),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is answered instead of what was asked for."""

    kind: Kind
    detail: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """Raised by the web itself to answer with a problem."""

    def __init__(
        self, slug: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
    ) -> None:
        self.problem = Problem(KINDS[slug], detail, extra, headers or {})
        super().__init__(detail)


_KIND_OF: Mapping[type[RoadmarkError], str] = {
    NotFound: "not-found",
    CheckpointUnknown: "checkpoint-unknown",
    Ambiguous: "ambiguous",
    MoveRefused: "move-refused",
    Conflict: "conflict",
    AlreadyRunning: "already-running",
    NoOpenWait: "no-open-wait",
    ReplyUnclear: "reply-unclear",
    ConflictsUndecided: "conflicts-undecided",
    ReasonMissing: "reason-missing",
    SpecNotExecutable: "spec-not-executable",
    CronWrong: "cron-wrong",
    DatabaseAway: "unavailable",
    DatabaseUnusable: "unavailable",
}

_KIND_OF_STATUS = {404: "not-found", 405: "method-not-allowed", 413: "too-large", 400: "malformed"}


def of_error(error: RoadmarkError) -> Problem:
    """The problem that an error of the house is for a caller."""
    kind = KINDS[_KIND_OF.get(type(error), "refused")]
    return Problem(kind, str(error), _values(error))


def of_status(status: int, detail: str, headers: Mapping[str, str]) -> Problem:
    """The problem for a bare HTTP status, as the router raises it."""
    known = _KIND_OF_STATUS.get(status)
    kind = KINDS[known] if known else Kind("refused", status, detail, "See docs/api.md.")
    return Problem(kind, detail, {}, headers)


def as_json(problem: Problem) -> JSONResponse:
    """The problem as application/problem+json."""
    body = {
        "type": f"/problems/{problem.kind.slug}",
        "title": problem.kind.title,
        "status": problem.kind.status,
        "detail": problem.detail,
        **problem.extra,
    }
    return JSONResponse(body, problem.kind.status, dict(problem.headers), media_type=MEDIA_TYPE)


def _values(error: RoadmarkError) -> dict[str, Any]:
    """What a program can act on."""
    match error:
        case MoveRefused():
            return {
                "migration_id": error.migration_id,
                "migration_status": error.status,
                "move": str(error.move),
            }
        case Conflict():
            return {"migration_id": error.migration_id, "version": error.version}
        case AlreadyRunning():
            return {"migration_id": error.migration_id, "migration_status": error.status}
        case NoOpenWait():
            return {"migration_id": error.migration_id, "migration_status": error.status}
        case ReplyUnclear():
            return {"keywords": error.keywords, "tries_left": error.tries_left}
        case SpecNotExecutable():
            return {"problems": error.problems}
        case ConflictsUndecided():
            return {"paths": error.paths}
        case CheckpointUnknown():
            return {"known": error.known}
        case Ambiguous():
            return {"matches": error.matches[:20]}
        case _:
            return {}
