"""``roadmark auth``: tokens for machines, sign-in links for people. What is printed last is the secret."""

from datetime import UTC, datetime, timedelta

import click
from roadmark.cli.opening import Where, actor, settings_from, state_options
from roadmark.cli.plain_text import table
from roadmark.cli.working import opened
from roadmark.executor.access import SCOPES


@click.group("auth")
def auth_group() -> None:
    """Make tokens for machines and links for people."""


@auth_group.command("token")
@state_options
@click.option("--scopes", default="read", show_default=True, help=f"Comma-separated: {', '.join(SCOPES)}.")
@click.option("--name", default=None, help="Whose it is; it stands in the history.")
@click.option("--days", default=0, help="Days until it expires; 0 for never.")
def token_command(where: Where, scopes: str, name: str | None, days: int) -> None:
    """Make a bearer token for the API. It is shown once, on the last line."""
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    with opened(settings_from(where)) as service:
        secret = service.access.make_token(name or actor(), scopes.split(","), expires_at)
        click.echo("Keep this token; it is not shown again:", err=True)
        click.echo(secret)


@auth_group.command("tokens")
@state_options
def tokens_command(where: Where) -> None:
    """List the tokens; the secrets themselves are not kept."""
    with opened(settings_from(where)) as service:
        rows = [
            (
                token.id,
                token.name,
                ",".join(token.scopes),
                f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never",
                "revoked" if token.revoked_at else "valid",
            )
            for token in service.access.tokens()
        ]
        click.echo(table(("ID", "NAME", "SCOPES", "LAST USED", "STATE"), rows))


@auth_group.command("revoke")
@click.argument("token_id")
@state_options
def revoke_command(token_id: str, where: Where) -> None:
    """End a token at once."""
    with opened(settings_from(where)) as service:
        ended = service.access.revoke_token(token_id, actor())
        click.echo("revoked" if ended else "there is no such valid token")


@auth_group.command("link")
@state_options
@click.option("--scopes", default=",".join(SCOPES), show_default=True, help="What the person may do.")
@click.option("--name", default=None, help="Who signs in; it stands in the history.")
def link_command(where: Where, scopes: str, name: str | None) -> None:
    """Make a link that signs a person in once, within 15 minutes. It is on the last line."""
    settings = settings_from(where)
    with opened(settings) as service:
        secret = service.access.make_link(name or actor(), scopes.split(","))
        click.echo(f"http://{settings.host}:{settings.port}/sign-in/{secret}")
