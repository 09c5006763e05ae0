"""The one writer: gathers what is waiting, commits it in one transaction, then answers each caller.

Group commit: while one batch is being written to the disk the next one gathers, so that durability
costs one fsync a batch and not one a caller. A caller's own failure undoes only the caller's part. A batch
in which somebody failed is done again, and so is one that met a server which went away, when it is back: work
must be safe to repeat until its answer is there.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from roadmark.executor.clock import Clock
from roadmark.executor.events import Bus, Event
from roadmark.executor.model import JournalEntry
from roadmark.executor.store import journal
from roadmark.executor.store.database import announce
from roadmark.executor.store.patience import Away, patiently

Result = TypeVar("Result")

_BATCH = 128

SETTLE_S = 0.05
"""Nothing was ordered for this long: time for what may be done once for many batches."""
_SETTLE_AT_LATEST_S = 1.0


class Transaction:
    """A caller's part of a batch: its connection, its moment, and the events that it reports."""

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        """Have the event written to the journal in this transaction."""
        self.events.append(event)


Work = Callable[[Transaction], Result]


@dataclass(frozen=True, slots=True)
class _Order(Generic[Result]):
    work: Work[Result]
    answer: Future[Result]


_Outcome = tuple[list[JournalEntry], list[Callable[[], None]]]
"""The entries of a batch, and what answers its callers once it is on the disk."""


class _PartFailed(Exception):
    """A caller's work failed, so that the batch has to be done part by part."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(str(error))


class LaneClosed(RuntimeError):
    """The store is shut; nothing more is written."""


class WriterLane:
    """Runs writing work, one batch after the other, on its own thread."""

    def __init__(
        self,
        engine: sa.Engine,
        bus: Bus,
        clock: Clock,
        *,
        settle: Callable[[], None],
        is_away: Callable[[Exception], bool],
    ) -> None:
        """Write through `engine`.

        `settle` is called after the last of several batches, a second after the first at the latest;
        `is_away` says whether an error means that the database's server is away.
        """
        self._engine, self._bus, self._clock, self._settle = engine, bus, clock, settle
        self._is_away = is_away
        self.defer: Callable[[sa.Connection, Sequence[Event]], None] = _nothing
        """Called with each batch's events before its commit, in its transaction."""
        self._unsettled_since: float | None = None
        self._orders: queue.SimpleQueue[_Order[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="writer-lane", daemon=True)
        self._thread.start()

    def submit(self, work: Work[Result]) -> Future[Result]:
        """Have `work` done in the next batch; the future answers once it is on the disk.

        Raises: LaneClosed.
        """
        answer: Future[Result] = Future()
        with self._gate:
            if self._closed:
                raise LaneClosed("the store is closed")
            self._orders.put(_Order(work, answer))
        return answer

    def run(self, work: Work[Result]) -> Result:
        """Do `work` and wait until it is on the disk. Raises what `work` raises."""
        return self.submit(work).result()

    def close(self) -> None:
        """Finish what was submitted, then stop."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._orders.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while True:
            batch, last = self._gather()
            if batch:
                self._write(batch)
                self._note_unsettled()
                _let_others_order()
            if last:
                self._settle()
                return

    def _note_unsettled(self) -> None:
        now = time.monotonic()
        if self._unsettled_since is None:
            self._unsettled_since = now
        elif now - self._unsettled_since > _SETTLE_AT_LATEST_S:
            self._settle_now()

    def _settle_now(self) -> None:
        self._settle()
        self._unsettled_since = None

    def _first(self) -> _Order[Any] | None:
        """The next order, waited for; what is unsettled is settled while there is none."""
        if self._unsettled_since is not None:
            try:
                return self._orders.get(timeout=SETTLE_S)
            except queue.Empty:
                self._settle_now()
        return self._orders.get()

    def _gather(self) -> tuple[list[_Order[Any]], bool]:
        """What is waiting now, at least one order; and whether the end was asked for."""
        first = self._first()
        if first is None:
            return [], True
        batch = [first]
        while len(batch) < _BATCH:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                break
            if order is None:
                return batch, True
            batch.append(order)
        return batch, False

    def _write(self, batch: list[_Order[Any]]) -> None:
        try:
            entries, answers = patiently(lambda: self._commit(batch), lambda: self._closed)
        except BaseException as error:  # noqa: BLE001 - every caller must hear that nothing was kept
            for order in batch:
                order.answer.set_exception(error)
            return
        for answer in answers:
            answer()
        if entries:
            self._bus.publish(entries)

    def _commit(self, batch: list[_Order[Any]]) -> _Outcome:
        """The entries and the answers of a batch that is on the disk.

        Mostly nothing fails. So all parts are done without savepoints first, which would be a third of the
        statements; where one does fail, nothing of the batch was kept, and it is done again with them.

        Raises: Away where the server went away before the commit was sent; later than that, nobody knows.
        """
        try:
            return self._transact(lambda connection: self._together(connection, batch))
        except _PartFailed as failed:
            if len(batch) == 1:
                return [], [_failing(batch[0].answer, failed.error)]
        return self._transact(lambda connection: self._apart(connection, batch))

    def _transact(self, perform: Callable[[sa.Connection], _Outcome]) -> _Outcome:
        is_sent = False
        try:
            with self._engine.begin() as connection:
                outcome = perform(connection)
                is_sent = True
        except Exception as error:
            cause = error.error if isinstance(error, _PartFailed) else error
            if is_sent or not self._is_away(cause):
                raise
            raise Away(cause) from error
        return outcome

    def _together(self, connection: sa.Connection, batch: list[_Order[Any]]) -> _Outcome:
        """Every part, or none. Raises: _PartFailed."""
        answers, events = [], []
        for order in batch:
            transaction = Transaction(connection, self._clock.now())
            try:
                result = order.work(transaction)
            except Exception as error:
                raise _PartFailed(error) from error
            answers.append(_succeeding(order.answer, result))
            events += [(transaction.now, event) for event in transaction.events]
        return self._journaled(connection, events), answers

    def _apart(self, connection: sa.Connection, batch: list[_Order[Any]]) -> _Outcome:
        """Each part by itself: what fails is undone, and the others stay."""
        answers: list[Callable[[], None]] = []
        events: list[tuple[datetime, Event]] = []
        part = connection.connection.cursor()  # begin_nested() would take longer than the work itself
        for order in batch:
            transaction = Transaction(connection, self._clock.now())
            part.execute("SAVEPOINT part")
            try:
                result = order.work(transaction)
            except Exception as error:  # noqa: BLE001 - the caller's own failure is the caller's answer
                part.execute("ROLLBACK TO part")
                part.execute("RELEASE part")
                answers.append(_failing(order.answer, error))
            else:
                part.execute("RELEASE part")
                events += [(transaction.now, event) for event in transaction.events]
                answers.append(_succeeding(order.answer, result))
        return self._journaled(connection, events), answers

    def _journaled(
        self, connection: sa.Connection, events: Sequence[tuple[datetime, Event]]
    ) -> list[JournalEntry]:
        entries = journal.append(connection, events)
        if entries:
            announce(connection)
            self.defer(connection, [event for _, event in events])
        return entries


def _let_others_order() -> None:
    """Give the interpreter to the callers that were answered: what they order now goes into the next batch.

    Without it one half of them is written while the other half is answered, and each commit carries half as
    much. Where nobody is ready it costs microseconds.
    """
    time.sleep(0)


def _nothing(connection: sa.Connection, events: Sequence[Event]) -> None:
    del connection, events


def _succeeding(answer: Future[Any], result: object) -> Callable[[], None]:
    return lambda: answer.set_result(result)


def _failing(answer: Future[Any], error: Exception) -> Callable[[], None]:
    return lambda: answer.set_exception(error)
