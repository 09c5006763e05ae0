"""Put a result on the user's branch: ordinary commits, only forwards, never where somebody works.

A commit carries what changed between two of our states onto whatever the branch holds now, so what others
committed meanwhile stays. Objects go over by a pack, then one compare-and-set moves the branch: killed at any
point, the branch has the commit or it has not.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from roadmark.executor.workspace.branch_names import DEFAULT_PROTECTED, check_branch_name
from roadmark.executor.workspace.checkpoints import check_trailers, publish_tree, read
from roadmark.executor.workspace.errors import BranchMoved, GitError, NothingPublished, PublishConflict
from roadmark.executor.workspace.heads import refuse_where_in_use
from roadmark.executor.workspace.lfs import send_lfs_objects
from roadmark.executor.workspace.merging import Choice, merge_trees
from roadmark.executor.workspace.place import Facts, Place, Room, enter, shown
from roadmark.executor.workspace.terminal_text import clean_line

MIGRATION_TRAILER = "Roadmark-Migration"
SNAPSHOT_TRAILER = "Roadmark-Snapshot"
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who the commits are by."""

    name: str = "Roadmark"
    email: str = "roadmark@localhost"


@dataclass(frozen=True, slots=True)
class Published:
    """The commit that carries a state on the branch."""

    commit: str
    already: bool  # it was there before this call


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is to stand on the branch."""

    branch: str
    tree: str
    snapshot: str
    message: str
    author: Author
    choices: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.branch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ours:
    """Our latest commit on a branch, and the checkpoint that it carried there."""

    commit: str
    snapshot: str


def publish(
    place: Place,
    snapshot_ref: str,
    branch: str,
    message: str,
    trailers: Mapping[str, str],
    *,
    author: Author = Author(),
    protected: Collection[str] = DEFAULT_PROTECTED,
) -> Published:
    """Put the checkpoint on the branch as one commit; the same one twice in a row is put there once.

    Raises: BranchNameRefused, SnapshotUnknown, GitError, and PublishRefused (BranchCheckedOut,
    PublishConflict, BranchMoved).
    """
    check_branch_name(branch, protected)
    with enter(place) as room:
        wish = _wish(room, snapshot_ref, branch, _message(room, message, trailers), author)
        return _advance(room, wish)


def publish_revert(
    place: Place,
    snapshot_ref: str,
    branch: str,
    message: str,
    trailers: Mapping[str, str],
    *,
    author: Author = Author(),
    protected: Collection[str] = DEFAULT_PROTECTED,
    choices: Mapping[str, Choice] | None = None,
) -> Published:
    """Add a commit that takes the branch back to the checkpoint, or to a base commit; others' commits stay.

    `choices` say what becomes of files in which others changed the same lines.

    Raises: NothingPublished, and as `publish`.
    """
    check_branch_name(branch, protected)
    with enter(place) as room:
        wish = _wish(room, snapshot_ref, branch, _message(room, message, trailers), author)
        tip = room.users.find(f"{wish.ref}^{{commit}}")
        if tip is None or not _ours(room, room.facts(), tip):
            raise NothingPublished(branch)
        return _advance(room, replace(wish, choices=choices or {}))


def clashes(place: Place, snapshot_ref: str, branch: str) -> tuple[str, ...]:
    """Paths that a revert to this checkpoint cannot settle by itself: others changed the same lines.

    Raises: SnapshotUnknown, GitError.
    """
    with enter(place) as room:
        facts = room.facts()
        wanted = publish_tree(room, read(room, snapshot_ref).snapshot.commit) or ""
        tip = room.users.find(f"refs/heads/{branch}^{{commit}}")
        ours = [] if tip is None else _ours(room, facts, tip)
        if not ours:
            return ()
        theirs = room.vault.line("rev-parse", f"{tip}^{{tree}}")
        try:
            merge_trees(room, branch, _carried(room, ours[0]), theirs, wanted)
        except PublishConflict as conflict:
            return conflict.paths
        return ()


def conflicts(place: Place, branch: str) -> tuple[str, ...]:
    """Paths that others changed on the branch since our first commit on it."""
    with enter(place) as room:
        ref = f"refs/heads/{branch}"
        tip = room.users.find(f"{ref}^{{commit}}")
        ours = [] if tip is None else _ours(room, room.facts(), tip)
        if tip is None or not ours:
            return ()
        own = {commit.commit for commit in ours}
        since = _lines(room.users.run("rev-list", tip, f"^{ours[-1].commit}"))
        theirs = [commit for commit in since if commit not in own]
        asked = ("diff-tree", "--stdin", "-r", "-m", "-z", "--no-commit-id", "--name-only", "--no-renames")
        listed = room.users.run(*asked, stdin="".join(f"{commit}\n" for commit in theirs).encode())
        return tuple(sorted({shown(path) for path in os.fsdecode(listed).split("\0") if path}))


def _advance(room: Room, wish: _Wish) -> Published:
    """Add the commit; where somebody is quicker, look at what they did and try again."""
    facts = room.facts()
    for _ in range(TRIES):
        refuse_where_in_use(room.repository, room.users, wish.branch)
        tip = room.users.find(f"{wish.ref}^{{commit}}")
        ours = [] if tip is None else _ours(room, facts, tip)
        if ours and ours[0].snapshot == wish.snapshot:
            return Published(ours[0].commit, already=True)
        commit = _commit(room, facts, wish, tip, ours)
        _send(room, commit, tip or (None if facts.rootless else facts.base_commit))
        if _move(room, wish, commit, tip):
            return Published(commit, already=False)
    raise BranchMoved(wish.branch)


def _commit(room: Room, facts: Facts, wish: _Wish, tip: str | None, ours: Sequence[_Ours]) -> str:
    if tip is None:
        tree, parents = wish.tree, () if facts.rootless else ("-p", facts.base_commit)
    else:
        before = (
            _carried(room, ours[0]) if ours else room.vault.line("rev-parse", f"{facts.base_commit}^{{tree}}")
        )
        theirs = room.vault.line("rev-parse", f"{tip}^{{tree}}")
        tree = merge_trees(room, wish.branch, before, theirs, wish.tree, wish.choices)
        parents = ("-p", tip)
    identity = {"GIT_AUTHOR_NAME": wish.author.name, "GIT_AUTHOR_EMAIL": wish.author.email}
    made = room.vault.run("commit-tree", tree, *parents, stdin=wish.message.encode(), environment=identity)
    return made.decode().strip()


def _carried(room: Room, ours: _Ours) -> str:
    """The tree that we put there; after retention dropped its checkpoint, the branch's own."""
    return publish_tree(room, ours.snapshot) or room.vault.line("rev-parse", f"{ours.commit}^{{tree}}")


def _send(room: Room, commit: str, have: str | None) -> None:
    """Copy the commit's objects into the user's repository, where nothing points at them yet."""
    wanted = f"{commit}\n" + (f"^{have}\n" if have else "")
    for leftover in room.private.glob("send-*"):
        leftover.unlink()
    name = room.vault.line("pack-objects", "--revs", "-q", str(room.private / "send"), stdin=wanted.encode())
    send_lfs_objects(room, have or room.facts().base_commit, commit)
    room.users.run("unpack-objects", "-q", stdin=room.private / f"send-{name}.pack")


def _move(room: Room, wish: _Wish, commit: str, tip: str | None) -> bool:
    """Compare and set; False where the branch is no longer at `tip`."""
    reason = f"roadmark: {wish.message.splitlines()[0]}"
    try:
        room.users.run("update-ref", "-m", reason, wish.ref, commit, tip or room.repository.zero)
    except GitError:
        if room.users.find(f"{wish.ref}^{{commit}}") == tip:
            raise
        return False
    return True


def _ours(room: Room, facts: Facts, tip: str) -> list[_Ours]:
    """Our commits that the branch has and the base has not, the latest first."""
    mark = f"{MIGRATION_TRAILER}: {room.place.migration}"
    asked = (
        "log",
        "-z",
        "--topo-order",
        "--encoding=UTF-8",
        "--format=%H%n%B",
        "--fixed-strings",
        f"--grep={mark}",
    )
    without = () if facts.rootless else (f"^{facts.base_commit}",)
    found = []
    for text in filter(None, os.fsdecode(room.users.run(*asked, tip, *without)).split("\0")):
        commit, *message = text.splitlines()
        marks = [
            line.removeprefix(f"{SNAPSHOT_TRAILER}: ")
            for line in message
            if line.startswith(SNAPSHOT_TRAILER)
        ]
        if mark in message and marks:
            found.append(_Ours(commit=commit, snapshot=marks[-1]))
    return found


def _wish(room: Room, snapshot_ref: str, branch: str, message: str, author: Author) -> _Wish:
    snapshot = read(room, snapshot_ref).snapshot.commit
    return _Wish(
        branch=branch,
        tree=publish_tree(room, snapshot) or "",
        snapshot=snapshot,
        message=f"{message}{SNAPSHOT_TRAILER}: {snapshot}\n",
        author=author,
    )


def _message(room: Room, message: str, trailers: Mapping[str, str]) -> str:
    check_trailers(trailers)
    marks = {**trailers, MIGRATION_TRAILER: room.place.migration}
    return f"{clean_message(message)}\n\n" + "".join(f"{key}: {value}\n" for key, value in marks.items())


def clean_message(message: str) -> str:
    """The message without control characters and without lines that could pass for our trailers."""
    lines = (clean_line(line).rstrip() for line in message.strip().splitlines())
    kept = [line for line in lines if not line.startswith("Roadmark-")]
    return "\n".join(kept).strip() or "Work of Roadmark"


def _lines(listed: bytes) -> list[str]:
    return os.fsdecode(listed).split()
