"""Copies a whole database into an empty one, of the same kind or the other, and proves it by the journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from roadmark.executor.errors import DatabaseUnusable
from roadmark.executor.store import journal, schema
from roadmark.executor.store.database import fit_sequence, open_reader, open_writer, revision_of
from roadmark.executor.store.identity import REVISION
from roadmark.executor.store.known import Head
from roadmark.executor.store.tables import metadata
from roadmark.executor.store.urls import place_of

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: rows of all tables, and the end of the journal, which is the same on both sides."""

    rows: int
    head: Head


def copy(source: sa.URL, target: sa.URL) -> Copied:
    """Copy every row in one transaction, from one view of the source; the target is brought to the schema.

    Raises: DatabaseUnusable, and then nothing was copied: where the source is of another revision, the target
    is not empty or cannot take a row, or the journal that arrived is not the one that was sent.
    """
    _refuse_other_revisions(source)
    with _disposed(open_reader(source)) as reader, _disposed(open_writer(target)) as writer:
        schema.upgrade(writer)
        try:
            with reader.begin() as there, writer.begin() as here:
                return _copied(there, here, place_of(target))
        except sa.exc.DBAPIError as error:
            raise DatabaseUnusable(place_of(target), f"cannot take the rows ({error.orig})") from error


def _copied(there: sa.Connection, here: sa.Connection, place: str) -> Copied:
    tables = metadata.sorted_tables
    filled = [table.name for table in tables if here.execute(sa.select(table).limit(1)).first() is not None]
    if filled:
        raise DatabaseUnusable(place, f"is not empty: there are rows in {', '.join(filled)}")
    rows = sum(_copy_table(there, here, table) for table in tables)
    head = journal.head(there)
    for found in journal.verify(here, head):
        raise DatabaseUnusable(place, f"would have another journal: entry {found.seq} {found.what}")
    return Copied(rows, head)


def _copy_table(there: sa.Connection, here: sa.Connection, table: sa.Table) -> int:
    count = 0
    found = there.execution_options(yield_per=_ROWS_AT_ONCE).execute(sa.select(table))
    for part in found.mappings().partitions():
        here.execute(sa.insert(table), [dict(row) for row in part])
        count += len(part)
    fit_sequence(here, table)
    return count


def _refuse_other_revisions(url: sa.URL) -> None:
    found = revision_of(url)
    if found != REVISION:
        why = f"has revision {found or 'none'}, this Roadmark copies {REVISION}; run 'roadmark db upgrade'"
        raise DatabaseUnusable(place_of(url), why)


@contextmanager
def _disposed(engine: sa.Engine) -> Iterator[sa.Engine]:
    try:
        yield engine
    finally:
        engine.dispose()
