"""The files below a folder whose names end in a certain way, found as often as one likes.

A folder in which no name came or went is not read again: its own time of change says so. Such times are as
fine as the kernel's clock, so that a folder which changed just before it was read is read once more.

Source: POSIX.1-2024, the effects of open(), rename() and unlink() on the last modification of a directory.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SETTLED_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Listing:
    """What was in a folder: which it was and when it had changed last, and whether that was long ago then."""

    version: tuple[int, int]
    is_settled: bool
    files: tuple[Path, ...]
    folders: tuple[Path, ...]


class NamedFiles:
    """Finds the files of one ending; links to folders are not followed."""

    def __init__(self, root: Path, suffix: str) -> None:
        self._root, self._suffix = root, suffix
        self._listings: dict[Path, _Listing] = {}

    def find(self) -> list[Path]:
        """All there are, in order; nothing where the folder is not there."""
        before, self._listings = self._listings, {}
        return sorted(self._below(self._root, before))

    def _below(self, folder: Path, before: dict[Path, _Listing]) -> Iterator[Path]:
        try:
            listing = self._listed(folder, before.get(folder))
        except OSError:  # it went meanwhile, or nobody may look into it
            return
        self._listings[folder] = listing
        yield from listing.files
        for inner in listing.folders:
            yield from self._below(inner, before)

    def _listed(self, folder: Path, known: _Listing | None) -> _Listing:
        state = os.stat(folder)
        version = state.st_ino, state.st_mtime_ns
        if known is not None and known.is_settled and known.version == version:
            return known
        is_settled = time.time_ns() - state.st_mtime_ns > _SETTLED_NS
        with os.scandir(folder) as entries:
            found = list(entries)
        folders = tuple(Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False))
        files = tuple(Path(entry.path) for entry in found if entry.name.endswith(self._suffix))
        return _Listing(version, is_settled, files, folders)
