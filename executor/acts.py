"""What was done and undone in a run, with the two states between which each act's changes lie."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roadmark.executor.model import Checkpoint, CheckpointKind, Rollback, RollbackState
from roadmark.executor.tracker import MigrationView


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A phase that landed or a rollback. `since` and `until` are None where there is nothing to compare."""

    at: datetime
    what: str
    by: str
    why: str
    since: Checkpoint | None
    until: Checkpoint | None
    tree: str | None = None
    checks: Sequence[Mapping[str, Any]] = ()


def acts_of(view: MigrationView) -> tuple[Act, ...]:
    """The acts of a run, the oldest first."""
    return tuple(sorted((*_landings(view), *_rollbacks(view)), key=lambda act: act.at))


def _landings(view: MigrationView) -> Iterator[Act]:
    before: Checkpoint | None = None
    for checkpoint in view.checkpoints:
        if checkpoint.kind is CheckpointKind.PHASE:
            yield Act(
                at=checkpoint.at,
                what=f"phase {checkpoint.phase} landed as {checkpoint.name}",
                by=f"agent {view.migration.agent}",
                why="",
                since=before,
                until=checkpoint,
                tree=checkpoint.tree,
            )
        if checkpoint.kind in (CheckpointKind.START, CheckpointKind.PHASE):
            before = checkpoint
        before = _gone_back(view, checkpoint) or before


def _gone_back(view: MigrationView, safety: Checkpoint) -> Checkpoint | None:
    """Where a rollback led that this checkpoint was taken for: what lands next starts there."""
    done = (RollbackState.DONE, RollbackState.UNDONE)
    led = [one for one in view.rollbacks if one.safety_checkpoint_id == safety.id and one.state in done]
    return _checkpoint(view, led[0].checkpoint_id) if led else None


def _rollbacks(view: MigrationView) -> Iterator[Act]:
    for rollback in view.rollbacks:
        is_done = rollback.state in (RollbackState.DONE, RollbackState.UNDONE)
        result = rollback.result or {}
        yield Act(
            at=rollback.finished_at or rollback.requested_at,
            what=_told(view, rollback),
            by=rollback.actor,
            why=rollback.reason,
            since=_checkpoint(view, rollback.safety_checkpoint_id) if is_done else None,
            until=_checkpoint(view, rollback.checkpoint_id) if is_done else None,
            tree=result.get("tree"),
            checks=result.get("checks", ()),
        )


def _told(view: MigrationView, rollback: Rollback) -> str:
    target = _checkpoint(view, rollback.checkpoint_id)
    to = target.name if target else rollback.plan["to"]
    match rollback.state:
        case RollbackState.REQUESTED:
            return f"rollback to {to}, under way"
        case RollbackState.REFUSED:
            return f"rollback to {to}, refused: {(rollback.result or {}).get('reason', '')}"
        case _:
            undone = ", undone later" if rollback.state is RollbackState.UNDONE else ""
            return f"rolled back to {to}{undone}" if not rollback.undoes else f"rollback undone{undone}"


def _checkpoint(view: MigrationView, checkpoint_id: str | None) -> Checkpoint | None:
    return next((one for one in view.checkpoints if one.id == checkpoint_id), None)
