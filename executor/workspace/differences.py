"""What differs between two states of a workspace."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from roadmark.executor.workspace.checkpoints import present_state, publish_tree, read
from roadmark.executor.workspace.errors import SnapshotUnknown
from roadmark.executor.workspace.place import Place, Room, enter, shown

MEBIBYTE = 1024 * 1024
_Named = tuple[str, str, str | None]
COMPARED = ("--no-ext-diff", "--no-textconv", "--find-renames", "-l1000")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDelta:
    """One file that differs. Lines are counted as git does; None for binary files."""

    status: str  # A added, M modified, D deleted, R renamed, T changed between file and link
    path: str
    old_path: str | None
    added: int | None
    removed: int | None


def diff(place: Place, from_ref: str, to_ref: str | None) -> tuple[FileDelta, ...]:
    """What would have to change to get from one checkpoint to another, or to the working state (None).

    Refs are those of checkpoints, or ids of commits of the repository. Bytes are compared.

    Raises: SnapshotUnknown, WorkspaceUnknown, GitError.
    """
    with enter(place) as room:
        before = _tree(room, from_ref)
        after = present_state(room).tree if to_ref is None else _tree(room, to_ref)
        asked = ("diff-tree", "-r", "-z", "--raw", "--numstat", *COMPARED, before, after)
        fields = iter(os.fsdecode(room.vault.run(*asked)).split("\0"))
        return tuple(_deltas(fields))


def patch_text(place: Place, from_ref: str, to_ref: str | None, limit_bytes: int = 10 * MEBIBYTE) -> str:
    """The same as a patch that `git apply` takes, as the branch would get it, cut at the limit.

    Raises: SnapshotUnknown, WorkspaceUnknown, GitError.
    """
    with enter(place) as room:
        before = _published(room, from_ref)
        after = present_state(room).publish_tree if to_ref is None else _published(room, to_ref)
        asked = ("diff-tree", "-r", "-p", "--binary", "--full-index", *COMPARED, before, after)
        patch = room.vault.run(*asked)
    cut = f"\n... cut at {limit_bytes} bytes\n" if len(patch) > limit_bytes else ""
    return patch[:limit_bytes].decode(errors="replace") + cut


def _tree(room: Room, ref: str) -> str:
    tree = room.vault.find(f"{ref}^{{tree}}")
    if tree is None:
        raise SnapshotUnknown(ref)
    return tree


def _published(room: Room, ref: str) -> str:
    """The tree as a branch gets it: of a checkpoint, or of a commit of the repository."""
    if not ref.startswith("refs/"):
        return _tree(room, ref)
    return publish_tree(room, read(room, ref).snapshot.commit) or _tree(room, ref)


def _deltas(fields: Iterator[str]) -> Iterator[FileDelta]:
    """First a line a file (`:modes objects status`, then its paths), then the counts in the same order."""
    files: list[_Named] = []
    for field in fields:
        if not field.startswith(":"):
            yield from _counted(files, field, fields)
            return
        status = field.rsplit(" ", 1)[-1][0]
        old_path = next(fields) if status == "R" else None
        files.append((status, next(fields), old_path))


def _counted(
    files: list[tuple[str, str, str | None]], first: str, rest: Iterator[str]
) -> Iterator[FileDelta]:
    counts = first
    for status, path, old_path in files:
        added, removed, _ = counts.split("\t", 2)
        for _ in range(
            2 if old_path is not None else 0
        ):  # a renamed file's paths come in fields of their own
            next(rest)
        yield FileDelta(
            status=status,
            path=shown(path),
            old_path=None if old_path is None else shown(old_path),
            added=None if added == "-" else int(added),
            removed=None if removed == "-" else int(removed),
        )
        counts = next(rest)
