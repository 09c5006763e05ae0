"""The one writer: gathers what is waiting, commits it in one transaction, then answers each caller.

Group commit: while one batch is being written to the disk the next one gathers, so that durability
costs one fsync a batch and not one a caller. What the callers of a batch read is asked for before any of them
works, so that a server is waited for once. A caller's own failure undoes only the caller's part. A batch in
which somebody failed is done again, and so is one that met a server which went away, when it is back: work
must be safe to repeat until its answer is there.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from roadmark.executor.clock import Clock
from roadmark.executor.errors import DatabaseAway
from roadmark.executor.events import Bus, Event
from roadmark.executor.model import JournalEntry
from roadmark.executor.store import journal
from roadmark.executor.store.database import announce, queueing
from roadmark.executor.store.known import Head, forget_what_core_changes, knowing, known
from roadmark.executor.store.order_queue import OrderQueue
from roadmark.executor.store.patience import Away, patiently
from roadmark.executor.store.promise import Promise

Result = TypeVar("Result")

_BATCH = 128

_COMING_BACK_S = 0.0001
"""So long, for each caller that was answered, their next orders are waited for: a commit then carries all of
them instead of the first. Whose next order takes longer is not waited for."""

SETTLE_S = 0.05
"""Nothing was ordered for this long: time for what may be done once for many batches."""
_SETTLE_AT_LATEST_S = 1.0


_Moments = list[tuple[datetime, Event]]


class Transaction:
    """A caller's part of a batch: its connection, the batch's moment, and the events that it reports."""

    __slots__ = ("connection", "events", "now")

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.events: _Moments = []

    def record(self, event: Event) -> None:
        """Have the event written to the journal in this transaction."""
        self.events.append((self.now, event))


Work = Callable[[Transaction], Result]

Ask = Callable[[Transaction], Callable[[], Result]]
"""Asks the database for what work needs, changes nothing, and gives the work, which waits for the answers."""


@dataclass(frozen=True, slots=True)
class _Order(Generic[Result]):
    """What a caller wants done, and whom to tell of it."""

    ask: Ask[Result]
    about: str
    answer: Promise[Result]


@dataclass(frozen=True, slots=True)
class _Part:
    """A caller's part of a batch, asked for and not done yet."""

    transaction: Transaction
    work: Callable[[], Any]


_Answers = list[tuple[Callable[[Any], None], Any]]
"""Whom to tell what, once a batch is on the disk."""

_Outcome = tuple[list[JournalEntry], _Answers]
"""The entries of a batch, and its answers."""


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
        place: str,
        settle: Callable[[], None],
        is_away: Callable[[Exception], bool],
    ) -> None:
        """Write through `engine` into the database that a person calls `place`.

        `settle` is called after the last of several batches, a second after the first at the latest;
        `is_away` says whether an error means that the database's server is away.
        """
        self._engine, self._bus, self._clock, self._settle = engine, bus, clock, settle
        self._is_away, self._place = is_away, place
        self.defer: Callable[[sa.Connection, Sequence[Event]], None] = _nothing
        """Called with each batch's events before its commit, in its transaction."""
        forget_what_core_changes(engine)
        self._unsettled_since: float | None = None
        self._orders: OrderQueue[_Order[Any] | None] = OrderQueue()
        self._coming = 0
        """How many orders wait once those who were answered last are back with their next ones."""
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="writer-lane", daemon=True)
        self._thread.start()

    def submit(self, work: Work[Result], about: str = "") -> Promise[Result]:
        """Have `work` done in the next batch; the promise is kept once it is on the disk.

        `about` is the migration that it is about, if it is: it changes no other one, and its row is there.

        Raises: LaneClosed.
        """
        return self.submit_asking(partial(partial, work), about)

    def submit_asking(self, ask: Ask[Result], about: str) -> Promise[Result]:
        """`submit` what `ask` gives; all of a batch ask before any of them works. Raises: LaneClosed."""
        answer: Promise[Result] = Promise()
        with self._gate:
            if self._closed:
                raise LaneClosed("the store is closed")
            self._orders.put(_Order(ask, about, answer))
        return answer

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
            self._wait_for_the_first()
            batch = self._orders.take(_BATCH)
            orders = [order for order in batch if order is not None]
            if orders:
                self._write(orders)
                self._note_unsettled()
                self._orders.wait_for(self._coming, len(orders) * _COMING_BACK_S)
            if len(orders) < len(batch):
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

    def _wait_for_the_first(self) -> None:
        """An order is there then; what is unsettled is settled while there is none."""
        if self._unsettled_since is not None and not self._orders.wait_for(1, SETTLE_S):
            self._settle_now()
        self._orders.wait_for(1)

    def _write(self, batch: list[_Order[Any]]) -> None:
        try:
            entries, answers = patiently(lambda: self._commit(batch), lambda: self._closed)
        except Away as away:
            _fail(batch, DatabaseAway(self._place), away.reason)
            return
        except BaseException as error:  # noqa: BLE001 - every caller must hear that nothing was kept
            _fail(batch, error, error.__cause__)
            return
        self._coming = min(_BATCH, len(self._orders) + len(answers))
        for tell, what in answers:
            tell(what)
        if entries:
            self._bus.publish(entries)

    def _commit(self, batch: list[_Order[Any]]) -> _Outcome:
        """The entries and the answers of a batch that is on the disk.

        Mostly nothing fails. So all parts are done without savepoints first, which would be a third of the
        statements; where one does fail, nothing of the batch was kept, and it is done again with them.

        Raises: Away where the server went away before the commit was sent; DatabaseAway where it did so
        later, and nobody knows what was kept.
        """
        try:
            return self._transact(batch, self._together, queueing)
        except (Away, DatabaseAway):
            raise
        except Exception as error:  # noqa: BLE001 - whose failure it is, is found part by part
            if len(batch) == 1:
                return [], [(batch[0].answer.fail, error)]
        return self._transact(batch, self._apart, _waiting_for_each)

    def _transact(
        self,
        batch: list[_Order[Any]],
        perform: Callable[[sa.Connection, list[_Order[Any]]], tuple[_Answers, _Moments, Head]],
        waiting: Callable[[sa.Connection], AbstractContextManager[None]],
    ) -> _Outcome:
        is_sent = False
        try:
            with (
                self._connected() as connection,
                knowing(connection) as known,
                waiting(connection),
                connection.begin(),
            ):
                known.refresh(connection, {order.about for order in batch if order.about})
                answers, events, head = perform(connection, batch)
                entries = self._journaled(connection, head, events)
                is_sent = True
        except Exception as error:
            if not self._tells_of_an_absence(error):
                raise
            if is_sent:
                raise DatabaseAway(self._place) from error
            raise Away(error) from error
        return entries, answers

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        """The connection, which is not used again where it broke."""
        with self._engine.connect() as connection:
            try:
                yield connection
            except Exception as error:
                if self._tells_of_an_absence(error):
                    connection.invalidate()
                raise

    def _tells_of_an_absence(self, error: Exception) -> bool:
        """Also where undoing the transaction failed after that, in words of its own."""
        return any(map(self._is_away, _with_what_led_to_it(error)))

    def _together(
        self, connection: sa.Connection, batch: list[_Order[Any]]
    ) -> tuple[_Answers, _Moments, Head]:
        """Every part, or none. Raises what any of them raises."""
        answers: _Answers = []
        events: _Moments = []
        head = journal.ask_head(connection)
        now = self._clock.now()
        for order, asked in zip(batch, _asked_early(connection, now, batch), strict=True):
            part = asked or _part(connection, now, order)
            answers.append((order.answer.keep, part.work()))
            events += part.transaction.events
        return answers, events, head()

    def _apart(self, connection: sa.Connection, batch: list[_Order[Any]]) -> tuple[_Answers, _Moments, Head]:
        """Each part by itself: what fails is undone, and the others stay."""
        answers: _Answers = []
        events: _Moments = []
        now = self._clock.now()
        savepoint = connection.connection.cursor()  # begin_nested() would take longer than the work itself
        for order in batch:
            savepoint.execute("SAVEPOINT part")
            try:
                part = _part(connection, now, order)
                result = part.work()
            except Exception as error:  # noqa: BLE001 - the caller's own failure is the caller's answer
                savepoint.execute("ROLLBACK TO part")
                savepoint.execute("RELEASE part")
                known(connection).forget_all()
                answers.append((order.answer.fail, error))
            else:
                savepoint.execute("RELEASE part")
                events += part.transaction.events
                answers.append((order.answer.keep, result))
        return answers, events, journal.head(connection)

    def _journaled(self, connection: sa.Connection, head: Head, events: _Moments) -> list[JournalEntry]:
        if not events:
            return []
        entries = journal.append(connection, head, events)
        announce(connection)
        self.defer(connection, [event for _, event in events])
        return entries


def _asked_early(connection: sa.Connection, now: datetime, batch: list[_Order[Any]]) -> list[_Part | None]:
    """The part of each order; None where one before it may change what it asks for."""
    parts: list[_Part | None] = []
    before: set[str] = set()
    for order in takewhile(_is_about_one, batch):
        parts.append(None if order.about in before else _part(connection, now, order))
        before.add(order.about)
    return parts + [None] * (len(batch) - len(parts))


def _part(connection: sa.Connection, now: datetime, order: _Order[Any]) -> _Part:
    transaction = Transaction(connection, now)
    return _Part(transaction, order.ask(transaction))


def _with_what_led_to_it(error: BaseException | None) -> Iterator[Exception]:
    while error is not None:
        if isinstance(error, Exception):
            yield error
        error = error.__cause__ or error.__context__


def _waiting_for_each(connection: sa.Connection) -> AbstractContextManager[None]:
    del connection
    return nullcontext()


def _is_about_one(order: _Order[Any]) -> bool:
    return bool(order.about)


def _nothing(connection: sa.Connection, events: Sequence[Event]) -> None:
    del connection, events


def _fail(batch: list[_Order[Any]], error: BaseException, cause: BaseException | None) -> None:
    error.__cause__ = cause
    for order in batch:
        order.answer.fail(error)
