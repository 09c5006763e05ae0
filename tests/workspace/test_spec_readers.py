"""Reading spec files: a big one where it can be ended, with the same result as a small one."""

import os
from functools import partial
from pathlib import Path

import pytest
from roadmark.executor.workspace.confined_call import BoundReached, Bounds, call_confined
from roadmark.executor.workspace.spec_readers import (
    BIG_BYTES,
    WORTH_PROCESSES,
    ReadFile,
    Wanted,
    read_alone,
    read_files,
)
from roadmark.ingest.discovery import scan

SPEC = """\
# Long Implementation

## 4. Implementation Phases

#### Phase 1: Only (1 hour)
"""
AMPLE = Bounds(cpu_s=30, memory_bytes=1024 * 1024 * 1024)


def wanted(folder: Path, text: str) -> Wanted:
    (folder / "long.md").write_text(text)
    return Wanted(scan(folder, {}).files["long.md"], ())


def boxes(count: int) -> str:
    return SPEC + "".join(f"- [ ] Do thing number {number}\n" for number in range(count))


def test_a_big_file_is_read_as_a_small_one_is(tmp_path: Path) -> None:
    one = wanted(tmp_path, boxes(3_000))
    assert one.file.size_bytes > BIG_BYTES
    (read,) = read_files(tmp_path, [one])
    assert (len(read.spec.items), read.status, read.spec.can_execute) == (3_000, "pending", True)
    assert read == read_alone(tmp_path, one, AMPLE)


@pytest.mark.parametrize(
    ("bounds", "named"),
    [
        (Bounds(cpu_s=0, memory_bytes=AMPLE.memory_bytes), "it takes more than 0 s"),
        (Bounds(cpu_s=30, memory_bytes=2 * 1024 * 1024), "it takes more than 2 MiB of memory"),
    ],
)
def test_a_file_that_meets_a_limit_is_a_spec_with_a_finding_that_names_it(
    tmp_path: Path, bounds: Bounds, named: str
) -> None:
    read = read_alone(tmp_path, wanted(tmp_path, boxes(9_000)), bounds)
    assert isinstance(read, ReadFile)
    (problem,) = read.spec.problems
    assert (problem.code, problem.line) == ("E001", 1)
    assert named in problem.message
    assert not read.spec.can_execute
    assert read.spec.is_spec


def test_a_call_gives_what_its_function_gives() -> None:
    assert call_confined(partial(pow, 2, 10), AMPLE) == 1024


def test_a_call_whose_process_dies_is_told() -> None:
    with pytest.raises(BoundReached, match="ended with 7"):
        call_confined(partial(os._exit, 7), AMPLE)


def test_what_comes_from_another_process_is_what_was_read(tmp_path: Path) -> None:
    texts = [
        boxes(3),
        "no spec at all\n",
        "",
        SPEC + '```json\n{"a": [1, null]}\n```\n| a | b |\n|---|---|\n',
    ]
    for number in range(WORTH_PROCESSES):
        (tmp_path / f"{number}-implementation.md").write_text(f"{texts[number % 4]}\n")
    files = [Wanted(file, ()) for file in scan(tmp_path, {}).files.values()]
    here = [read for file in files for read in read_files(tmp_path, [file])]
    assert list(read_files(tmp_path, files)) == here
    assert len(here) == WORTH_PROCESSES
