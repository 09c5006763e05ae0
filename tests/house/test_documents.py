"""The documents stay true: links lead somewhere, every command and status is told of, no machine is named."""

import re
import subprocess
from pathlib import Path

import pytest
from roadmark.cli.main import _COMMANDS, main
from roadmark.executor.states import Status

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_the_readme_tells_of_every_status() -> None:
    text = (ROOT / "README.md").read_text()
    assert [status for status in Status if f"{status}" not in text] == []


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_command_can_be_imported_and_says_what_it_does(name: str) -> None:
    command = main.get_command(main.make_context("roadmark", [name, "--help"], resilient_parsing=True), name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_nothing_names_this_machine_or_a_secret_place() -> None:
    forbidden = re.compile(
        r"/root/|(?<![.\w])/home/[a-z]|127\.0\.0\.1:[0-9]{5}|pypi\.org|registry\.npmjs|files\.pythonhosted"
    )
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = []
    for name in listed.splitlines():
        path = ROOT / name
        if (
            not path.is_file()
            or path.is_symlink()
            or path.suffix in (".png", ".js")
            or path == Path(__file__)
        ):
            continue
        if forbidden.search(path.read_text(encoding="utf-8", errors="replace")):
            found.append(name)
    assert found == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_preset_that_is_told_of_ships(document: Path) -> None:
    told = re.findall(r'^preset = "([^"]+)"', document.read_text(), re.MULTILINE)
    shipped = {path.stem for path in (ROOT / "executor" / "agents" / "presets").glob("*.toml")}
    assert set(told) <= shipped
