"""Pushes a published branch to the remote that the operator named: forwards only, and only that branch."""

import re

from roadmark.executor.workspace.branch_names import check_branch_name
from roadmark.executor.workspace.errors import PushFailed, RemoteRefused
from roadmark.executor.workspace.place import Place, enter
from roadmark.executor.workspace.remote_git import talk

REMOTE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")

PUSH = ("push", "--porcelain", "--no-verify", "--receive-pack=git-receive-pack", "--")


def push(place: Place, branch: str, remote: str) -> None:
    """Bring the branch to the remote. Raises: BranchNameRefused, PushFailed, which says why."""
    check_branch_name(branch, ())
    if not REMOTE_NAME.fullmatch(remote):
        raise PushFailed(branch, remote, "that is no name of a remote")
    ref = f"refs/heads/{branch}"
    with enter(place) as room:
        try:
            url = talk(room.users, "remote", "get-url", "--push", "--", remote).strip()
            talk(room.users, *PUSH, url, f"{ref}:{ref}")
        except RemoteRefused as error:
            raise PushFailed(branch, remote, error.why) from None
