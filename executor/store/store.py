"""The store: one writer lane and readers over one database."""

import importlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from roadmark.executor.clock import Clock
from roadmark.executor.errors import DatabaseAway, DatabaseUnusable
from roadmark.executor.events import Bus, Event
from roadmark.executor.histogram import Histogram
from roadmark.executor.model import JournalEntry
from roadmark.executor.store import journal
from roadmark.executor.store.database import (
    current_revision,
    hold,
    is_away,
    listen,
    open_mark,
    open_reader,
    open_writer,
)
from roadmark.executor.store.holding import Hold
from roadmark.executor.store.identity import REVISION
from roadmark.executor.store.known import Head
from roadmark.executor.store.lane import Ask, Transaction, Work, WriterLane
from roadmark.executor.store.promise import Promise
from roadmark.executor.store.urls import conninfo_of, is_sqlite, place_of, url_of

log = logging.getLogger(__name__)

Result = TypeVar("Result")

HEAD = "journal.head"

BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Of the times that reading takes, and writing until it is on the disk."""


class Store:
    """Reads beside a single writer; what `write` answers is on the disk."""

    def __init__(self, state_dir: Path, clock: Clock, database_url: str = "") -> None:
        """Open the database in `state_dir`, made if need be, or the one named, at the present schema.

        Raises: DatabaseUnusable, ConfigurationWrong.
        """
        self._url = url_of(state_dir, database_url)
        self.place = place_of(self._url)
        self.clock = clock
        self.bus = Bus()
        self.times = {name: Histogram(BOUNDS_S) for name in ("read", "write")}
        self._head_file = state_dir / HEAD
        self._writer = open_writer(self._url)
        _bring_up_to_date(self._writer)
        self._reader = open_reader(self._url)
        self.mark = open_mark(self._url)
        self._newest: JournalEntry | None = None
        self._jobs: Any = None
        self.bus.subscribe(self._note_head)
        self._lane = WriterLane(
            self._writer,
            self.bus,
            clock,
            place=self.place,
            settle=self._keep_head,
            is_away=partial(is_away, self._url),
        )

    def hold(self, what: str, how: Hold = Hold.ALONE) -> None:
        """Keep other services off the database, as `how` says, until the store is closed.

        Raises: DatabaseUnusable; so does a later `write` where another one took it while its server was away.
        """
        hold(self._writer, self._url, what, how)

    def queue_jobs(self) -> None:
        """Defer a job of Procrastinate for what becomes due, in the same transaction, from now on.

        Raises: DatabaseUnusable where the database or the installation cannot.
        """
        if is_sqlite(self._url):
            raise DatabaseUnusable(
                self.place, 'is for one process; [run] engine = "distributed" needs PostgreSQL'
            )
        try:
            self._jobs = importlib.import_module("roadmark.executor.store.jobs")
        except ModuleNotFoundError as error:
            why = "needs more for a distributed engine: pip install 'roadmark[distributed]'"
            raise DatabaseUnusable(self.place, why) from error
        self._make_job_tables()
        self._lane.defer = self._jobs.defer_due

    def _make_job_tables(self) -> None:
        """Beside the lane: they are made by a script, and a script is no statement that can be queued."""
        engine = open_writer(self._url)
        with engine.begin() as connection:
            self._jobs.make_tables(connection)
        engine.dispose()

    def forget_jobs(self, transaction: Transaction, migration_id: str) -> None:
        """Drop the jobs that a worker which is gone has of this migration, where there are jobs."""
        if self._jobs is not None:
            self._jobs.forget(transaction.connection, migration_id)

    def conninfo(self) -> str:
        """Where the PostgreSQL database is, with the password."""
        return conninfo_of(self._url)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection with one consistent view of what is committed.

        Raises: DatabaseAway, at once: who reads can look again, or say that there is nothing to see.
        """
        began = self.clock.monotonic_s()
        try:
            with self._reader.connect() as connection, connection.begin():
                yield connection
        except Exception as error:
            if not is_away(self._url, error):
                raise
            raise DatabaseAway(self.place) from error
        self.times["read"].note(self.clock.monotonic_s() - began)

    def write(self, work: Work[Result], about: str = "") -> Result:
        """Do `work` in the writer lane and wait for the disk. Raises what `work` raises.

        A server that is away is waited for; the work is then done again, of which nothing was kept.
        `about` is the one migration that `work` reads and changes, where it is one: those of all that wait
        are asked for in one question.

        Raises: DatabaseAway where the server is away for too long, or went away within the commit: what
        was to be written may be there then, or not.
        """
        return self._answer(self._lane.submit(work, about))

    def write_asking(self, ask: Ask[Result], about: str) -> Result:
        """`write` what `ask` gives, which asks for what it reads before it is done. Raises: as `write`."""
        return self._answer(self._lane.submit_asking(ask, about))

    def _answer(self, promise: Promise[Result]) -> Result:
        began = self.clock.monotonic_s()
        result = promise.result()
        self.times["write"].note(self.clock.monotonic_s() - began)
        return result

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Have `heard` called after commits of other processes, too, where the database tells of them.

        What is given back ends it. It is a hint: what it does not tell is seen by the mark.
        """
        return listen(self._url, heard)

    def record(self, event: Event) -> None:
        """Write one event to the journal."""

        def work(transaction: Transaction) -> None:
            transaction.record(event)

        self.write(work)

    def journal_after(self, seq: int, limit: int) -> list[JournalEntry]:
        """Entries behind `seq`, oldest first."""
        with self.read() as connection:
            return journal.read_after(connection, seq, limit)

    def submit(self, work: Work[Result], about: str = "") -> Promise[Result]:
        """`write` without waiting; the promise tells how it went."""
        return self._lane.submit(work, about)

    def submit_asking(self, ask: Ask[Result], about: str) -> Promise[Result]:
        """`write_asking` without waiting; the promise tells how it went."""
        return self._lane.submit_asking(ask, about)

    def revision(self) -> str:
        """The revision of the database's schema."""
        return current_revision(self._reader) or "none"

    def verify_journal(self) -> list[journal.Break]:
        """Every place where the chain, or the head that is kept apart, does not hold."""
        apart = self._read_head()
        with self.read() as connection:
            return list(journal.verify(connection, apart))

    def close(self) -> None:
        """Finish what was submitted and let go of the file."""
        self._lane.close()
        self.mark.close()
        self._writer.dispose()
        self._reader.dispose()

    def _note_head(self, entries: Sequence[JournalEntry]) -> None:
        self._newest = entries[-1]

    def _keep_head(self) -> None:
        """Keep the head apart, once for many batches. It may lag behind after a crash; it never leads."""
        newest, self._newest = self._newest, None
        if newest is None:
            return
        try:
            self._replace_head(newest)
        except OSError as error:
            log.warning("%s lags behind the journal, and is written with the next change: %s", HEAD, error)

    def _replace_head(self, newest: JournalEntry) -> None:
        """Through a draft of this lane's own: a command may keep the head at the same time as the service."""
        draft = self._head_file.with_suffix(f".{threading.get_native_id()}")
        draft.write_text(json.dumps({"seq": newest.seq, "hash": newest.hash}))
        os.replace(draft, self._head_file)

    def _read_head(self) -> Head | None:
        if not self._head_file.exists():
            return None
        kept = json.loads(self._head_file.read_text())
        return Head(kept["seq"], kept["hash"])


def _bring_up_to_date(engine: sa.Engine) -> None:
    """Upgrade a database of another revision.

    Alembic is imported for that alone: it would be a fifth of every start's processor time.
    """
    try:
        if current_revision(engine) != REVISION:
            importlib.import_module("roadmark.executor.store.schema").upgrade(engine)
    except Exception:
        engine.dispose()
        raise
