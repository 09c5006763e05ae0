"""Rewrite a workspace so that it is what a checkpoint says, and compute its tree again from every byte."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.workspace.errors import RestoreNotExact
from roadmark.executor.workspace.files import remove_trees
from roadmark.executor.workspace.git_directory import make_git_directory
from roadmark.executor.workspace.place import Facts, Room, shown
from roadmark.executor.workspace.staging import SHOWN_AT_MOST, stage_healed, stage_raw
from roadmark.executor.workspace.survey import survey


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A checkpoint: the state of a workspace, kept under a ref of the vault."""

    ref: str
    commit: str
    tree: str
    not_covered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a restore did, and the two hashes that must be one."""

    snapshot_ref: str
    expected_tree: str
    actual_tree: str
    removed: tuple[str, ...]
    restored: tuple[str, ...]
    kept_ignored: tuple[str, ...]  # ignored files and files over the size limit: left as they are


def rewrite(room: Room, facts: Facts, target: Snapshot, *, from_the_start: bool) -> Proof:
    """Make the workspace what `target` says; `from_the_start` also deletes what no checkpoint covers.

    Raises: RestoreNotExact, GitError.
    """
    _make_folder(room, facts)
    before, skipped = stage_healed(room, facts, survey(room.workspace))
    _write_files(room, target)
    keep = set() if from_the_start else _to_keep(room, target, skipped)
    removed = _clear(room, facts, _tracked(room), keep)
    actual = tree_from_bytes(room, facts, target.tree)
    if actual != target.tree:
        actual = _write_from_nothing(room, facts, target, keep)
    if actual != target.tree:
        raise RestoreNotExact(target.ref, target.tree, actual, _differing(room, actual, target.tree))
    gone, written = _changes(room, before, target.tree)
    return Proof(
        snapshot_ref=target.ref,
        expected_tree=target.tree,
        actual_tree=actual,
        removed=_listed({*gone, *removed}),
        restored=_listed(written),
        kept_ignored=_listed(path for path in keep if not path.endswith("/.git")),
    )


def _make_folder(room: Room, facts: Facts) -> None:
    """The workspace's folder, wherever the agent left it, with a fresh `.git`."""
    if not room.has_workspace:
        room.workspace.unlink(missing_ok=True)
        room.workspace.mkdir(parents=True)
    remove_trees([room.workspace / ".git"])
    make_git_directory(room, facts, room.workspace)
    room.filtered(room.workspace / ".git" / "index").run("read-tree", facts.base_commit)


def _write_files(room: Room, target: Snapshot) -> None:
    room.reading(room.index).run("read-tree", "-u", "--reset", target.tree)


def _write_from_nothing(room: Room, facts: Facts, target: Snapshot, keep: set[str]) -> str:
    """The second try: delete every file, then write all of them; returns the tree that came of it."""
    _clear(room, facts, set(), keep)
    room.index.unlink(missing_ok=True)
    _write_files(room, target)
    return tree_from_bytes(room, facts, target.tree)


def tree_from_bytes(room: Room, facts: Facts, like_tree: str) -> str:
    """The workspace's tree by an index that knows no file's times, so that every byte is read.

    `like_tree` is the tree that it is expected to be.
    """
    index = room.private / "index.proof"
    index.unlink(missing_ok=True)
    room.reading(index).run("read-tree", like_tree)
    tree, _ = stage_raw(room, facts, index, survey(room.workspace))
    index.unlink()
    return tree


def _tracked(room: Room) -> set[str]:
    return set(_paths(room.raw(room.index).run("ls-files", "-z")))


def _to_keep(room: Room, target: Snapshot, skipped: Iterable[str]) -> set[str]:
    """Paths that are no part of the checkpoint and not ours to delete."""
    asked = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    ignored = {path.rstrip("/") for path in _paths(room.raw(room.index).run(*asked))}
    too_large = {path for path in skipped if _is_file(room.workspace / path)}
    named = {path for path in target.not_covered if os.path.lexists(room.workspace / path)}
    return ignored | too_large | named


def _clear(room: Room, facts: Facts, tracked: set[str], keep: Collection[str]) -> list[str]:
    """Delete what is neither tracked nor kept, empty folders and submodules' contents too."""
    files = tracked.difference(facts.gitlinks)
    staying = {".git", *files, *keep}
    folders = {path[:at] for path in (*tracked, *keep) for at, letter in enumerate(path) if letter == "/"}
    folders |= tracked.intersection(facts.gitlinks)
    extra = list(_extra(room.workspace, staying, folders))
    with suppress(OSError):  # what resists shows in the proof
        remove_trees([room.workspace / path for path in extra])
    return [path for path in extra if not path.endswith("/.git")]


def _extra(workspace: Path, staying: Collection[str], folders: Collection[str]) -> Iterator[str]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        with suppress(NotADirectoryError, FileNotFoundError), os.scandir(workspace / folder) as entries:
            for entry in entries:
                path = f"{folder}{entry.name}"
                if path in folders and entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                elif path not in staying:
                    yield path


def _changes(room: Room, before: str, after: str) -> tuple[list[str], list[str]]:
    """Which paths went and which were written between two trees."""
    asked = ("diff-tree", "-r", "-z", "--no-renames", "--name-status", before, after)
    fields = list(_paths(room.vault.run(*asked)))
    pairs = list(zip(fields[::2], fields[1::2], strict=True))
    gone = [path for status, path in pairs if status == "D"]
    return gone, [path for status, path in pairs if status != "D"]


def _differing(room: Room, actual: str, expected: str) -> list[str]:
    gone, written = _changes(room, actual, expected)
    return sorted(map(shown, (*gone, *written)))


def _listed(paths: Iterable[str]) -> tuple[str, ...]:
    ordered = sorted(map(shown, paths))
    rest = len(ordered) - SHOWN_AT_MOST
    return (*ordered[:SHOWN_AT_MOST], *([f"... and {rest} more"] if rest > 0 else ()))


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _paths(listed: bytes) -> Iterator[str]:
    return (path for path in os.fsdecode(listed).split("\0") if path)
