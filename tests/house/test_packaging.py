"""What is shipped: every package folder, template and data file, and it runs from a fresh environment."""

import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("cli", "executor", "ingest", "templates", "web")
DATA = (".html", ".md", ".j2", ".json", ".toml", ".css", ".js", ".svg", ".mako")


def _tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution, as an index would."""
    folder = tmp_path_factory.mktemp("dist")
    build = "import sys; from setuptools import build_meta as b; print(b.build_sdist(sys.argv[1]))"
    _run([sys.executable, "-c", build, str(folder)], ROOT)
    source = next(folder.glob("*.tar.gz"))
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    unpacked = folder / source.name.removesuffix(".tar.gz")
    build = "import sys; from setuptools import build_meta as b; print(b.build_wheel(sys.argv[1]))"
    _run([sys.executable, "-c", build, str(folder)], unpacked)
    return next(folder.glob("*.whl"))


def test_every_package_folder_is_listed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {str(Path(name).parent) for name in _tracked() if name.endswith(".py")}
    assert {f"roadmark.{folder.replace('/', '.')}" for folder in folders} == set(settings["packages"])
    assert settings["package-dir"] == {
        package: package.split(".", 1)[1].replace(".", "/") for package in settings["packages"]
    }


def test_every_file_of_the_rooms_ships(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    wanted = {f"roadmark/{name}" for name in _tracked() if name.endswith((".py", *DATA))}
    assert wanted - shipped == set()


def test_the_wheel_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "fresh", with_pip=False, symlinks=True)
    with zipfile.ZipFile(wheel) as archive:
        site = next((tmp_path / "fresh" / "lib").glob("python*/site-packages"))
        archive.extractall(site)
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": dependencies, "HOME": str(tmp_path)}
    script = f"""
import sys
sys.path.insert(0, {str(site)!r})
import roadmark.cli.main as main, roadmark.templates as templates
print(main.__file__, templates.pages_folder().is_dir())
main.main(["--help"])
"""
    python = tmp_path / "fresh" / "bin" / "python"
    ran = subprocess.run(
        [python, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    where = ran.stdout.splitlines()[0]
    assert where == f"{site}/roadmark/cli/main.py True"
    assert "serve" in ran.stdout


def _run(arguments: list[str], folder: Path) -> None:
    ran = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
