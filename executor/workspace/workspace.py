"""Open and remove the workspace of a migration: a private repository that borrows the user's objects.

Nothing is shared with the user's checkout but objects, read only. What is written to the user's repository is
one ref, `refs/roadmark/keep/<migration>`, so that their gc keeps what the workspace borrows.
"""

import json
import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from roadmark.executor.workspace.errors import BaseUnknown, BaseUnreadable, GitError, WorkspaceUnknown
from roadmark.executor.workspace.files import remove_trees, write_whole
from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.locks import hold
from roadmark.executor.workspace.place import LOCK_TIMEOUT_S, Facts, Place, Room, enter
from roadmark.executor.workspace.survey import survey
from roadmark.executor.workspace.vault import bare_config, make_vault, write_git_dir

EMPTY_BASE = b"Nothing yet: the repository had no commit\n"
EMPTY_BASE_DATE = "2000-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWorkspace:
    """A workspace that an agent can be let into."""

    path: Path
    base_commit: str
    made: bool  # False where it was there already


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a sandboxed process of this migration may see; everything else is read only."""

    writable: tuple[Path, ...]
    readable: tuple[Path, ...]
    hidden: tuple[Path, ...]
    home: Path


def open_workspace(place: Place, base: str | None = None) -> OpenWorkspace:
    """The migration's workspace, made at `base` (default: the repository's HEAD) where it does not exist.

    Doing it again is harmless: the base stays the one of the first time. A workspace whose folder was lost is
    made anew at its base; restore a checkpoint to go on from there.

    Raises: NotARepository, BaseUnknown, BaseUnreadable, GitError, LockTimeout.
    """
    with enter(place) as room:
        facts = _settle(room, base)
        if room.workspace.is_dir() and not room.workspace.is_symlink():
            return OpenWorkspace(path=room.workspace, base_commit=facts.base_commit, made=False)
        with suppress(FileNotFoundError):
            room.workspace.unlink()
        _check_out(room, facts)
        return OpenWorkspace(path=room.workspace, base_commit=facts.base_commit, made=True)


def reach(place: Place) -> Reach:
    """What to give the sandbox of a process that works in this workspace; makes its private HOME."""
    with enter(place) as room:
        room.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Reach(
            writable=(room.workspace, room.home),
            readable=room.borrowed,
            hidden=(place.state_dir.resolve(),),
            home=room.home,
        )


def remove_workspace(place: Place) -> None:
    """Delete the workspace, its HOME and its indexes; its checkpoints stay in the vault.

    The folders are renamed away at once and then deleted, so that a crash leaves only rubbish in trash/.
    """
    with enter(place) as room:
        rubbish = _to_trash(room, room.workspace, room.home)
        for index in (room.index, room.publish_index):
            index.unlink(missing_ok=True)
    remove_trees(rubbish)


def empty_trash(state_dir: Path) -> None:
    """Delete what an interrupted removal left."""
    trash = state_dir.resolve() / "trash"
    remove_trees(list(trash.iterdir()) if trash.is_dir() else [])


def make_git_directory(room: Room, facts: Facts, workspace: Path) -> None:
    """Write `workspace/.git` anew: on a branch of its own at the base, borrowing the user's objects."""
    git_dir = workspace / ".git"
    branch = f"refs/heads/roadmark/{room.place.migration}"
    config = bare_config(room).replace("bare = true", "bare = false\n\tlogallrefupdates = true")
    write_git_dir(git_dir, config, branch)
    (git_dir / "objects" / "info" / "alternates").write_bytes(os.fsencode(room.repository.objects) + b"\n")
    if room.repository.shallow:
        shutil.copyfile(room.repository.common_dir / "shallow", git_dir / "shallow")
    if facts.rootless:
        _empty_base(Git(git_dir=git_dir))
    ref = git_dir / branch
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(f"{facts.base_commit}\n")


def _settle(room: Room, base: str | None) -> Facts:
    """The facts of the first time, or those of now, written down before anything is made from them."""
    try:
        return room.facts()
    except WorkspaceUnknown:
        with hold(room.repository_lock, LOCK_TIMEOUT_S):
            make_vault(room)
        commit = room.users.find(f"{base or 'HEAD'}^{{commit}}")
        if commit is None and base is not None:
            raise BaseUnknown(room.repository.top, base) from None
        facts = Facts(
            base_commit=commit or _empty_base(room.vault),
            rootless=commit is None,
            gitlinks=() if commit is None else _borrow_base(room, commit),
        )
        write_whole(room.private / "facts.json", json.dumps(asdict(facts)).encode())
        return facts


def _borrow_base(room: Room, commit: str) -> tuple[str, ...]:
    """Keep the base alive in the user's repository, its trees in the vault; returns its submodules' paths."""
    (room.repository.common_dir / f"{room.keep_ref}.lock").unlink(missing_ok=True)  # of a killed predecessor
    room.users.run("update-ref", room.keep_ref, commit)
    known = room.vault_dir / "bases" / f"{commit}.json"
    if not known.exists():
        entries = os.fsdecode(room.vault.run("ls-tree", "-r", "-t", "-z", "--full-tree", commit)).split("\0")
        columns = [
            (*head.split(" "), path)
            for head, _, path in (entry.partition("\t") for entry in entries if entry)
        ]
        trees = [
            room.vault.line("rev-parse", f"{commit}^{{tree}}"),
            *(oid for _, kind, oid, _ in columns if kind == "tree"),
        ]
        room.vault.run(
            "pack-objects", "-q", "objects/pack/pack", stdin="".join(f"{oid}\n" for oid in trees).encode()
        )
        known.parent.mkdir(exist_ok=True)
        write_whole(known, json.dumps([path for _, kind, _, path in columns if kind == "commit"]).encode())
    return tuple(json.loads(known.read_bytes()))


def _empty_base(git: Git) -> str:
    """An empty commit, the same in every repository of one object format."""
    tree = git.line("hash-object", "-t", "tree", "-w", "--stdin")
    dates = {"GIT_AUTHOR_DATE": EMPTY_BASE_DATE, "GIT_COMMITTER_DATE": EMPTY_BASE_DATE}
    return git.run("commit-tree", tree, stdin=EMPTY_BASE, environment=dates).decode().strip()


def _check_out(room: Room, facts: Facts) -> None:
    """Write the base's files beside the workspace's path, then rename: a workspace is whole or not there."""
    parent = room.workspace.parent
    remove_trees(list(parent.glob(f".{room.place.migration}.*")))
    building = parent / f".{room.place.migration}.{secrets.token_hex(4)}"
    building.mkdir(parents=True)
    make_git_directory(room, facts, building)
    written = building / ".git" / "index"
    try:
        room.filtered(written, building).run("read-tree", "-u", "--reset", facts.base_commit)
    except GitError as error:
        remove_trees([building])
        raise BaseUnreadable(room.repository.top, error.stderr) from None
    _copy_indexes(room, facts, building, written)
    os.rename(building, room.workspace)


def _copy_indexes(room: Room, facts: Facts, building: Path, written: Path) -> None:
    """Give the private indexes what the checkout knows of its files, times of writing included.

    Where attributes changed bytes on the way, the raw index must look at every byte itself once.
    """
    shutil.copy2(written, room.publish_index)
    if survey(building).converts:
        room.reading(room.index).run("read-tree", facts.base_commit)
    else:
        shutil.copy2(written, room.index)


def _to_trash(room: Room, *paths: Path) -> list[Path]:
    room.trash.mkdir(parents=True, exist_ok=True)
    moved = []
    for path in paths:
        if os.path.lexists(path):
            moved.append(room.trash / f"{path.name}.{secrets.token_hex(4)}")
            os.rename(path, moved[-1])
    return moved
