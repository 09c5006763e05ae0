"""Create files below a folder and nowhere else, whatever links and names stand in the way."""

import os
import unicodedata
from pathlib import Path

from roadmark.executor.errors import RoadmarkError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_MOST_PARTS = 40
_WILD = frozenset("*?[]{}<>|")


class PathRefused(RoadmarkError):
    """The path leaves the workspace, or is no path of a file."""

    def __init__(self, path: str, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path!r} is not created: {why}")


def create_file(root: Path, path: str, content: bytes) -> bool:
    """Create the file with its folders; False where something is there already, which stays as it is.

    Every folder on the way is opened without following links, so that none leads out.

    Raises: PathRefused.
    """
    *folders, name = _parts(path)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            inner = _enter(folder, part, path)
            os.close(folder)
            folder = inner
        return _create(folder, name, path, content)
    finally:
        os.close(folder)


def _parts(path: str) -> list[str]:
    """The path's parts, checked. Raises: PathRefused."""
    if path.startswith(("/", "~", "\\")) or path[1:3] in (":\\", ":/"):
        raise PathRefused(path, "it is not relative to the workspace")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
        raise PathRefused(path, "it holds control characters")
    if _WILD & set(path):
        raise PathRefused(path, "it is a pattern, not one file")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or len(parts) > _MOST_PARTS:
        raise PathRefused(path, "it is not a path below the workspace")
    if any(part.rstrip(". ").casefold() == ".git" for part in parts):
        raise PathRefused(path, "git's own folder is not touched")
    return parts


def _enter(folder: int, part: str, path: str) -> int:
    try:
        try:
            return os.open(part, _FOLDER, dir_fd=folder)
        except FileNotFoundError:
            os.mkdir(part, dir_fd=folder)
            return os.open(part, _FOLDER, dir_fd=folder)
    except OSError as error:
        raise PathRefused(path, f"{part!r} is not a folder to go through ({error.strerror})") from error


def _create(folder: int, name: str, path: str, content: bytes) -> bool:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        descriptor = os.open(name, flags, 0o644, dir_fd=folder)
    except FileExistsError:
        return False
    except OSError as error:
        raise PathRefused(path, error.strerror or "it cannot be opened") from error
    with open(descriptor, "wb") as file:
        file.write(content)
    return True
