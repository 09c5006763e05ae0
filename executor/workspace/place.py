"""Where a migration's workspace, vault and private files lie.

<state>/vault/<repository>.git          checkpoints, as commits that only Roadmark writes
<state>/vault/<repository>.filters.git  no refs; the same objects seen through the repository's attributes
<state>/migrations/<migration>/         facts.json, standing.json, the private indexes, the lock
<state>/workspaces/<migration>/         where the agent works
<state>/homes/<migration>/              the agent's HOME
<state>/trash/                          renamed away, being deleted
<state>/clones/<remote>.git             the repository, where hosts share no disk
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from roadmark.executor.workspace.errors import GitError, NameRefused, NotARepository, WorkspaceUnknown
from roadmark.executor.workspace.git import NO_FILE, Git, lfs_settings, run_git
from roadmark.executor.workspace.locks import hold

LOCK_TIMEOUT_S = 120.0
MEBIBYTE = 1024 * 1024
# Files and trees are handed to the disk as they are written; the commit and its ref, which come last, are
# waited for, and on a journaling file system everything before them is then safe too.
WRITE_OUT = ("core.fsyncMethod=writeout-only",)
_NAME = re.compile(r"(?!.*\.\.)(?!.*\.lock$)[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One migration of one repository, in one state directory."""

    repository: Path
    state_dir: Path
    migration: str
    file_limit_bytes: int = 256 * MEBIBYTE

    def __post_init__(self) -> None:
        checked_name("migration id", self.migration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What git says about the user's repository."""

    top: Path
    git_dir: Path
    common_dir: Path
    objects: Path
    bare: bool
    shallow: bool
    object_format: str

    @property
    def zero(self) -> str:
        """The object name that means 'does not exist'."""
        return "0" * (64 if self.object_format == "sha256" else 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was settled when the workspace was opened the first time."""

    base_commit: str
    rootless: bool  # the repository had no commit: the base is an empty one of ours that is never published
    gitlinks: tuple[str, ...]


class Room:
    """The paths and git views of one place; made by `enter`, valid while its lock is held."""

    def __init__(self, place: Place, repository: Repository, held: tuple[int, ...]) -> None:
        self.place, self.repository, self._held = place, repository, held
        state_dir = place.state_dir.resolve()
        self.workspace = state_dir / "workspaces" / place.migration
        self.private = state_dir / "migrations" / place.migration
        self.home = state_dir / "homes" / place.migration
        self.trash = state_dir / "trash"
        self.vault_dir = state_dir / "vault" / f"{_key(repository)}.git"
        self.filters_dir = state_dir / "vault" / f"{_key(repository)}.filters.git"
        self.repository_lock = state_dir / "vault" / f"{_key(repository)}.lock"
        self.index, self.publish_index = self.private / "index", self.private / "index.publish"
        self.refs = f"refs/roadmark/{place.migration}"
        self.keep_ref = f"refs/roadmark/keep/{place.migration}"
        self.sent = f"refs/sent/{place.migration}"
        self.standing = self.private / "standing.json"

    @property
    def has_workspace(self) -> bool:
        """Whether its folder is there (a symbolic link that an agent put in its place is not)."""
        return self.workspace.is_dir() and not self.workspace.is_symlink()

    @cached_property
    def borrowed(self) -> tuple[Path, ...]:
        """The user's object stores, those behind it (clone --shared) included."""
        return tuple(_object_stores(self.repository.objects))

    @property
    def users(self) -> Git:
        """The user's repository: refs and objects only, never a work tree or index."""
        return Git(git_dir=self.repository.git_dir, held=self._held)

    @property
    def vault(self) -> Git:
        """The vault with what it borrows from the user's objects."""
        return Git(git_dir=self.vault_dir, borrowed=self.borrowed, held=self._held)

    def merging(self, index: Path) -> Git:
        """An index without a workspace, to merge trees in."""
        return Git(git_dir=self.vault_dir, index=index, borrowed=self.borrowed, held=self._held)

    def raw(self, index: Path) -> Git:
        """The workspace byte for byte.

        Without the user's objects, so that whatever is written lands in the vault itself: the user's gc can
        then drop anything but the base, which the keep-ref holds.
        """
        return Git(
            git_dir=self.vault_dir, work_tree=self.workspace, index=index, settings=WRITE_OUT, held=self._held
        )

    def reading(self, index: Path) -> Git:
        """As `raw`, with the user's objects, for writing files into the workspace."""
        return Git(
            git_dir=self.vault_dir,
            work_tree=self.workspace,
            index=index,
            borrowed=self.borrowed,
            held=self._held,
        )

    def filtered(self, index: Path, work_tree: Path | None = None) -> Git:
        """The workspace as git shows it to people: line ends, idents and git-lfs as its attributes say."""
        return Git(
            git_dir=self.filters_dir,
            work_tree=work_tree or self.workspace,
            index=index,
            objects=self.vault_dir / "objects",
            borrowed=self.borrowed,
            settings=(*WRITE_OUT, *lfs_settings(os.environ.get("HOME", NO_FILE))),
            held=self._held,
        )

    def facts(self) -> Facts:
        """Raises: WorkspaceUnknown where the workspace was never opened."""
        try:
            stored = json.loads((self.private / "facts.json").read_bytes())
        except FileNotFoundError:
            raise WorkspaceUnknown(self.place.migration) from None
        return Facts(
            base_commit=stored["base_commit"], rootless=stored["rootless"], gitlinks=tuple(stored["gitlinks"])
        )


@contextmanager
def enter(place: Place) -> Iterator[Room]:
    """Hold the migration's lock and clear away what a killed predecessor left half done.

    Raises: NotARepository, LockTimeout.
    """
    private = place.state_dir.resolve() / "migrations" / place.migration
    repository = look_at(place.repository)
    with hold(private / "lock", LOCK_TIMEOUT_S) as descriptor:
        room = Room(place, repository, (descriptor,))
        for stale in (*private.glob("*.lock"), *(room.vault_dir / room.refs).rglob("*.lock")):
            stale.unlink()
        yield room


def look_at(path: Path) -> Repository:
    """The repository whose top folder (or bare git directory) is `path`.

    A folder inside a repository is refused: what is meant would be a guess.

    Raises: NotARepository.
    """
    top = path.resolve()
    if not top.is_dir():
        raise NotARepository(path, "there is no such folder")
    asked = (
        "rev-parse",
        "--path-format=absolute",
        "--git-dir",
        "--git-common-dir",
        "--git-path",
        "objects",
        "--is-bare-repository",
        "--is-shallow-repository",
        "--show-object-format",
    )
    try:
        answer = run_git(asked, cwd=top, environment={"GIT_CEILING_DIRECTORIES": str(top.parent)})
    except GitError as error:
        raise NotARepository(path, error.stderr) from None
    git_dir, common_dir, objects, bare, shallow, object_format = os.fsdecode(answer).splitlines()
    return Repository(
        top=top,
        git_dir=Path(git_dir),
        common_dir=Path(common_dir),
        objects=Path(objects),
        bare=bare == "true",
        shallow=shallow == "true",
        object_format=object_format,
    )


def checked_name(what: str, name: str) -> str:
    """The name, if it can stand in a path and a ref. Raises: NameRefused."""
    if not _NAME.fullmatch(name):
        raise NameRefused(what, name)
    return name


def shown(path: str) -> str:
    """A path as it may be shown and stored: bytes that are no UTF-8 become \\xNN."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _key(repository: Repository) -> str:
    """One vault a repository, whichever of its worktrees it is looked at from."""
    common = repository.common_dir
    digest = hashlib.sha256(os.fsencode(common)).hexdigest()[:12]
    name = common.parent.name if common.name == ".git" else common.name
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:40] or "repository"
    return f"{readable}-{digest}"


def _object_stores(objects: Path, depth: int = 5) -> Iterator[Path]:
    yield objects
    alternates = objects / "info" / "alternates"
    if depth and alternates.is_file():
        for line in alternates.read_text(errors="surrogateescape").splitlines():
            if line and not line.startswith("#"):
                yield from _object_stores((objects / line).resolve(), depth - 1)
