"""From the files of a workspace to a tree, exactly: untracked files, modes, links and nested repositories in.

Git is asked what changed; what may be taken is decided here, file by file, because the workspace is hostile.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from roadmark.executor.workspace.errors import GitError, GitTimeout
from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.place import Facts, Room, shown
from roadmark.executor.workspace.survey import Survey, survey

SEED = ".roadmark-seed"
DEEPEST_NESTING = 16
SHOWN_AT_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The state of a workspace as trees in the vault."""

    tree: str  # byte for byte
    publish_tree: str  # as git would commit it: attributes applied, submodules as commits
    not_covered: tuple[str, ...]


class Fate(Enum):
    """What becomes of one changed path."""

    TAKE = auto()
    DROP = auto()
    SKIP = auto()


def stage(room: Room, facts: Facts) -> Staged:
    """Bring the private indexes up to date with the workspace and write the trees.

    Raises: GitError.
    """
    seen = survey(room.workspace)
    tree, skipped = stage_healed(room, facts, seen)
    second = seen.converts or skipped or any(_populated(room, link) for link in facts.gitlinks)
    return Staged(
        tree=tree,
        publish_tree=_stage_publish(room, facts) if second else tree,
        not_covered=_not_covered(room, seen, skipped),
    )


def stage_healed(room: Room, facts: Facts, seen: Survey) -> tuple[str, tuple[str, ...]]:
    """As `stage_raw` on the private index; one that a power cut damaged is thrown away and made again."""
    try:
        return stage_raw(room, facts, room.index, seen)
    except GitTimeout:
        raise
    except GitError:
        room.index.unlink(missing_ok=True)
        room.publish_index.unlink(missing_ok=True)
        return stage_raw(room, facts, room.index, seen)


def stage_raw(room: Room, facts: Facts, index: Path, seen: Survey) -> tuple[str, tuple[str, ...]]:
    """The tree of the workspace's bytes, and the paths that could not be taken."""
    if not index.exists():
        room.reading(index).run("read-tree", facts.base_commit)
    git = room.raw(index)
    links = [link for link in facts.gitlinks if _populated(room, link)]
    _seed(git, room, links)
    changed = _changed_everywhere(git, room)
    skipped = _apply(git, room, changed)
    return git.line("write-tree", "--missing-ok"), (*skipped, *(f"{path}/" for path in seen.unreadable))


def _stage_publish(room: Room, facts: Facts) -> str:
    git = room.filtered(room.publish_index)
    if not room.publish_index.exists():
        git.run("read-tree", facts.base_commit)
    changed = _changed_everywhere(git, room)
    submodules = {link for link in facts.gitlinks if _populated(room, link)}
    fates = _fates(room, changed)
    _drop(git, room, [path for path, fate in fates.items() if fate is Fate.DROP and path not in submodules])
    _take_converted(
        git, room, [path for path, fate in fates.items() if fate is Fate.TAKE or path in submodules]
    )
    return git.line("write-tree", "--missing-ok")


def _changed_everywhere(git: Git, room: Room) -> list[str]:
    """As `_changed`, nested repositories entered; those within them come to light level by level."""
    changed = _changed(git)
    for _ in range(DEEPEST_NESTING):
        hidden = [path.rstrip("/") for path in changed if path.endswith("/")]
        if not hidden:
            break
        _seed(git, room, hidden)
        changed = _changed(git)
    return changed


def _changed(git: Git) -> list[str]:
    """Paths that are new, changed or gone; a nested repository that git will not enter ends in '/'."""
    listed = git.run("ls-files", "-z", "--others", "--modified", "--exclude-standard", "--deduplicate")
    return [path for path in os.fsdecode(listed).split("\0") if path]


def _apply(git: Git, room: Room, changed: Sequence[str]) -> tuple[str, ...]:
    fates = _fates(room, changed)
    _drop(git, room, [path for path, fate in fates.items() if fate is not Fate.TAKE])
    _take(git, [path for path, fate in fates.items() if fate is Fate.TAKE])
    return tuple(path for path, fate in fates.items() if fate is Fate.SKIP)


def _fates(room: Room, changed: Iterable[str]) -> dict[str, Fate]:
    links: dict[str, bool] = {"": False}
    return {
        path: Fate.DROP if _is_behind_link(room, path.rpartition("/")[0], links) else _fate(room, path)
        for path in changed
    }


def _is_behind_link(room: Room, folder: str, links: dict[str, bool]) -> bool:
    """Whether a folder, or one above it, is a symbolic link now: then what git had there is gone."""
    if folder not in links:
        above = _is_behind_link(room, folder.rpartition("/")[0], links)
        links[folder] = above or os.path.islink(room.workspace / folder)
    return links[folder]


def _fate(room: Room, path: str) -> Fate:
    if any(part.lower() == ".git" for part in path.split("/")):
        return Fate.SKIP  # no index can hold it
    try:
        found = os.lstat(room.workspace / path)
    except OSError:
        return Fate.DROP
    if stat.S_ISDIR(found.st_mode):
        return Fate.SKIP if path.endswith("/") else Fate.DROP
    if stat.S_ISLNK(found.st_mode):
        return Fate.SKIP if path.rsplit("/", 1)[-1].lower() == ".gitmodules" else Fate.TAKE
    if not stat.S_ISREG(found.st_mode) or found.st_size > room.place.file_limit_bytes:
        return Fate.SKIP
    return Fate.TAKE if _readable(room.workspace / path, found.st_mode) else Fate.SKIP


def _readable(path: Path, mode: int) -> bool:
    """Git keeps no permission but 'executable', so one that is in the way may be lifted."""
    if os.access(path, os.R_OK):
        return True
    try:
        path.chmod(stat.S_IMODE(mode) | stat.S_IRUSR)
    except OSError:
        return False
    return os.access(path, os.R_OK)


def _drop(git: Git, room: Room, paths: Iterable[str]) -> None:
    lines = [f"0 {room.repository.zero}\t{path}\0" for path in paths if not path.endswith("/")]
    if lines:
        git.run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)))


def _take(git: Git, paths: Sequence[str]) -> None:
    if paths:
        stdin = os.fsencode("".join(f"{path}\0" for path in paths))
        git.run("update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=stdin)


def _take_converted(git: Git, room: Room, paths: Sequence[str]) -> None:
    """As `_take`; a file that git cannot convert as its attributes ask is taken as it is."""
    try:
        _take(git, paths)
    except GitError:
        if len(paths) > 1:
            half = len(paths) // 2
            _take_converted(git, room, paths[:half])
            _take_converted(git, room, paths[half:])
            return
        blob = git.line("hash-object", "-w", "--no-filters", "--", paths[0])
        mode = "100755" if os.lstat(room.workspace / paths[0]).st_mode & stat.S_IXUSR else "100644"
        git.run("update-index", "-z", "--index-info", stdin=os.fsencode(f"{mode} {blob}\t{paths[0]}\0"))


def _seed(git: Git, room: Room, folders: Sequence[str]) -> None:
    """Make git take these folders for ordinary ones: it enters a folder that has an entry in the index.

    The entry names a file that does not exist, so the next update drops it again.
    """
    if folders:
        zero, blob = room.repository.zero, git.line("hash-object", "-w", "--stdin")
        lines = [f"0 {zero}\t{path}\0" + f"100644 {blob}\t{path}/{SEED}\0" for path in folders]
        git.run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(lines)))


def _populated(room: Room, link: str) -> bool:
    """Whether a submodule's folder holds anything."""
    try:
        with os.scandir(room.workspace / link) as entries:
            return next(entries, None) is not None
    except OSError:
        return False


def _not_covered(room: Room, seen: Survey, skipped: Iterable[str]) -> tuple[str, ...]:
    """Paths that stay out of the checkpoint, nested repositories' histories among them."""
    listed = sorted({*skipped, *seen.removed, *_histories(room, seen)})
    rest = len(listed) - SHOWN_AT_MOST
    return (*map(shown, listed[:SHOWN_AT_MOST]), *([f"... and {rest} more"] if rest > 0 else ()))


def _histories(room: Room, seen: Survey) -> list[str]:
    """The .git of each nested repository whose files are covered (not of those in ignored folders)."""
    if not seen.nested:
        return []
    listed = os.fsdecode(room.raw(room.index).run("ls-files", "-z")).split("\0")
    folders = {path[:cut] for path in listed for cut in _slashes(path)}
    return [f"{path}/.git" for path in seen.nested if path in folders]


def _slashes(path: str) -> list[int]:
    return [position for position, letter in enumerate(path) if letter == "/"]
