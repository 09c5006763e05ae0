"""What an agent changed: the files between two kept states, and their patch, line by line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from roadmark.executor.model import Checkpoint, CheckpointKind
from roadmark.executor.places import Places
from roadmark.executor.tracker import MigrationView
from roadmark.executor.workspace.differences import FileDelta, diff, patch_text
from roadmark.web.problems import Refused

PATCH_LIMIT_BYTES = 512 * 1024
_KINDS = {"+": "added", "-": "removed", "@": "place", " ": ""}


@dataclass(frozen=True, slots=True)
class PatchLine:
    """A line of a patch with what it means: added, removed, place, head, or nothing."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The changes since a checkpoint, up to another one or to the workspace as it is (None)."""

    since: Checkpoint
    until: Checkpoint | None
    files: Sequence[FileDelta]
    patch: Sequence[PatchLine]


def changes(places: Places, run: MigrationView, since: str | None, until: str | None) -> Changes:
    """What changed between two checkpoints, else since the last finished phase. Raises: Refused, GitError."""
    start = _named(run, since) if since else _last_kept(run)
    end = _named(run, until) if until else None
    place = places.of(run.migration.id)
    ref = end.ref if end else None
    patch = patch_text(place, start.ref, ref, PATCH_LIMIT_BYTES)
    return Changes(
        since=start, until=end, files=diff(place, start.ref, ref), patch=tuple(_patch_lines(patch))
    )


def _named(run: MigrationView, wanted: str) -> Checkpoint:
    for checkpoint in run.checkpoints:
        if wanted in (checkpoint.id, checkpoint.name):
            return checkpoint
    raise Refused("not-found", "this run has no such checkpoint")


def _last_kept(run: MigrationView) -> Checkpoint:
    """The newest checkpoint of a finished phase, or the first one."""
    kept = [row for row in run.checkpoints if row.kind in (CheckpointKind.START, CheckpointKind.PHASE)]
    if not kept:
        raise Refused("not-found", "nothing was checkpointed yet, so there is nothing to compare")
    return kept[-1]


def _patch_lines(patch: str) -> Iterator[PatchLine]:
    in_body = False
    for text in patch.splitlines():
        if text.startswith("diff --git "):
            in_body = False
        elif text.startswith("@@"):
            in_body = True
        yield PatchLine(_KINDS.get(text[:1], "") if in_body else "head", text)
