"""Statements on their way to PostgreSQL: sent without waiting, prepared once, answered in their order.

It speaks to libpq itself: a cursor of psycopg makes each statement anew and waits in a loop of its own, which
took the writer as long as all its other work. Values, rows and errors are psycopg's here, too.
Source: PostgreSQL, "Pipeline Mode" and "Asynchronous Command Processing"; docs/decisions/0018.
"""

import itertools
import re
import select
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, PipelineStatus
from psycopg.pq.abc import PGresult

_GOOD = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})
_GONE = "the server closed the connection"


class Sent:
    """A statement that was sent, or the preparing of one, and the answer once that is there."""

    __slots__ = ("answer", "prepared")

    def __init__(self, prepared: bytes | None = None) -> None:
        self.answer: PGresult | None = None
        self.prepared = prepared


class StatementQueue:
    """The statements of one connection. Until it is settled nothing else may use the connection."""

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver, self._libpq = driver, driver.pgconn
        self._values = Transformer(driver)
        self._names: dict[bytes, bytes] = {}
        self._prepared = 0
        self._unanswered: deque[Sent] = deque()
        self._failure: psycopg.Error | None = None

    def send(self, text: str | bytes, parameters: Sequence[Any] = ()) -> Sent:
        """Send a statement with a `%s` for each parameter. Raises: psycopg.Error."""
        if self._libpq.pipeline_status == PipelineStatus.OFF:
            self._libpq.enter_pipeline_mode()
        values = self._dumped(parameters)
        self._libpq.send_query_prepared(self._name(_numbered(text)), values)
        return self._awaited(Sent())

    def push(self) -> None:
        """Have what was sent go out. What comes in meanwhile is read, or both ends could wait."""
        while self._libpq.flush():
            if self._wait(select.POLLIN | select.POLLOUT) & ~select.POLLOUT:
                self._libpq.consume_input()

    def rows(self, sent: Sent) -> list[tuple[Any, ...]]:
        """Wait for the rows of a statement. Raises: psycopg.Error, which may be that of one before it."""
        answer = self._answer_to(sent)
        self._values.set_pgresult(answer)
        return self._values.load_rows(0, answer.ntuples, tuple)

    def count(self, sent: Sent) -> int:
        """Wait until it is known how many rows a statement met. Raises: as `rows`."""
        return self._answer_to(sent).command_tuples or 0

    def settle(self) -> None:
        """Wait for every answer, and leave the connection to others. Raises: psycopg.Error, the first one."""
        if self._libpq.pipeline_status == PipelineStatus.OFF:
            return
        self._libpq.pipeline_sync()
        self.push()
        while self._unanswered:
            self._take_next()
        self._next_answer()  # that of the synchronisation
        self._libpq.exit_pipeline_mode()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def abandon(self) -> None:
        """Settle, whatever became of the statements."""
        with suppress(psycopg.Error):
            self.settle()
        self._failure = None

    def _dumped(self, parameters: Sequence[Any]) -> Sequence[Any]:
        """The values as text, of which the server knows the types from the statement."""
        formats = [PyFormat.TEXT] * len(parameters)
        try:
            return self._values.dump_sequence(parameters, formats)
        except psycopg.DataError:
            return self._values.dump_sequence(held(parameters), formats)

    def _name(self, statement: bytes) -> bytes:
        """What the server knows the statement by, which it is told now where it does not yet."""
        name = self._names.get(statement)
        if name is None:
            self._prepared += 1
            name = self._names[statement] = b"roadmark_%d" % self._prepared
            self._libpq.send_prepare(name, statement)
            self._awaited(Sent(statement))
        return name

    def _awaited(self, sent: Sent) -> Sent:
        self._unanswered.append(sent)
        return sent

    def _answer_to(self, sent: Sent) -> PGresult:
        if sent.answer is None:
            self._libpq.send_flush_request()
            self.push()
        while sent.answer is None:
            self._take_next()
        if sent.answer.status in _GOOD:
            return sent.answer
        raise self._failure or self._error_of(sent.answer)

    def _take_next(self) -> None:
        """Take the answer to the oldest statement that has none."""
        sent = self._unanswered.popleft()
        sent.answer = self._next_answer()
        if sent.answer is None:
            raise psycopg.OperationalError(_GONE)
        while self._next_answer() is not None:
            pass
        if sent.answer.status not in _GOOD:
            self._failure = self._failure or self._error_of(sent.answer)
            if sent.prepared is not None:
                self._names.pop(sent.prepared, None)

    def _next_answer(self) -> PGresult | None:
        while self._libpq.is_busy():
            self._wait(select.POLLIN)
            self._libpq.consume_input()
        return self._libpq.get_result()

    def _wait(self, what: int) -> int:
        poll = select.poll()
        poll.register(self._libpq.socket, what)
        ((_, happened),) = poll.poll()
        return happened

    def _error_of(self, answer: PGresult) -> psycopg.Error:
        if self._libpq.status == ConnStatus.BAD:
            return psycopg.OperationalError(answer.get_error_message())
        return psycopg.errors.error_from_result(answer, encoding=self._driver.info.encoding)


def held(parameters: Any) -> Any:
    """The parameters with text as PostgreSQL can hold it, with a mark for the character that it cannot."""
    if isinstance(parameters, Mapping):
        return {name: _held_value(value) for name, value in parameters.items()}
    return [_held_value(value) for value in parameters]


def _held_value(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case list():
            return [_held_value(part) for part in value]
        case _:
            return value


@cache
def _numbered(text: str | bytes) -> bytes:
    """The statement with `$1`, `$2` where a `%s` was, and `%` for `%%`."""
    numbers = itertools.count(1)

    def replaced(found: re.Match[bytes]) -> bytes:
        return b"%" if found[0] == b"%%" else b"$%d" % next(numbers)

    return re.sub(rb"%[s%]", replaced, text.encode() if isinstance(text, str) else text)
