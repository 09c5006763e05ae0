"""What is really there of a migration: its checkpoints, its files, its refs. Looked at, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from roadmark.executor.workspace.checkpoints import records
from roadmark.executor.workspace.place import Place, Room, enter
from roadmark.executor.workspace.rewriting import tree_from_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the vault, the workspace and the user's repository hold."""

    checkpoints: Mapping[str, tuple[str, str]]  # by ref: the commit and its tree
    files_tree: str | None  # read byte for byte; None where there is no workspace
    base_commit: str
    is_base_kept: bool
    holder: str | None  # a branch or tag that holds the commit asked for


def look(place: Place, like_tree: str, commit: str | None) -> Standing:
    """What stands now; `like_tree` is what the files are expected to be, `commit` what was published.

    Raises: WorkspaceUnknown, GitError.
    """
    with enter(place) as room:
        facts = room.facts()
        return Standing(
            checkpoints={
                record.snapshot.ref: (record.snapshot.commit, record.snapshot.tree)
                for record in records(room)
            },
            files_tree=tree_from_bytes(room, facts, like_tree) if room.has_workspace else None,
            base_commit=facts.base_commit,
            is_base_kept=facts.rootless or room.users.find(room.keep_ref) == facts.base_commit,
            holder=None if commit is None else _holder(room, commit),
        )


def _holder(room: Room, commit: str) -> str | None:
    if room.users.find(f"{commit}^{{commit}}") is None:
        return None
    asked = ("for-each-ref", "--count=1", "--format=%(refname)", f"--contains={commit}")
    return room.users.line(*asked, "refs/heads", "refs/remotes", "refs/tags") or None
