"""Jobs of Procrastinate, which tell a distributed engine what to look at; the rows are the truth.

There is at most one job to do for a migration. It is deferred in the transaction that makes the migration
due, by Procrastinate's own function, so that there is no move without its job and no job without its move.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from procrastinate.schema import SchemaManager
from roadmark.executor.events import Event
from roadmark.executor.states import Status
from roadmark.executor.store.pipeline import queue_cursor

TASK = "roadmark.advance"
"""The name of the one task: carry a migration on."""

_WAKING = frozenset({Status.QUEUED.value, Status.ROLLING_BACK.value})
_MOST = 1000
_TABLES = 7_016_995_174
"""The key of the advisory lock under which the tables are made."""

_DROP = "DELETE FROM procrastinate_jobs WHERE lock = ANY(%s) AND status = 'todo'"
_DEFER = """
SELECT procrastinate_defer_jobs_v1(array_agg(ROW(
    m.agent || coalesce('@' || (m.policy ->> 'host_label'), ''), %s,
    CASE WHEN m.status = 'rolling_back' THEN 9
         ELSE CASE t.priority WHEN 'critical' THEN 3 WHEN 'high' THEN 2 WHEN 'low' THEN 0 ELSE 1 END END,
    m.id, NULL, jsonb_build_object('migration_id', m.id), m.due_at
)::procrastinate_job_to_defer_v1 ORDER BY m.created_at, m.id))
FROM migrations m JOIN tasks t ON t.id = m.task_id
WHERE m.id = ANY(%s) AND m.status IN ('queued', 'rolling_back') AND m.lease_until IS NULL
HAVING count(*) > 0
"""
_FORGET = "DELETE FROM procrastinate_jobs WHERE lock = %s AND status = 'doing'"
_STALLED = """
FROM procrastinate_jobs j WHERE j.task_name = %(task)s AND j.status <> 'todo' AND (
    NOT EXISTS (
        SELECT FROM procrastinate_workers w
        WHERE w.id = j.worker_id AND w.last_heartbeat > now() - make_interval(secs => %(silent_s)s))
    OR EXISTS (
        SELECT FROM migrations m WHERE m.id = j.lock AND m.status IN ('queued', 'rolling_back')
        AND m.lease_until IS NULL
        AND greatest(m.updated_at, m.due_at) < now() - make_interval(secs => %(silent_s)s)
        AND NOT EXISTS (
            SELECT FROM procrastinate_events e WHERE e.job_id = j.id AND e.type = 'started'
            AND e.at > now() - make_interval(secs => %(silent_s)s))))
"""
"""Jobs of workers that are gone, and those that a living one does not work on.

A worker takes the lease of what it was given at once; a job's end is lost where the database crashes with it.
"""

_MISSING = """
SELECT m.id FROM migrations m
WHERE m.status IN ('queued', 'rolling_back') AND m.lease_until IS NULL
AND (m.due_at IS NULL OR m.due_at <= %s) AND NOT m.task_id = ANY(%s)
AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.lock = m.id AND j.status IN ('todo', 'doing'))
ORDER BY m.created_at, m.id LIMIT %s
"""


def queues_of(agent: str, host_labels: Iterable[str]) -> list[str]:
    """The queues of an agent that a host with these labels takes from: as `_DEFER` names them."""
    return [agent, *(f"{agent}@{label}" for label in host_labels)]


def make_tables(connection: sa.Connection) -> None:
    """Make Procrastinate's tables where they are not; whoever comes second waits, and finds them."""
    cursor = connection.connection.cursor()
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TABLES])
    cursor.execute("SELECT to_regclass('procrastinate_jobs') IS NULL")
    if cursor.fetchone() == (True,):
        cursor.execute(SchemaManager.get_schema())


def defer_due(connection: sa.Connection, events: Iterable[Event]) -> None:
    """Defer a job for each migration that these events made due, in the transaction that is under way."""
    defer(connection, {one.migration_id for one in events if one.migration_id and _is_waking(one)})


def defer(connection: sa.Connection, migration_ids: Collection[str]) -> None:
    """Have each of these that is due or will be looked at then, instead of when it was to be before."""
    if migration_ids:
        cursor = queue_cursor(connection)
        wanted = sorted(migration_ids)
        cursor.execute(_DROP, [wanted])
        cursor.execute(_DEFER, [TASK, wanted])


def forget(connection: sa.Connection, migration_id: str) -> None:
    """Drop what a worker that is gone had of the migration: it would hold the migration's lock."""
    queue_cursor(connection).execute(_FORGET, [migration_id])


def has_stalled(connection: sa.Connection, silent_s: float) -> bool:
    """Whether a job is with a worker that gave no sign of life for so long, or forgot it."""
    cursor = connection.connection.cursor()
    cursor.execute(f"SELECT EXISTS (SELECT {_STALLED})", {"task": TASK, "silent_s": silent_s})
    return bool(cursor.fetchone() == (True,))


def drop_stalled(connection: sa.Connection, silent_s: float) -> None:
    """Drop jobs whose worker gave no sign of life or forgot them; their migrations are missing one then."""
    connection.connection.cursor().execute(f"DELETE {_STALLED}", {"task": TASK, "silent_s": silent_s})


def missing(connection: sa.Connection, now: datetime, held_back: Collection[str]) -> list[str]:
    """Migrations that are due and have no job, but for those of tasks that are held back."""
    cursor = connection.connection.cursor()
    cursor.execute(_MISSING, [now, sorted(held_back), _MOST])
    return [str(migration_id) for (migration_id,) in cursor.fetchall()]


def _is_waking(event: Event) -> bool:
    return event.to_status in _WAKING or event.kind == "migration.started"
