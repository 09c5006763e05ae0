"""``roadmark parse``: what the files say, for a person or a program."""

import sys
from pathlib import Path

import click


@click.command("parse")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "jsonl"]), default="text", show_default=True
)
def parse_command(paths: tuple[Path, ...], form: str) -> None:
    """Print what each spec file says. Exit 0: read; 1: some have errors; 2: a file is not there."""
    import json

    from roadmark.cli.spec_files import read_paths
    from roadmark.cli.spec_text import summary
    from roadmark.ingest.machine_view import as_dict

    reading = read_paths(paths)
    views = (as_dict(read.spec) for read in reading.files)
    if form == "json":
        click.echo(json.dumps(list(views), ensure_ascii=False, indent=2))
    elif form == "jsonl":
        for view in views:
            click.echo(json.dumps(view, ensure_ascii=False))
    else:
        for read in reading.files:
            click.echo(summary(read.spec))
    for message in reading.missing:
        click.echo(message, err=True)
    sys.exit(reading.exit_code)
