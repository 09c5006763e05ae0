"""The spec files that a command was given: files as they are, folders by their spec files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from roadmark.ingest.discovery import read_content, scan
from roadmark.ingest.reader import read_spec
from roadmark.ingest.spec import Spec


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file with its bytes and what they say."""

    path: Path
    content: bytes
    spec: Spec


@dataclass(frozen=True, slots=True)
class Reading:
    """The files that could be read, and a message for each that could not."""

    files: tuple[ReadFile, ...]
    missing: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """2 where a file is not there, 1 where a spec cannot be executed, else 0."""
        if self.missing:
            return 2
        return int(any(read.spec.is_spec and not read.spec.can_execute for read in self.files))


def read_paths(paths: tuple[Path, ...]) -> Reading:
    """Reads every file, and every spec file of every folder."""
    files: list[ReadFile] = []
    missing: list[str] = []
    for path in _expand(paths):
        content = read_content(path.parent, path.name)
        if content is None:
            missing.append(f"{path}: no such file, or it cannot be read")
        else:
            files.append(ReadFile(path, content, read_spec(PurePosixPath(path.as_posix()), content)))
    return Reading(tuple(files), tuple(missing))


def _expand(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (path / name for name in sorted(scan(path).files))
        else:
            yield path
