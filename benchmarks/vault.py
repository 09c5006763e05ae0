"""Measure workspaces, checkpoints and rollbacks against bare git; prints a table and fails over the limits.

    python benchmarks/vault.py [files ...]        default: 2000 50000

Each figure is the median of five, on a repository made in the temporary folder. A step touches one file in
twenty.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.vault import restore, take_checkpoint
from roadmark.executor.workspace.workspace import open_workspace

REPEATS = 5
EVERY = 20
SMALL_FILES = 2_000
OPEN_AT_MOST = 4.0
CHECKPOINT_AT_MOST = 2.0
RESTORE_AT_MOST_S = 1.0
ANYTHING_AT_MOST_S = 10.0
IDENTITY = ("-c", "gc.auto=0", "-c", "user.name=bench", "-c", "user.email=bench@example.org")
ENVIRONMENT = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Seconds, each the median of the repeats."""

    worktree_s: float
    open_s: float
    commit_s: float
    checkpoint_s: float
    restore_s: float


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ("git", *IDENTITY, *arguments), cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL
    )


def make_repository(folder: Path, files: int) -> Path:
    repository = folder / "repository"
    for number in range(files):
        path = repository / f"d{number % 97}" / f"e{number % 7}" / f"file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# file {number}\n" + f"value_{number} = {number}\n" * 20)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "base")
    git(repository, "gc", "-q")
    return repository


def change(folder: Path, word: str) -> None:
    """Edit one file in twenty, add and delete a few."""
    paths = sorted(path for path in folder.rglob("*.py"))
    for path in paths[::EVERY]:
        path.write_text(path.read_text() + f"{word}\n")
    for path in paths[1 :: EVERY * 10]:
        path.unlink()
    for number in range(max(1, len(paths) // (EVERY * 10))):
        (folder / f"new-{word}-{number}.py").write_text(f"{word}\n")


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def measure(folder: Path, files: int) -> Figures:
    repository = make_repository(folder, files)
    rows = [_once(folder, repository, turn) for turn in range(REPEATS)]
    worktree, opened, commit, checkpoint, restored = (
        statistics.median(column) for column in zip(*rows, strict=True)
    )
    return Figures(
        worktree_s=worktree, open_s=opened, commit_s=commit, checkpoint_s=checkpoint, restore_s=restored
    )


def _once(folder: Path, repository: Path, turn: int) -> tuple[float, ...]:
    bare = folder / f"worktree{turn}"
    worktree = timed(lambda: git(repository, "worktree", "add", "-q", "--detach", str(bare)))
    place = Place(repository=repository, state_dir=folder / f"state{turn}", migration=str(uuid.uuid4()))
    opened = timed(lambda: open_workspace(place))
    start = take_checkpoint(place, "start", {})
    workspace = folder / f"state{turn}" / "workspaces" / place.migration
    for target in (bare, workspace):
        change(target, f"turn{turn}")

    def commit_all() -> None:
        git(bare, "add", "-A")
        git(bare, "commit", "-qm", "work")

    commit = timed(commit_all)
    checkpoint = timed(lambda: take_checkpoint(place, "work", {}))
    restored = timed(lambda: restore(place, start.ref))
    return worktree, opened, commit, checkpoint, restored


def over_limits(files: int, figures: Figures) -> list[str]:
    slowest_s = max(figures.open_s, figures.checkpoint_s, figures.restore_s)
    found = [f"{files}: {slowest_s:.1f} s"] if slowest_s > ANYTHING_AT_MOST_S else []
    if files <= SMALL_FILES:
        if figures.open_s > OPEN_AT_MOST * figures.worktree_s:
            found.append(f"{files}: opening takes over {OPEN_AT_MOST:g} x git worktree add")
        if figures.checkpoint_s > CHECKPOINT_AT_MOST * figures.commit_s:
            found.append(f"{files}: a checkpoint takes over {CHECKPOINT_AT_MOST:g} x git add and commit")
        if figures.restore_s > RESTORE_AT_MOST_S:
            found.append(f"{files}: a rollback takes over {RESTORE_AT_MOST_S:g} s")
    return found


def row(files: int, found: Figures) -> str:
    opening, keeping = found.open_s / found.worktree_s, found.checkpoint_s / found.commit_s
    cells = (
        f"{files:,}",
        f"{found.worktree_s:.3f} s",
        f"{found.open_s:.3f} s",
        f"{opening:.1f}",
        f"{found.commit_s:.3f} s",
        f"{found.checkpoint_s:.3f} s",
        f"{keeping:.1f}",
        f"{found.restore_s:.3f} s",
    )
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> int:
    problems = []
    print("| files | worktree add | open | x | add + commit | checkpoint | x | rollback with proof |")
    print("|---|---|---|---|---|---|---|---|")
    for files in [int(argument) for argument in arguments] or [SMALL_FILES, 50_000]:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), files)
        print(row(files, found), flush=True)
        problems += over_limits(files, found)
    for problem in problems:
        print(f"over the limit: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
