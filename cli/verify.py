"""``roadmark verify``: do files, refs, rows, journal and boxes of a migration agree?"""

import json
import sys
from dataclasses import asdict

import click
from roadmark.cli.migrations import latest_migration
from roadmark.cli.opening import FAILED, OK, Where, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.cli.working import opened
from roadmark.executor.integrity import failing


@click.command("verify")
@click.argument("task")
@state_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def verify_command(
    task: str,
    where: Where,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Look over TASK's latest migration, or one by its id. Exit 0: all holds; 1: something does not."""
    with opened(settings_from(where)) as service:
        checks = service.rollbacks.integrity.check(latest_migration(service, task))
    if as_json:
        click.echo(json.dumps({"schema": 1, "items": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            click.echo(f"{'holds' if check.holds else 'WRONG'}  {check.name}: {safe(check.detail)}")
    sys.exit(FAILED if failing(checks) else OK)
