"""``roadmark audit``: is the journal what it was?"""

import sys

import click
from roadmark.cli.opening import FAILED, Where, settings_from, state_options
from roadmark.cli.working import opened


@click.group("audit")
def audit_group() -> None:
    """Verify the journal."""


@audit_group.command("verify")
@state_options
def verify_command(where: Where) -> None:
    """Recompute the chain of hashes. Exit 0: clean; 1: it names every place that does not hold."""
    with opened(settings_from(where)) as service:
        breaks = service.store.verify_journal()
        for found in breaks:
            click.echo(f"entry {found.seq} {found.what}", err=True)
        if not breaks:
            click.echo(f"clean: {service.tracker.last_seq()} entries")
    sys.exit(FAILED if breaks else 0)
