"""The service's own log: an entry a line, as words or as JSON, without secrets.

Whatever an entry quotes (titles, paths, errors) comes from elsewhere: it can neither begin a line of its own
nor steer a terminal. Which request and which migration an entry belongs to is known from its context.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from roadmark.executor.masking import mask

FORMATS = ("text", "json")

_CHATTY = ("alembic", "apscheduler", "httpx", "uvicorn", "watchfiles")
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_migration_id: ContextVar[str | None] = ContextVar("migration_id", default=None)


def begin_request(request_id: str) -> None:
    """Entries made from here on in this task belong to the request, the server's own trace of a fault too."""
    _request_id.set(request_id)


@contextmanager
def about_migration(migration_id: str) -> Iterator[None]:
    """Entries made inside belong to this migration."""
    before = _migration_id.set(migration_id)
    try:
        yield
    finally:
        _migration_id.reset(before)


def set_up_logging(log_format: str) -> None:
    """Send the log of the whole program to standard error, in one of `FORMATS`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else WordLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


class WordLines(logging.Formatter):
    """`2026-11-23T10:00:00.000Z INFO roadmark.executor.worker: words [migration ID]`; a trace is indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The entry as a line, and the lines of its trace below."""
        about = ", ".join(f"{name} {visible(value)}" for name, value in _about(record).items())
        message = visible(mask(record.getMessage()))
        line = f"{_at(record)} {record.levelname} {record.name}: {message}{f' [{about}]' if about else ''}"
        trace = _trace(record, self)
        return "\n    ".join((line, *(visible(part) for part in trace.split("\n")))) if trace else line


class JsonLines(logging.Formatter):
    """An object a line: `at`, `level`, `logger`, `message`, and `request`, `migration`, `trace` if any."""

    def format(self, record: logging.LogRecord) -> str:
        """The entry as ASCII JSON."""
        entry = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask(record.getMessage()),
            **_about(record),
        }
        trace = _trace(record, self)
        return json.dumps(entry | {"trace": trace} if trace else entry)


def visible(text: str) -> str:
    """The text with everything that does not print escaped: line ends, terminal codes, turned directions."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def _about(record: logging.LogRecord) -> dict[str, str]:
    migration = getattr(record, "migration_id", None) or _migration_id.get()
    known = {"request": _request_id.get(), "migration": migration}
    return {name: value for name, value in known.items() if value is not None}


def _at(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    return mask(formatter.formatException(record.exc_info)) if record.exc_info else ""
