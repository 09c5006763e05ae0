"""Carry what changed between two of our states onto a tree that others may have changed meanwhile."""

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from roadmark.executor.workspace.errors import GitError, PublishConflict
from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.place import Room, shown

ALL_STAGES = {"1", "2", "3"}
FILES = {"100644", "100755"}


class Choice(StrEnum):
    """What becomes of a file in which both sides changed the same lines."""

    KEEP = "keep"
    """It stays as people have it on the branch."""
    TAKE = "take"
    """It becomes what we have."""
    BOTH = "both"
    """It stays, and ours is put beside it."""


BESIDE = ".roadmark"
"""The ending of a file that is put beside another."""


def merge_trees(
    room: Room,
    branch: str,
    before: str,
    theirs: str,
    ours: str,
    choices: Mapping[str, Choice] = MappingProxyType({}),
) -> str:
    """The tree with both sides' changes since `before`: file by file, then line by line.

    Where both changed the same lines it is as `choices` say, by path.

    Raises: PublishConflict, naming the paths for which nothing is chosen.
    """
    if theirs in (before, ours):
        return ours
    if ours == before:
        return theirs
    index = room.private / "index.merge"
    index.unlink(missing_ok=True)
    git = room.merging(index)
    git.run("read-tree", "-i", "-m", "--aggressive", before, theirs, ours)
    clashing = []
    for path, stages in _unmerged(git).items():
        if _merge_file(room, git, path, stages):
            continue
        if shown(path) in choices:
            _put(room, git, path, stages, choices[shown(path)])
        else:
            clashing.append(path)
    if clashing:
        raise PublishConflict(branch, sorted(map(shown, clashing)))
    tree = git.line("write-tree")
    index.unlink()
    return tree


def _unmerged(git: Git) -> dict[str, dict[str, tuple[str, str]]]:
    """For each path that both sides touched: stage → (mode, object)."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for entry in filter(None, os.fsdecode(git.run("ls-files", "-u", "-z")).split("\0")):
        head, _, path = entry.partition("\t")
        mode, oid, stage = head.split(" ")
        found.setdefault(path, {})[stage] = (mode, oid)
    return found


def _merge_file(room: Room, git: Git, path: str, stages: Mapping[str, tuple[str, str]]) -> bool:
    """Merge the lines of one file; False where that cannot be done cleanly."""
    modes = [mode for mode, _ in stages.values()]
    if stages.keys() != ALL_STAGES or not FILES.issuperset(modes):
        return False
    merged = _merge_lines(room, git, [stages[stage][1] for stage in ("2", "1", "3")])
    if merged is None:
        return False
    base_mode, their_mode, our_mode = (stages[stage][0] for stage in ("1", "2", "3"))
    mode = our_mode if their_mode == base_mode else their_mode
    oid = git.run("hash-object", "-w", "--stdin", stdin=merged).decode().strip()
    git.run("update-index", "-z", "--index-info", stdin=os.fsencode(f"{mode} {oid} 0\t{path}\0"))
    return True


def _put(room: Room, git: Git, path: str, stages: Mapping[str, tuple[str, str]], choice: Choice) -> None:
    """Settle a path as it was chosen; a side that deleted the file has no stage."""
    theirs, ours = stages.get("2"), stages.get("3")
    stays = ours if choice is Choice.TAKE or (choice is Choice.BOTH and theirs is None) else theirs
    lines = [f"0 {room.repository.zero}\t{path}\0"]
    lines += [f"{stays[0]} {stays[1]} 0\t{path}\0"] if stays else []
    if choice is Choice.BOTH and theirs and ours:
        lines.append(f"{ours[0]} {ours[1]} 0\t{path}{BESIDE}\0")
    git.run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)))


def _merge_lines(room: Room, git: Git, objects: Sequence[str]) -> bytes | None:
    paths = [room.private / f"merge.{side}" for side in ("theirs", "before", "ours")]
    for path, oid in zip(paths, objects, strict=True):
        path.write_bytes(git.run("cat-file", "blob", oid))
    try:
        return git.run("merge-file", "-p", "-q", *map(str, paths))
    except GitError:  # its status is the number of conflicts, 255 for binary files
        return None
