"""What the rest of the house calls to keep, compare and bring back the states of a workspace."""

from roadmark.executor.workspace.checkpoints import find_marked, list_checkpoints, take_checkpoint
from roadmark.executor.workspace.differences import FileDelta, diff, patch_text
from roadmark.executor.workspace.restore import restore
from roadmark.executor.workspace.rewriting import Proof, Snapshot

__all__ = [
    "FileDelta",
    "Proof",
    "Snapshot",
    "diff",
    "find_marked",
    "list_checkpoints",
    "patch_text",
    "restore",
    "take_checkpoint",
]
