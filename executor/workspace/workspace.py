"""Open and remove the workspace of a migration: a private repository that borrows the user's objects.

Nothing is shared with the user's checkout but objects, read only. What is written to the user's repository is
one ref, `refs/roadmark/keep/<migration>`, so that their gc keeps what the workspace borrows.
"""

import json
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from roadmark.executor.workspace.checkpoints import make_again, records
from roadmark.executor.workspace.errors import BaseUnknown, BaseUnreadable, GitError, WorkspaceUnknown
from roadmark.executor.workspace.files import remove_trees, write_whole
from roadmark.executor.workspace.git_directory import empty_base, make_git_directory, make_vault
from roadmark.executor.workspace.locks import hold
from roadmark.executor.workspace.place import LOCK_TIMEOUT_S, Facts, Place, Room, enter
from roadmark.executor.workspace.survey import survey


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


def open_workspace(place: Place, base: str | None = None, branch: str | None = None) -> OpenWorkspace:
    """The migration's workspace, made where it does not exist.

    It begins at `base`; without one where `branch` stands, so that work which is on it already is gone on
    with; without that at the repository's HEAD.

    Doing it again is harmless: the base stays the one of the first time. A workspace whose folder was lost is
    made again from its latest checkpoint.

    Raises: NotARepository, BaseUnknown, BaseUnreadable, GitError, LockTimeout.
    """
    with enter(place) as room:
        facts = settle(room, base, branch)
        made = not room.has_workspace
        if made and records(room):
            make_again(room, facts)
        elif made:
            room.workspace.unlink(missing_ok=True)
            _check_out(room, facts)
        return OpenWorkspace(path=room.workspace, base_commit=facts.base_commit, made=made)


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


def settle(room: Room, base: str | None, branch: str | None) -> Facts:
    """The facts of the first time, or those of now, written down before anything is made from them.

    Raises: BaseUnknown, GitError.
    """
    try:
        return room.facts()
    except WorkspaceUnknown:
        with hold(room.repository_lock, LOCK_TIMEOUT_S):
            make_vault(room)
        commit = _found(room, base, branch)
        facts = Facts(
            base_commit=commit or empty_base(room.vault),
            rootless=commit is None,
            gitlinks=() if commit is None else _borrow_base(room, commit),
        )
        write_whole(room.private / "facts.json", json.dumps(asdict(facts)).encode())
        return facts


def _found(room: Room, base: str | None, branch: str | None) -> str | None:
    """The commit to begin at; None in a repository without any."""
    if base is not None:
        commit = room.users.find(f"{base}^{{commit}}")
        if commit is None and base != empty_base(room.vault):
            raise BaseUnknown(room.repository.top, base)
        return commit
    own = room.users.find(f"refs/heads/{branch}^{{commit}}") if branch is not None else None
    return own or room.users.find("HEAD^{commit}")


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
        room.merging(room.index).run("read-tree", facts.base_commit)
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
