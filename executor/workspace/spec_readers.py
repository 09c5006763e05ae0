"""Reads many spec files on all cores; a few are read where one is."""

import logging
import multiprocessing
import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from roadmark.executor.workspace.confined_call import BoundReached, Bounds, call_confined
from roadmark.executor.workspace.value_pickles import pickled
from roadmark.ingest.discovery import FoundFile, read_content
from roadmark.ingest.families import Family, join_families
from roadmark.ingest.files_of_phase import PhaseFiles, assign_files
from roadmark.ingest.reader import read_spec, refuse_spec
from roadmark.ingest.spec import Spec

log = logging.getLogger(__name__)

WORTH_PROCESSES = 64
"""Fewer files than this are read sooner than processes are started."""

_CHUNK = 8

_NICE = 5
"""How far the readers step back behind the service that answers meanwhile."""

BIG_BYTES = 64 * 1024
"""A file above this is read in a process of its own; smaller ones cannot keep anybody waiting."""

BOUNDS = Bounds(cpu_s=5, memory_bytes=256 * 1024 * 1024)
"""What the reading of a big file may take."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A main file, and the paths of the others of its family."""

    file: FoundFile
    companions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A spec, how far its family says it is, its files by phase, and the text and hash it was read from."""

    spec: Spec
    status: str
    assigned: tuple[PhaseFiles, ...]
    text: str
    sha256: str


def read_files(folder: Path, wanted: Sequence[Wanted]) -> Iterator[ReadFile]:
    """The files in order as they are read; those that vanished meanwhile are left out."""
    reads = _here(folder, wanted) if len(wanted) < WORTH_PROCESSES else _on_all_cores(folder, wanted)
    return (read for read in reads if read is not None)


def _here(folder: Path, wanted: Sequence[Wanted]) -> Iterator[ReadFile | None]:
    return map(partial(_read_bounded, folder), wanted)


def _on_all_cores(folder: Path, wanted: Sequence[Wanted]) -> Iterator[ReadFile | None]:
    """As `_here`; what is left when a process dies (no memory, say) is read here."""
    finished = 0
    # Not forked: the service has threads, whose locks a fork would copy as they happen to be.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(os.cpu_count(), context, os.nice, (_NICE,)) as pool:
            try:
                for pickled in pool.map(partial(_read_pickled, folder), wanted, chunksize=_CHUNK):
                    finished += 1
                    yield pickle.loads(pickled)  # noqa: S301 - our own child's
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    except BrokenProcessPool:
        log.warning("reading %s in processes failed after %s files; going on without them", folder, finished)
        yield from _here(folder, wanted[finished:])


def _read_pickled(folder: Path, wanted: Wanted) -> bytes:
    """As `_read_bounded`, unpickled by its taker: the pool's thread would do it beside the writer lane."""
    return pickled(_read_bounded(folder, wanted))


def _read_bounded(folder: Path, wanted: Wanted) -> ReadFile | None:
    """As `_read`; a big file, which may be meant to hold everything up, where it can be ended."""
    if wanted.file.size_bytes <= BIG_BYTES:
        return _read(folder, wanted)
    return read_alone(folder, wanted, BOUNDS)


def read_alone(folder: Path, wanted: Wanted, bounds: Bounds) -> ReadFile | None:
    """The file, read in a process of its own; one that meets a limit is a spec whose finding names it."""
    try:
        return call_confined(partial(_read, folder, wanted), bounds)
    except BoundReached as reached:
        log.warning("reading %s was ended: %s", wanted.file.path, reached)
        spec = refuse_spec(PurePosixPath(wanted.file.path), f"{reached} to read this file")
        return ReadFile(spec, "pending", (), "", wanted.file.sha256)


def _read(folder: Path, wanted: Wanted) -> ReadFile | None:
    content = read_content(folder, wanted.file.path)
    if content is None:
        return None
    family = _family(folder, read_spec(PurePosixPath(wanted.file.path), content), wanted.companions)
    spec = replace(family.main, problems=(*family.main.problems, *family.problems))
    text = content.decode("utf-8", "replace")
    return ReadFile(spec, family.status, assign_files(spec), text, wanted.file.sha256)


def _family(folder: Path, main: Spec, companions: Sequence[str]) -> Family:
    """The main file's family; others that vanished meanwhile have no opinion."""
    contents = ((path, read_content(folder, path)) for path in companions)
    others = [read_spec(PurePosixPath(path), content) for path, content in contents if content is not None]
    return next(family for family in join_families([main, *others]) if family.main.path == main.path)
