"""``roadmark rule CODE``: the page of a finding."""

import sys

import click


@click.command("rule")
@click.argument("code", required=False)
def rule_command(code: str | None) -> None:
    """Explain a finding; without a code, list them all. Exit 3: there is no such code."""
    from roadmark.ingest.problems import CODES
    from roadmark.ingest.rulebook import page_of

    if code is None:
        for name, summary in CODES.items():
            click.echo(f"{name}  {summary}")
        return
    page = page_of(code)
    if page is None:
        click.echo(f"There is no finding {code!r}. `roadmark rule` lists them.", err=True)
        sys.exit(3)
    click.echo(page, nl=False)
