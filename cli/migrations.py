"""Which migration a person means on the command line."""

from contextlib import suppress

from roadmark.executor.errors import NotFound
from roadmark.executor.service import Service


def latest_migration(service: Service, wanted: str) -> str:
    """The migration with this id, else the latest one of the task meant. Raises: NotFound, Ambiguous."""
    with suppress(NotFound):
        return service.tracker.migration(wanted).migration.id
    task = service.tracker.task(service.tracker.find_task(wanted)).task
    if task.migration_id is None:
        raise NotFound("migration of task", wanted)
    return task.migration_id
