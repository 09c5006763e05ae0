"""``roadmark check``: what is wrong with spec files, at line and column."""

import sys
from pathlib import Path

import click


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True
)
def check_command(paths: tuple[Path, ...], form: str) -> None:
    """Report every finding of every file. Exit 0: no errors; 1: errors; 2: a file is not there."""
    from roadmark.cli.check_formats import WRITERS
    from roadmark.cli.spec_files import read_paths

    reading = read_paths(paths)
    click.echo(WRITERS[form](reading.files), nl=False)
    for message in reading.missing:
        click.echo(message, err=True)
    sys.exit(reading.exit_code)
