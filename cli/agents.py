"""``roadmark agents``: the agents that can be chosen."""

import sys

import click
from roadmark.cli.opening import FAILED, OK, Where, settings_from, state_options
from roadmark.cli.plain_text import safe, table
from roadmark.executor.doctor import Health, examine_agents


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
    """Try each agent: its program, version and handshake; no model is asked. Exit 1 where one fails."""
    checks = list(examine_agents(settings_from(where)))
    for check in checks:
        click.echo(f"{check.health:<9} {check.name}: {safe(check.detail)}")
    sys.exit(FAILED if any(check.health is Health.BAD for check in checks) else OK)
