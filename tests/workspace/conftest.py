"""A small repository, copied for each test, and a scene to act in: the user's side and the agent's."""

import os
import shutil
import stat
import subprocess
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.sandbox import SandboxMode, probe_sandbox
from roadmark.executor.workspace.vault import Snapshot, take_checkpoint
from roadmark.executor.workspace.workspace import open_workspace

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Person",
    "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "Person",
    "GIT_COMMITTER_EMAIL": "person@example.org",
}

Listing = dict[str, tuple[str, bool, bytes]]


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """What a person or an agent does with git, configuration and all."""
    ended = subprocess.run(
        ("git", *arguments), cwd=folder, env=GIT_ENVIRONMENT, capture_output=True, check=False
    )
    assert not check or ended.returncode == 0, ended.stderr.decode()
    return ended.stdout.decode(errors="surrogateescape")


def listing(folder: Path, *, inside_git: bool = False) -> Listing:
    """Every file of a folder: kind, whether executable, bytes or target; without .git unless asked."""
    found = {}
    for parent, folders, names in os.walk(folder):
        if not inside_git and ".git" in folders:
            folders.remove(".git")
        for name in [*names, *(one for one in folders if os.path.islink(os.path.join(parent, one)))]:
            path = Path(parent, name)
            if inside_git or name != ".git":
                found[os.path.relpath(path, folder)] = _entry(path)
    return found


def _entry(path: Path) -> tuple[str, bool, bytes]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "link", False, os.fsencode(os.readlink(path))
    if stat.S_ISREG(mode):
        return "file", bool(mode & 0o111), path.read_bytes()
    return "special", False, b""


class Scene:
    """A user's repository and one migration of it."""

    def __init__(self, repository: Path, state_dir: Path, migration: str) -> None:
        self.repository, self.state_dir = repository, state_dir
        self.place = Place(repository=repository, state_dir=state_dir, migration=migration)

    @property
    def workspace(self) -> Path:
        return self.state_dir / "workspaces" / self.place.migration

    @property
    def vault(self) -> Path:
        return next(path for path in (self.state_dir / "vault").glob("*.git") if ".filters." not in path.name)

    def open(self) -> Path:
        return open_workspace(self.place).path

    def start(self) -> Snapshot:
        self.open()
        return self.checkpoint("start")

    def checkpoint(self, name: str, trailers: Mapping[str, str] | None = None) -> Snapshot:
        return take_checkpoint(self.place, name, trailers or {})

    def write(self, path: str, content: str | bytes = "text\n") -> Path:
        """A file in the workspace."""
        target = self.workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def files(self) -> Listing:
        return listing(self.workspace)

    def users_side(self) -> tuple[Listing, Listing]:
        """Everything the user has, to the byte: files, and git's own but objects and our keep-refs."""
        common = Path(git(self.repository, "rev-parse", "--path-format=absolute", "--git-common-dir").strip())
        inside = listing(common, inside_git=True)
        kept = {
            path: entry
            for path, entry in inside.items()
            if not path.startswith(("objects/", "refs/roadmark/keep/"))
        }
        return listing(self.repository), kept


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a bit of everything, made once."""
    repository = tmp_path_factory.mktemp("template") / "repository"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    for number in range(12):
        folder = repository / ("docs" if number % 2 else "src/deep")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number}.txt").write_text("".join(f"{number}: line {line}\n" for line in range(12)))
    (repository / "run.sh").write_text("#!/bin/sh\necho run\n")
    (repository / "run.sh").chmod(0o755)
    (repository / "link").symlink_to("docs/file1.txt")
    (repository / "windows.txt").write_bytes(b"one\r\ntwo\r\n")
    (repository / "picture.bin").write_bytes(bytes(range(256)))
    (repository / ".gitignore").write_text("build/\n*.log\n.env\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "The beginning")
    return repository


@pytest.fixture
def repository(template: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "repository"
    shutil.copytree(template, copy, symlinks=True)
    return copy


@pytest.fixture
def scene(repository: Path, tmp_path: Path) -> Scene:
    return Scene(repository, tmp_path / "state", str(uuid.uuid4()))


@pytest.fixture
def make_scene(tmp_path: Path) -> Callable[[Path], Scene]:
    """A scene of another repository, or a second migration of the same."""
    return lambda repository: Scene(repository, tmp_path / "state", str(uuid.uuid4()))


@pytest.fixture
def user() -> Callable[..., str]:
    """git as the user or the agent runs it: `user(folder, "status")`."""
    return git


@pytest.fixture
def listed() -> Callable[..., Listing]:
    return listing


@pytest.fixture(params=list(SandboxMode))
def mode(request: pytest.FixtureRequest) -> SandboxMode:
    """Both ways to contain processes; the test is skipped where bubblewrap does not work."""
    probe = probe_sandbox(request.param.value)
    if probe.kind is not request.param:
        pytest.skip(f"needs {request.param}: {probe.detail}")
    return request.param
