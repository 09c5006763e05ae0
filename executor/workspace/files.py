"""Write a file whole, delete a folder that resists."""

import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from roadmark.executor.workspace.calling import call


def write_whole(path: Path, content: bytes) -> None:
    """Write the file so that it is there with all of its content or not at all, a power cut included."""
    building = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with building.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(building, path)
    _sync_folder(path.parent)


def remove_trees(paths: Sequence[Path]) -> None:
    """Delete files and folders, unreadable folders within included; never follows a symbolic link.

    By rm: it copes with folders nested deeper than a path can name, which Python's own way does not.

    Raises: OSError where something could not be deleted.
    """
    for path in paths:
        _open_folders(path)
    for at in range(0, len(paths), 500):
        arguments = ("rm", "-rf", "--", *map(str, paths[at : at + 500]))
        ended = call(arguments)
        if ended.returncode:
            raise OSError(ended.stderr.decode(errors="replace").strip())


def open_folder(path: Path | str) -> None:
    """Give ourselves back a folder of ours that was made unreadable or unwritable, where that is possible."""
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        with suppress(OSError):
            os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) | stat.S_IRWXU)


def _open_folders(path: Path) -> None:
    waiting = [] if path.is_symlink() or not path.is_dir() else [str(path)]
    while waiting:
        folder = waiting.pop()
        open_folder(folder)
        with suppress(OSError), os.scandir(folder) as entries:
            waiting.extend(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
