"""The hash-chained journal: history, audit log and live stream in one table, append-only.

Each row's hash covers its content and the hash before it, so that an edit, a gap, a swap or a cut in
the middle shows; the head is also kept in a file apart, so that a cut at the end shows too.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from roadmark.executor.events import Event
from roadmark.executor.model import JournalEntry
from roadmark.executor.store.journal_tasks import is_about, numbers_of
from roadmark.executor.store.json_text import Written, canonical
from roadmark.executor.store.known import Head, known
from roadmark.executor.store.rows import unpack
from roadmark.executor.store.statements import Answer, Query, insert_all
from roadmark.executor.store.tables import journal_tasks, migrations
from roadmark.executor.store.tables import migration_tracking as journal

GENESIS = "0" * 64
"""What the first row has as its previous hash."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold, and how."""

    seq: int
    what: str


def head(connection: sa.Connection) -> Head:
    """The end of the chain; `Head(0, GENESIS)` while nothing has happened."""
    return ask_head(connection)()


def newest_act(connection: sa.Connection, task_id: str | None = None) -> int:
    """The number of the newest entry, or of the newest about a task, that is no output; 0 for none."""
    if task_id is None:
        newest = _NEWEST_ACT.first(connection)
    else:
        newest = _NEWEST_ACT_ON.first(connection, its_task_id=task_id)
    return newest.seq if newest is not None else 0


def acts_on(connection: sa.Connection, task_id: str, limit: int) -> list[JournalEntry]:
    """At most `limit` entries about a task that are no output, newest first."""
    return _ACTS_ON.all(connection, its_task_id=task_id, most=limit)


def ask_head(connection: sa.Connection) -> Answer[Head]:
    """Ask for the end of the chain, to be waited for later."""
    end = known(connection).head
    if end is not None:
        return lambda: end
    newest = _HEAD.ask(connection)
    return lambda: newest() or Head(0, GENESIS)


def append(
    connection: sa.Connection, end: Head, events: Sequence[tuple[datetime, Event]]
) -> list[JournalEntry]:
    """Write the events behind the head, in order, and give them back as entries."""
    chain = list(_chain(end, events))
    entries = [JournalEntry(**row) for row in chain]
    numbers = numbers_of(connection, [entry.task_id for entry in entries if entry.task_id is not None])
    for row in chain:
        row["task_number"] = numbers.get(row["task_id"])
    insert_all(connection, journal, chain)
    known(connection).head = Head(entries[-1].seq, entries[-1].hash)
    return entries


def read_after(
    connection: sa.Connection,
    seq: int,
    limit: int,
    migration_id: str | None = None,
    task_id: str | None = None,
) -> list[JournalEntry]:
    """At most `limit` entries behind `seq`, oldest first; of one migration or task where named."""
    query = sa.select(journal).where(journal.c.seq > seq).order_by(journal.c.seq).limit(limit)
    return [unpack(JournalEntry, row) for row in connection.execute(_narrowed(query, migration_id, task_id))]


def read_before(
    connection: sa.Connection,
    seq: int,
    limit: int,
    migration_id: str | None = None,
    task_id: str | None = None,
) -> list[JournalEntry]:
    """At most `limit` entries before `seq`, newest first; of one migration or task where named."""
    query = sa.select(journal).where(journal.c.seq < seq).order_by(journal.c.seq.desc()).limit(limit)
    return [unpack(JournalEntry, row) for row in connection.execute(_narrowed(query, migration_id, task_id))]


def of_kinds(connection: sa.Connection, migration_id: str, kinds: Sequence[str]) -> list[JournalEntry]:
    """Every entry of a migration that is of one of these kinds, oldest first."""
    query = sa.select(journal).where(of_migration(migration_id), journal.c.kind.in_(kinds))
    return [unpack(JournalEntry, row) for row in connection.execute(query.order_by(journal.c.seq))]


def of_migration(migration_id: str) -> sa.ColumnElement[bool]:
    """The entries of a migration, found by its task: the journal has no other index."""
    its_task = sa.select(migrations.c.task_id).where(migrations.c.id == migration_id).scalar_subquery()
    return sa.and_(is_about(its_task), journal.c.migration_id == migration_id)


def tasks_of_kind(connection: sa.Connection, kind: str, after: int) -> list[str]:
    """The tasks that entries of this kind behind `after` are about."""
    query = sa.select(journal.c.task_id).where(journal.c.kind == kind, journal.c.seq > after).distinct()
    return [row.task_id for row in connection.execute(query) if row.task_id is not None]


def verify(connection: sa.Connection, kept_apart: Head | None) -> Iterator[Break]:
    """Every place where the chain does not hold; nothing for a clean journal."""
    end = Head(0, GENESIS)
    seen_apart = kept_apart is None or kept_apart.seq == 0
    for row in connection.execute(_FILED).yield_per(1000):
        entry = unpack(JournalEntry, row)
        yield from _breaks(end, entry)
        if entry.task_id != row.filed_under:
            yield Break(entry.seq, "is not found under the task that it is about")
        end = Head(entry.seq, entry.hash)
        if kept_apart is not None and entry.seq == kept_apart.seq:
            seen_apart = True
            if entry.hash != kept_apart.hash:
                yield Break(entry.seq, "differs from the head that is kept apart: the journal was rewritten")
    if not seen_apart and kept_apart is not None:
        yield Break(kept_apart.seq, f"is missing: the journal was cut after entry {end.seq}")


def _breaks(end: Head, entry: JournalEntry) -> Iterator[Break]:
    if entry.seq != end.seq + 1:
        yield Break(entry.seq, f"follows entry {end.seq}: entries between them are missing")
    if entry.previous_hash != end.hash:
        yield Break(entry.seq, "does not continue the entry before it")
    if entry.hash != _hash(entry.previous_hash, _content(entry)):
        yield Break(entry.seq, "was changed: its content does not give its hash")


def _chain(end: Head, events: Sequence[tuple[datetime, Event]]) -> Iterator[dict[str, Any]]:
    """The events as rows, each with the hash of the one before it."""
    seq, previous_hash = end.seq, end.hash
    for at, event in events:
        seq += 1
        row = _chained(seq, previous_hash, at, event)
        previous_hash = row["hash"]
        yield row


def _chained(seq: int, previous_hash: str, at: datetime, event: Event) -> dict[str, Any]:
    """The event as a row of the journal."""
    row: dict[str, Any] = {
        "seq": seq,
        "at": at,
        "actor": event.actor.replace("\0", "\ufffd"),  # PostgreSQL cannot hold it, and the hash covers it
        "kind": event.kind,
        "task_id": event.task_id,
        "migration_id": event.migration_id,
        "phase": event.phase,
        "attempt": event.attempt,
        "from_status": event.from_status,
        "to_status": event.to_status,
        "detail": Written.of(event.detail),
        "previous_hash": previous_hash,
    }
    row["hash"] = _hash(previous_hash, row)
    return row


def _content(entry: JournalEntry) -> dict[str, Any]:
    """What the hash covers besides the hash before it."""
    return {name: getattr(entry, name) for name in JournalEntry.__slots__ if name not in _CHAIN}


def _hash(previous_hash: str, content: Mapping[str, Any]) -> str:
    """The content is covered as JSON with sorted keys; what repeats from row to row is written once.

    The text is what `canonical` would give for the whole, in two thirds of the time.
    """
    covered = (
        f'{previous_hash}\n{{"actor":{_scalar(content["actor"])},"at":"{_moment(content["at"])}"'
        f',"attempt":{_scalar(content["attempt"])},"detail":{_detail(content["detail"])}'
        f',"from_status":{_scalar(content["from_status"])},"kind":{_scalar(content["kind"])}'
        f',"migration_id":{_scalar(content["migration_id"])},"phase":{_scalar(content["phase"])}'
        f',"seq":{content["seq"]},"task_id":{_scalar(content["task_id"])}'
        f',"to_status":{_scalar(content["to_status"])}}}'
    )
    return hashlib.sha256(covered.encode()).hexdigest()


def _detail(detail: Mapping[str, Any]) -> str:
    return detail.text if isinstance(detail, Written) else canonical(detail)


@lru_cache(maxsize=256)
def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _narrowed(query: sa.Select[Any], migration_id: str | None, task_id: str | None) -> sa.Select[Any]:
    if migration_id is not None:
        query = query.where(of_migration(migration_id))
    if task_id is not None:
        query = query.where(is_about(sa.literal(task_id)))
    return query


_FILED = (
    sa.select(journal, journal_tasks.c.task_id.label("filed_under"))
    .outerjoin(journal_tasks, journal_tasks.c.number == journal.c.task_number)
    .order_by(journal.c.seq)
)
_CHAIN = frozenset({"previous_hash", "hash"})
_scalar = lru_cache(maxsize=4096, typed=True)(canonical)
_HEAD = Query(Head, sa.select(journal).order_by(journal.c.seq.desc()).limit(1))
_IS_ACT = journal.c.kind != "agent.output"
_NEWEST_ACT = Query(Head, sa.select(journal).where(_IS_ACT).order_by(journal.c.seq.desc()).limit(1))
_ON_TASK = (
    sa.select(journal)
    .where(_IS_ACT, is_about(sa.bindparam("its_task_id", type_=journal.c.task_id.type)))
    .order_by(journal.c.seq.desc())
)
_NEWEST_ACT_ON = Query(Head, _ON_TASK.limit(1))
_ACTS_ON = Query(JournalEntry, _ON_TASK.limit(sa.bindparam("most", type_=sa.Integer)))
