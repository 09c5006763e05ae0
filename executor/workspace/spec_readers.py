"""Reads many spec files on all cores; a few are read where one is."""

import logging
import multiprocessing
import os
import pickle
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from roadmark.ingest.discovery import FoundFile, read_content
from roadmark.ingest.files_of_phase import PhaseFiles, assign_files
from roadmark.ingest.reader import read_spec
from roadmark.ingest.spec import Spec

log = logging.getLogger(__name__)

WORTH_PROCESSES = 64
"""Fewer files than this are read sooner than processes are started."""

_CHUNK = 8


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A spec with its files by phase, and the text and hash that it was read from."""

    spec: Spec
    assigned: tuple[PhaseFiles, ...]
    text: str
    sha256: str


def read_files(folder: Path, files: Sequence[FoundFile]) -> Iterator[ReadFile]:
    """The files in order as they are read; those that vanished meanwhile are left out."""
    reads = _here(folder, files) if len(files) < WORTH_PROCESSES else _on_all_cores(folder, files)
    return (read for read in reads if read is not None)


def _here(folder: Path, files: Sequence[FoundFile]) -> Iterator[ReadFile | None]:
    return map(partial(_read, folder), files)


def _on_all_cores(folder: Path, files: Sequence[FoundFile]) -> Iterator[ReadFile | None]:
    """As `_here`; what is left when a process dies (no memory, say) is read here."""
    finished = 0
    # Not forked: the service has threads, whose locks a fork would copy as they happen to be.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
            for pickled in pool.map(partial(_read_pickled, folder), files, chunksize=_CHUNK):
                finished += 1
                yield pickle.loads(pickled)  # noqa: S301 - our own child's
    except BrokenProcessPool:
        log.warning("reading %s in processes failed after %s files; going on without them", folder, finished)
        yield from _here(folder, files[finished:])


def _read_pickled(folder: Path, file: FoundFile) -> bytes:
    """As `_read`, unpickled by whoever takes it: the pool's own thread would do it beside the writer lane."""
    return pickle.dumps(_read(folder, file), pickle.HIGHEST_PROTOCOL)


def _read(folder: Path, file: FoundFile) -> ReadFile | None:
    content = read_content(folder, file.path)
    if content is None:
        return None
    spec = read_spec(PurePosixPath(file.path), content)
    return ReadFile(spec, assign_files(spec), content.decode("utf-8", "replace"), file.sha256)
