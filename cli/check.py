"""``roadmark check``: what is wrong with spec files, at line and column."""

import sys
from pathlib import Path

import click

FORMATS = ("text", "json", "jsonl", "github", "gitlab", "sarif", "junit")


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--fix", is_flag=True, help="Correct what can be corrected without guessing, and nothing else.")
def check_command(paths: tuple[Path, ...], form: str, fix: bool) -> None:  # noqa: FBT001 - click's own way
    """Report every finding of every file.

    Exit 0: no errors; 1: errors; 2: a file is not there or cannot be read.
    """
    from roadmark.cli.check_formats import WRITERS
    from roadmark.cli.spec_files import read_paths
    from roadmark.cli.spec_fix import fix_files

    reading = read_paths(paths)
    if fix:
        for message in fix_files(reading.files):
            click.echo(message, err=True)
        reading = read_paths(paths)
    click.echo(WRITERS[form](reading.files), nl=False)
    for message in reading.missing:
        click.echo(message, err=True)
    sys.exit(reading.exit_code)
