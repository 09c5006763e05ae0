"""One walk over a workspace that an agent may have left in any state, before git is let near it."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.workspace.files import open_folder

# Files that git opens by name while it lists others; a pipe under such a name makes it wait for ever.
READ_BY_GIT = frozenset({".gitignore", ".gitattributes", ".gitmodules"})
ATTRIBUTES_THAT_CHANGE_BYTES = re.compile(rb"\b(text|eol|crlf|filter|ident|working-tree-encoding)\b")
ATTRIBUTES_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What stands out; paths relative to the workspace."""

    nested: tuple[str, ...]  # folders with a .git of their own
    removed: tuple[str, ...]  # pipes and devices that git would have waited on
    unreadable: tuple[str, ...]  # folders that could not be opened, even after trying to
    converts: bool  # some .gitattributes asks for bytes other than those in the work tree


def survey(workspace: Path) -> Survey:
    """Walk the workspace; opens folders that were made unreadable, removes what git would hang on."""
    nested: list[str] = []
    removed: list[str] = []
    unreadable: list[str] = []
    converts = False
    for folder, entries in _folders(workspace, unreadable):
        for entry in entries:
            path = f"{folder}{entry.name}"
            if entry.name == ".git" and folder:
                nested.append(folder.rstrip("/"))
            elif entry.name in READ_BY_GIT and _is_special(entry):
                os.unlink(entry.path)
                removed.append(path)
            elif entry.name == ".gitattributes" and entry.is_file(follow_symlinks=False):
                converts = converts or _converts(Path(entry.path))
    return Survey(
        nested=tuple(sorted(nested)), removed=tuple(removed), unreadable=tuple(unreadable), converts=converts
    )


def _folders(workspace: Path, unreadable: list[str]) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Every folder ("" or "path/") with its entries; never inside a .git, never through a symbolic link."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = _entries(f"{workspace}/{folder}")
        except OSError:
            unreadable.append(folder.rstrip("/"))
            continue
        yield folder, entries
        waiting.extend(
            f"{folder}{entry.name}/"
            for entry in entries
            if entry.name != ".git" and entry.is_dir(follow_symlinks=False)
        )


def _entries(path: str) -> list[os.DirEntry[str]]:
    open_folder(path)
    with os.scandir(path) as found:
        return list(found)


def _is_special(entry: os.DirEntry[str]) -> bool:
    return not (
        entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False) or entry.is_symlink()
    )


def _converts(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return bool(ATTRIBUTES_THAT_CHANGE_BYTES.search(file.read(ATTRIBUTES_LIMIT_BYTES)))
    return True  # unreadable: the careful answer
