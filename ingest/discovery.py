"""The spec files of a folder: which there are, and what came, changed, moved or went since last time."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from roadmark.ingest.source import DEFAULT_LIMITS

SUFFIXES = (".md", ".markdown")
OTHER_NAMES = ("tasks.json",)
IGNORED_NAMES = ("readme.md", "changelog.md", "contributing.md", "license.md")
REPLY_SUFFIX = ".reply.md"
"""A person's reply to the spec beside it; it and what it is renamed to are no specs."""
HIDDEN_FOLDERS = (".kiro", ".taskmaster", ".specify")
FOLDER_DEPTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A spec file as it is on disk; ``path`` is relative to the folder, with forward slashes.

    ``sha256`` is that of the content; of a file over the size limit, that of its beginning and its size.
    """

    path: str
    sha256: str
    size_bytes: int
    modified_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that looks like a spec and is not read, with the reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What a folder holds now (``files``, by path) and what is new against the known files."""

    files: Mapping[str, FoundFile]
    added: tuple[FoundFile, ...]
    changed: tuple[FoundFile, ...]
    moved: tuple[tuple[str, FoundFile], ...]
    """Old path and the file where it is now; its content is the same."""
    removed: tuple[FoundFile, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    path: str
    size_bytes: int
    modified_ns: int
    inode: int


def scan(folder: Path, known: Mapping[str, FoundFile] | None = None) -> Scan:
    """The spec files below ``folder``; files whose size, time and inode are as known are not read again.

    Ignored: editors' swap and backup files, README.md and its kind, hidden folders, links that lead out of
    the folder, and everything that is no regular file. A folder that is not there holds nothing.
    """
    before = known or {}
    files: dict[str, FoundFile] = {}
    skipped: list[Skipped] = []
    for seen in _walk(folder, skipped):
        old = before.get(seen.path)
        found = old if old and _is_same(old, seen) else _hashed(folder, seen, skipped)
        if found is not None:
            files[seen.path] = found
    return _compare(before, files, tuple(skipped))


def read_content(folder: Path, path: str) -> bytes | None:
    """The bytes of a found file, at most one more than the size limit; None where it cannot be read."""
    try:
        handle = os.open(folder / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        return file.read(DEFAULT_LIMITS.size_bytes + 1)


def content_hash(content: bytes) -> str:
    """The sha256 that a found file of this content has."""
    return hashlib.sha256(content).hexdigest()


def is_spec_name(name: str) -> bool:
    """Whether a file of this name may hold a spec: no hidden, swap or backup file, no README.

    >>> is_spec_name("login.md"), is_spec_name(".login.md.swp"), is_spec_name("README.md")
    (True, False, False)
    """
    low = name.casefold()
    if low.startswith((".", "#", "~")) or low.endswith("~") or low in IGNORED_NAMES:
        return False
    if ".reply." in low and low.endswith(".md"):
        return False
    return low.endswith(SUFFIXES) or low in OTHER_NAMES


def _walk(root: Path, skipped: list[Skipped]) -> Iterator[_Seen]:
    waiting = [("", 0)]
    while waiting:
        below, depth = waiting.pop()
        try:
            entries = sorted(os.scandir(root / below), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if _is_open_folder(entry.name) and depth < FOLDER_DEPTH:
                    waiting.append((f"{path}/", depth + 1))
            elif is_spec_name(entry.name):
                seen = _look(root, entry, path, skipped)
                if seen is not None:
                    yield seen


def _is_open_folder(name: str) -> bool:
    return not name.startswith(".") or name in HIDDEN_FOLDERS


def _look(root: Path, entry: "os.DirEntry[str]", path: str, skipped: list[Skipped]) -> _Seen | None:
    try:
        entry.name.encode("utf-8")
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root.resolve()):
            skipped.append(Skipped(path, "a link that leads out of the folder"))
            return None
        status = entry.stat()
    except UnicodeEncodeError:
        skipped.append(Skipped(ascii(path), "a name that is not UTF-8"))
        return None
    except (OSError, RuntimeError) as error:
        skipped.append(Skipped(path, f"cannot be read: {error}"))
        return None
    if not stat.S_ISREG(status.st_mode):
        skipped.append(Skipped(path, "not a regular file"))
        return None
    return _Seen(path, status.st_size, status.st_mtime_ns, status.st_ino)


def _is_same(old: FoundFile, seen: _Seen) -> bool:
    return (old.size_bytes, old.modified_ns, old.inode) == (seen.size_bytes, seen.modified_ns, seen.inode)


def _hashed(folder: Path, seen: _Seen, skipped: list[Skipped]) -> FoundFile | None:
    content = read_content(folder, seen.path)
    if content is None:
        skipped.append(Skipped(seen.path, "cannot be read"))
        return None
    tail = f":{seen.size_bytes}".encode() if len(content) > DEFAULT_LIMITS.size_bytes else b""
    return FoundFile(
        path=str(PurePosixPath(seen.path)),
        sha256=content_hash(content + tail),
        size_bytes=seen.size_bytes,
        modified_ns=seen.modified_ns,
        inode=seen.inode,
    )


def _compare(
    before: Mapping[str, FoundFile], files: dict[str, FoundFile], skipped: tuple[Skipped, ...]
) -> Scan:
    gone = {path: old for path, old in before.items() if path not in files}
    moved: list[tuple[str, FoundFile]] = []
    added: list[FoundFile] = []
    for path, found in files.items():
        if path in before:
            continue
        source = next((old for old in gone.values() if old.sha256 == found.sha256), None)
        if source is None:
            added.append(found)
        else:
            del gone[source.path]
            moved.append((source.path, found))
    return Scan(
        files=files,
        added=tuple(added),
        changed=tuple(
            new for path, new in files.items() if path in before and before[path].sha256 != new.sha256
        ),
        moved=tuple(moved),
        removed=tuple(gone.values()),
        skipped=skipped,
    )
