"""Why a migration is not running: the reasons that hold, in sentences for a person."""

from collections.abc import Sequence

import sqlalchemy as sa
from roadmark.executor.config import Settings
from roadmark.executor.dependencies import cycle_of, dependencies_of
from roadmark.executor.errors import NotFound
from roadmark.executor.limits import agent_slots
from roadmark.executor.model import Migration
from roadmark.executor.policy import may_be_here
from roadmark.executor.states import Status
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.reading import Readable
from roadmark.executor.store.tasks import TaskRepository
from roadmark.executor.store.waits import WaitRepository

_ORDERS = {
    Status.PAUSED: "A person paused it; 'roadmark resume' lets it go on.",
    Status.ROLLED_BACK: "It was rolled back; 'roadmark resume' takes it up from there.",
    Status.BLOCKED: "It needs a repair by a person; after it, 'roadmark retry'.",
    Status.FAILED: "Its attempts are used up; 'roadmark retry' grants new ones.",
    Status.QUARANTINED: "Something protected was touched; look at it, then 'roadmark retry' or roll back.",
    Status.RUNNING: "It is running.",
    Status.CANCELLING: "It is being stopped.",
    Status.CANCELLED: "It was ended by a person.",
    Status.ROLLING_BACK: "A rollback of it is under way.",
    Status.COMPLETED: "It is completed.",
}


def explain(store: Readable, settings: Settings, wanted: str) -> tuple[str, ...]:
    """Why the migration, or the latest one of the task, is not running. Raises: NotFound, Ambiguous."""
    with store.read() as connection:
        migration = _migration(connection, wanted)
        if migration is None:
            task_id = TaskRepository(connection).find(wanted)
            return ("It was not started; 'roadmark run' starts it.", *_dependencies(connection, task_id))
        reasons = _reasons(connection, settings, migration)
        return (*reasons, f"Said last: {migration.reason}") if migration.reason else reasons


def _migration(connection: sa.Connection, wanted: str) -> Migration | None:
    migrations = MigrationRepository(connection)
    try:
        return migrations.get(wanted)
    except NotFound:
        tasks = TaskRepository(connection)
        latest = tasks.get(tasks.find(wanted)).migration_id
        return migrations.get(latest) if latest else None


def _reasons(connection: sa.Connection, settings: Settings, migration: Migration) -> tuple[str, ...]:
    match migration.status:
        case Status.QUEUED:
            return _queued(connection, settings, migration)
        case Status.WAITING:
            return _waiting(connection, migration)
        case Status.PARKED:
            return (f"It is parked until {_moment(migration)}; no attempt is used meanwhile.",)
        case Status.ROLLING_BACK:
            return (_ORDERS[migration.status], *_place(settings, migration))
        case status:
            return (_ORDERS[status],)


def _queued(connection: sa.Connection, settings: Settings, migration: Migration) -> tuple[str, ...]:
    reasons = [*_dependencies(connection, migration.task_id), *_place(settings, migration)]
    if migration.due_at is not None:
        reasons.append(f"It is due at {_moment(migration)}.")
    running = MigrationRepository(connection).with_status([Status.RUNNING])
    reasons += _slots(settings, migration, running)
    return tuple(reasons) or ("It is queued and will be taken within a second while a service runs.",)


def _place(settings: Settings, migration: Migration) -> list[str]:
    policy = migration.policy
    if may_be_here(policy, settings):
        return []
    known = ", ".join(settings.host_labels) or "none"
    needed = f"Only a host with the label {policy.host_label!r} takes it"
    return [f"{needed}; [run] host_labels of this one has: {known}."]


def _slots(settings: Settings, migration: Migration, running: Sequence[Migration]) -> list[str]:
    reasons = []
    if len(running) >= settings.slot_count():
        taken = f"All {settings.slot_count()} slots of {settings.repo.name} are taken"
        reasons.append(f"{taken}; [run] slots sets how many there are.")
    most = agent_slots(settings).get(migration.agent)
    same = sum(other.agent == migration.agent for other in running)
    if most is not None and same >= most:
        reasons.append(f"Agent {migration.agent!r} works in all {most} slots that [agents.*] gives it.")
    return reasons


def _waiting(connection: sa.Connection, migration: Migration) -> tuple[str, ...]:
    wait = WaitRepository(connection).open_of(migration.id)
    if wait is None:
        return ("It waits for a person.",)
    deadline = wait.deadline_at.isoformat(timespec="seconds")
    return (f"It waits for a person until {deadline}: {wait.prompt}",)


def _dependencies(connection: sa.Connection, task_id: str) -> tuple[str, ...]:
    reasons = []
    for dependency in dependencies_of(connection, task_id):
        if dependency.task is None:
            reasons.append(f"No task is called {dependency.name!r}; that holds nothing back.")
        elif not dependency.is_met:
            task = dependency.task
            reasons.append(f"It depends on {task.title!r} ({task.source_path}), which is {task.status}.")
    circle = cycle_of(connection, task_id)
    if circle:
        reasons.append(f"Its dependencies lead back to itself: {' -> '.join(circle)}; edit one of them.")
    return tuple(reasons)


def _moment(migration: Migration) -> str:
    return migration.due_at.isoformat(timespec="seconds") if migration.due_at else "a time not yet known"
