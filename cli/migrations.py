"""Which migration a person means on the command line."""

from roadmark.executor.errors import NotFound
from roadmark.executor.service import Service


def latest_migration(service: Service, wanted: str) -> str:
    """The latest migration of the task meant by `wanted`. Raises: NotFound, Ambiguous."""
    task = service.tracker.task(service.tracker.find_task(wanted)).task
    if task.migration_id is None:
        raise NotFound("migration of task", wanted)
    return task.migration_id
