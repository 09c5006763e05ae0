"""What docs/operating/ gives people to copy is what the program has: commands, options, settings, files."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from roadmark.cli.main import main
from roadmark.executor.config import Settings

TOP = Path(__file__).parents[2]
FOLDER = TOP / "docs" / "operating"
UNITS = sorted((FOLDER / "systemd").iterdir())
PROGRAM = "/usr/local/bin/roadmark"
OF_COMPOSE = frozenset({"ROADMARK_REMOTE"})
"""What the compose file itself asks its caller for."""


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return found


def called() -> Iterator[tuple[str, list[str]]]:
    """Each call of the program, by where it stands."""
    for name, service in compose()["services"].items():
        if service["image"] == "roadmark":
            yield f"compose.yaml {name}", service["command"]
    for unit in UNITS:
        for line in re.findall(rf"^ExecStart={PROGRAM} (.*)$", unit.read_text(), re.MULTILINE):
            yield unit.name, shlex.split(line)
    container = (FOLDER / "Containerfile").read_text()
    for line in re.findall(r"^CMD \[(.*)\]$", container, re.MULTILINE):
        yield "Containerfile", [word.strip(' "') for word in line.split(",")]


@pytest.mark.parametrize(("where", "arguments"), tuple(called()))
def test_every_call_is_one_that_the_program_takes(where: str, arguments: list[str]) -> None:
    name, *options = arguments
    command = main.get_command(click.Context(main), name)
    assert command is not None, where
    known = {option for parameter in command.params for option in parameter.opts}
    assert {option for option in options if option.startswith("-")} <= known, where


def test_every_unit_and_service_that_works_is_among_the_calls() -> None:
    commands = [arguments[0] for _, arguments in called()]
    assert (commands.count("serve"), commands.count("worker")) == (3, 3)


@pytest.mark.parametrize("path", [FOLDER / "Containerfile", FOLDER / "compose.yaml", *UNITS], ids=str)
def test_every_variable_is_a_setting(path: Path) -> None:
    settings = {f"ROADMARK_{name.upper()}" for name in Settings.__dataclass_fields__}
    named = set(re.findall(r"\bROADMARK_[A-Z_]+", path.read_text()))
    assert named, "each of them sets something"
    assert named <= settings | OF_COMPOSE


def keys_twice(node: yaml.Node) -> list[str]:
    """Keys that a mapping has more than once: PyYAML takes the last one, compose refuses the file."""
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        inside = [twice for _, value in node.value for twice in keys_twice(value)]
        return [key for key in set(keys) if keys.count(key) > 1] + inside
    if isinstance(node, yaml.SequenceNode):
        return [twice for value in node.value for twice in keys_twice(value)]
    return []


@pytest.mark.parametrize("name", ["compose.yaml", "alerts.yml"])
def test_no_file_has_a_key_twice(name: str) -> None:
    found = keys_twice(yaml.compose((FOLDER / name).read_text()))
    assert found == []


def test_each_worker_has_a_disk_of_its_own() -> None:
    services = compose()["services"]
    states = [
        service["volumes"][0].split(":")[0] for service in services.values() if service["image"] == "roadmark"
    ]
    assert len(states) == len(set(states)) == 3
    assert set(states) <= set(compose()["volumes"])


def test_the_image_is_built_from_what_is_there() -> None:
    for source in re.findall(r"/source/([\w./-]+)", (FOLDER / "Containerfile").read_text()):
        assert (TOP / source).is_file()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    asked = ["systemd-analyze", "verify", "--man=no", str(copy)]
    ended = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
