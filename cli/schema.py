"""``roadmark schema``: the JSON Schemas of what a person writes."""

import click


@click.command("schema")
@click.argument("name", type=click.Choice(["context", "front_matter", "configuration"]))
def schema_command(name: str) -> None:
    """Print a JSON Schema: of the execution context, the front matter, or roadmark.toml."""
    from roadmark.ingest.schema.rules import schema_text

    click.echo(schema_text(name), nl=False)
