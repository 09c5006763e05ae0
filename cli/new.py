"""``roadmark new``: a blank spec of the template."""

import sys
from pathlib import Path

import click


@click.command("new")
@click.argument("title")
@click.option(
    "--template",
    type=click.Choice(["feature", "refactoring", "migration"]),
    default="feature",
    show_default=True,
)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path("specs"), show_default=True
)
def new_command(title: str, template: str, folder: Path) -> None:
    """Write a blank spec for TITLE into the folder. A file that is there already is left alone."""
    from roadmark.ingest.blank import blank_spec, file_name

    path = folder / file_name(title)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(blank_spec(title, template))
    except FileExistsError:
        click.echo(f"{path} is there already; choose another title or delete it.", err=True)
        sys.exit(2)
    click.echo(str(path))
