"""``roadmark check --fix``: writes the corrections into the files."""

import os
from collections.abc import Iterator
from pathlib import Path

from roadmark.cli.spec_files import ReadFile
from roadmark.cli.spec_text import safe
from roadmark.ingest.fix import apply_fixes, find_fixes


def fix_files(files: tuple[ReadFile, ...]) -> Iterator[str]:
    """Corrects each file that can be, and says what was done; a file that changed meanwhile is left alone."""
    for read in files:
        fixes = find_fixes(read.path, read.content)
        fixed = apply_fixes(read.content, fixes)
        if fixed == read.content:
            continue
        if read.path.read_bytes() != read.content:
            yield f"{read.path}: changed meanwhile, left as it is"
            continue
        _replace(read.path, fixed)
        yield from (safe(f"{read.path}:{fix.line}: fixed: {fix.reason}") for fix in fixes)


def _replace(path: Path, content: bytes) -> None:
    """Writes beside the file and renames, so that no reader sees half of it; the mode stays."""
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    beside.write_bytes(content)
    beside.chmod(target.stat().st_mode & 0o7777)
    beside.replace(target)
