"""``roadmark agents``: the agents that can be chosen."""

import sys

import click
from roadmark.cli.opening import FAILED, OK, Where, settings_from, state_options
from roadmark.cli.plain_text import table
from roadmark.executor.doctor import Health, examine


@click.group("agents")
def agents_group() -> None:
    """List and probe the agents that can be chosen."""


@agents_group.command("list")
@state_options
def list_command(where: Where) -> None:
    """List the configured agents; the one that is used by default is marked."""
    settings = settings_from(where)
    rows = [
        (
            "*" if agent.name == settings.agent else "",
            agent.name,
            agent.kind,
            agent.preset or "",
            " ".join(agent.command),
        )
        for agent in settings.agents.values()
    ]
    click.echo(table(("", "NAME", "KIND", "PRESET", "COMMAND"), rows))


@agents_group.command("probe")
@state_options
def probe_command(where: Where) -> None:
    """Look whether each agent's program is there. Exit 1 where one is not."""
    checks = [check for check in examine(settings_from(where)) if check.name.startswith("agent")]
    for check in checks:
        click.echo(f"{check.health:<9} {check.name}: {check.detail}")
    sys.exit(FAILED if any(check.health is Health.BAD for check in checks) else OK)
