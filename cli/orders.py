"""``roadmark pause|resume|retry|cancel``: orders to a migration."""

from collections.abc import Callable

import click
from roadmark.cli.migrations import latest_migration
from roadmark.cli.opening import Where, actor, settings_from, state_options
from roadmark.cli.working import opened
from roadmark.executor.model import Migration
from roadmark.executor.service import Service

Order = Callable[[Service, str], Migration]


def _command(name: str, summary: str, order: Order) -> click.Command:
    @click.command(name, help=summary)
    @click.argument("task")
    @state_options
    def command(task: str, where: Where) -> None:
        with opened(settings_from(where)) as service:
            migration = order(service, latest_migration(service, task))
            click.echo(f"the migration is {migration.status}")

    return command


def _pause(service: Service, migration_id: str) -> Migration:
    return service.manager.pause(migration_id, actor())


def _resume(service: Service, migration_id: str) -> Migration:
    return service.manager.resume(migration_id, actor())


def _retry(service: Service, migration_id: str) -> Migration:
    return service.manager.retry(migration_id, actor())


def _cancel(service: Service, migration_id: str) -> Migration:
    return service.manager.cancel(migration_id, actor())


pause_command = _command("pause", "Hold TASK's migration back, after its attempt.", _pause)
resume_command = _command("resume", "Let TASK's migration go on.", _resume)
retry_command = _command("retry", "Grant TASK's migration new attempts.", _retry)
cancel_command = _command("cancel", "End TASK's migration.", _cancel)
