"""A clone of the remote in the state directory: the repository of a host that shares no disk with the others.

Its branches are a copy of the remote's, fetched before each use; a commit of ours counts once it is pushed.
"""

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from roadmark.executor.workspace.errors import BranchMoved, RemoteRefused
from roadmark.executor.workspace.files import remove_trees
from roadmark.executor.workspace.locks import hold
from roadmark.executor.workspace.place import LOCK_TIMEOUT_S, Place, Room, enter
from roadmark.executor.workspace.publish import TRIES, Published
from roadmark.executor.workspace.pushing import PUSH
from roadmark.executor.workspace.remote_git import CLONING_S, clone, talk

_FETCH = (
    "fetch",
    "-q",
    "--prune",
    "--no-tags",
    "--no-write-fetch-head",
    "--upload-pack=git-upload-pack",
    "--",
)

_MOVED = ("[rejected]", "cannot lock ref")
"""What a push says where somebody else's came first: seen beforehand, or by the remote in the same moment."""

Publish = Callable[[], Published]


def clone_of(state_dir: Path, url: str) -> Path:
    """Where the clone of this remote lies, or will lie."""
    return state_dir.resolve() / "clones" / f"{hashlib.sha256(os.fsencode(url)).hexdigest()[:16]}.git"


def make_clone(state_dir: Path, url: str) -> None:
    """Clone the remote where that was not done yet, whole or not at all. Raises: RemoteRefused."""
    path = clone_of(state_dir, url)
    if path.is_dir():
        return
    with hold(path.with_suffix(".lock"), CLONING_S):
        remove_trees(list(path.parent.glob(f".{path.name}.*")))
        if not path.is_dir():
            building = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            clone(url, building)
            os.rename(building, path)


def fetch(room: Room, url: str) -> None:
    """Bring the clone up to the remote: every branch, and what was sent of this migration's checkpoints.

    Raises: RemoteRefused.
    """
    with hold(room.repository_lock, LOCK_TIMEOUT_S):
        talk(room.users, *_FETCH, url, "+refs/heads/*:refs/heads/*", f"+{room.refs}/*:{room.sent}/*")


def publish_there(place: Place, url: str, branch: str, publish: Publish) -> Published:
    """Publish on the branch as the remote has it, and push; anew where somebody else was quicker.

    Raises: RemoteRefused, BranchMoved, and what `publish` raises.
    """
    for _ in range(TRIES):
        with enter(place) as room:
            fetch(room, url)
        published = publish()
        if published.already or _push(place, url, branch, published.commit):
            return published
    raise BranchMoved(branch)


def _push(place: Place, url: str, branch: str, commit: str) -> bool:
    """Whether the remote took the commit; False where its branch has moved on meanwhile."""
    with enter(place) as room:
        try:
            talk(room.users, *PUSH, url, f"{commit}:refs/heads/{branch}")
        except RemoteRefused as error:
            if any(word in error.why for word in _MOVED):
                return False
            raise
    return True
