"""``roadmark vault``: are the checkpoints whole, and how much room do they take?"""

import sys

import click
from roadmark.cli.opening import FAILED, OK, Where, settings_from, state_options
from roadmark.cli.plain_text import safe
from roadmark.cli.working import opened
from roadmark.executor.service import Service
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.upkeep import collect_garbage, vault_usage, verify_vault

_ANY = "vault"
"""A vault belongs to a repository; which migration asks makes no difference."""


@click.group("vault")
def vault_group() -> None:
    """Verify, measure and clean the checkpoints of the repository."""


@vault_group.command("verify")
@state_options
def verify_command(where: Where) -> None:
    """Compute every checkpoint's hashes again. Exit 1: it names what is damaged."""
    with opened(settings_from(where)) as service:
        report = verify_vault(_place(service))
        click.echo(f"{report.checkpoints} checkpoints, {report.objects} objects")
        for problem in report.problems:
            click.echo(f"{safe(problem.ref)}: {safe(problem.what)}", err=True)
    sys.exit(FAILED if report.problems else OK)


@vault_group.command("du")
@state_options
def du_command(where: Where) -> None:
    """Say how much room the checkpoints take."""
    with opened(settings_from(where)) as service:
        usage = vault_usage(_place(service))
        click.echo(f"{usage.checkpoints} checkpoints in {usage.size_bytes} bytes")


@vault_group.command("gc")
@state_options
def gc_command(where: Where) -> None:
    """Pack the checkpoints; none of them is dropped."""
    with opened(settings_from(where)) as service:
        collect_garbage(_place(service))
        click.echo("packed")


def _place(service: Service) -> Place:
    return service.places.of(_ANY)
