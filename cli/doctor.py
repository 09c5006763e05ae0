"""``roadmark doctor``: what Roadmark needs on this machine."""

import json
import sys
from dataclasses import asdict

import click
from roadmark.cli.opening import FAILED, OK, Where, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.executor.doctor import Health, examine


@click.command("doctor")
@state_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def doctor_command(where: Where, as_json: bool) -> None:  # noqa: FBT001
    """Check this machine. Exit 1 where something will not work."""
    checks = examine(settings_from(where))
    if as_json:
        click.echo(json.dumps({"schema": 1, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            advice = f"; {check.advice}" if check.advice else ""
            click.echo(f"{check.health:<9} {check.name}: {safe(check.detail)}{advice}")
    sys.exit(FAILED if any(check.health is Health.BAD for check in checks) else OK)
