"""Bring a workspace back to a checkpoint, with a proof."""

from roadmark.executor.workspace.checkpoints import START, read
from roadmark.executor.workspace.place import Place, enter
from roadmark.executor.workspace.rewriting import Proof, rewrite


def restore(place: Place, snapshot_ref: str) -> Proof:
    """Make the workspace what it was at the checkpoint; repeat it freely, also after a crash in the middle.

    The workspace's own `.git` is made anew. Ignored files stay, except when going back to the checkpoint
    named 'start': then everything made since goes. Take a checkpoint first: then this too can be undone.

    Raises: SnapshotUnknown, WorkspaceUnknown, RestoreNotExact, GitError.
    """
    with enter(place) as room:
        target = read(room, snapshot_ref).snapshot
        return rewrite(room, room.facts(), target, from_the_start=target.ref == f"{room.refs}/{START}")
