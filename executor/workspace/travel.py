"""Checkpoints on their way from host to host, by the remote, where no disk is shared.

On the remote a checkpoint is `refs/roadmark/<migration>/<checkpoint's commit>`: an envelope, a commit whose
first parent is the checkpoint and whose others are its base and the checkpoint before it. The remote has
these, so only what is new travels. A name stands for one content: whoever sends late overwrites nothing.
"""

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from roadmark.executor.workspace.checkpoints import ATTEMPT_TRAILER, Record, record_of, records
from roadmark.executor.workspace.clone import fetch
from roadmark.executor.workspace.errors import CheckpointElsewhere
from roadmark.executor.workspace.files import remove_trees, write_whole
from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.git_directory import EMPTY_BASE_DATE
from roadmark.executor.workspace.place import Facts, Place, Room, enter
from roadmark.executor.workspace.pushing import PUSH
from roadmark.executor.workspace.remote_git import talk
from roadmark.executor.workspace.rewriting import rewrite
from roadmark.executor.workspace.workspace import settle

ENVELOPE = b"A checkpoint of Roadmark, on its way\n"
_DATES = {"GIT_AUTHOR_DATE": EMPTY_BASE_DATE, "GIT_COMMITTER_DATE": EMPTY_BASE_DATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the rows say of a migration that may have been worked on elsewhere.

    `refs` are its checkpoints by their commits, `stands_at` is the commit of the one that its workspace is at
    between two attempts, `published` what is on its branch; `marks` are the attempts that are open, whose
    checkpoints may be there although no row says so.
    """

    base_commit: str | None
    fence: int
    refs: Mapping[str, str]
    stands_at: str | None
    published: str | None
    marks: Collection[str]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the workspace here was left at: under which claim, or, for a look only, at which checkpoint."""

    fence: int
    commit: str | None


def send_checkpoints(place: Place, url: str) -> None:
    """Bring the remote every checkpoint that it lacks. Raises: RemoteRefused, WorkspaceUnknown."""
    with enter(place) as room:
        facts, taken = room.facts(), records(room)
        sent = _names(room.vault, room.sent)
        envelopes = {
            record.snapshot.commit: _envelope(room, facts, record, taken[at - 1] if at else None)
            for at, record in enumerate(taken)
            if record.snapshot.commit not in sent
        }
        if envelopes:
            wanted = (f"{envelope}:{room.refs}/{commit}" for commit, envelope in envelopes.items())
            talk(room.vault, *PUSH, url, *wanted)
            _note_sent(room, envelopes)


def take_up(place: Place, url: str, known: Known) -> bool:
    """Have what the remote has, and the workspace as it was left, to be worked on from now.

    A workspace that was last worked on here is left as it is. True where it was made from what came from
    elsewhere; the agent's HOME, which knows nothing of that, is new then.

    Raises: RemoteRefused, CheckpointElsewhere, BaseUnknown, RestoreNotExact, GitError.
    """
    with enter(place) as room:
        fetch(room, url)
        is_ours = _standing(room).fence in (known.fence - 1, known.fence)
        is_made = known.stands_at is not None and not is_ours
        if known.refs:
            _bring(room, _facts(room, known), known)
        if is_made:
            _stand(room, known)
            remove_trees([room.home])
        _note_standing(room, _Standing(known.fence, None))
        return is_made


def look_in(place: Place, url: str, known: Known) -> None:
    """Have the checkpoints here, and the workspace as it is elsewhere; nothing where it is worked on here.

    Raises: as `take_up`.
    """
    with enter(place) as room:
        standing = _standing(room)
        is_as_left = standing.commit == known.stands_at and _has(room, known.published)
        if known.stands_at is None or standing.fence >= known.fence or is_as_left:
            return
        fetch(room, url)
        _bring(room, _facts(room, known), known)
        _stand(room, known)
        _note_standing(room, _Standing(0, known.stands_at))


def take_back(place: Place, url: str) -> None:
    """Delete the migration's checkpoints from the remote. Raises: RemoteRefused."""
    with enter(place) as room:
        fetch(room, url)
        names = _names(room.users, room.sent)
        if names:
            talk(room.users, *PUSH, url, *(f":{room.refs}/{name}" for name in names))
            fetch(room, url)
        gone = "".join(f"delete {room.sent}/{name}\n" for name in _names(room.vault, room.sent))
        room.vault.run("update-ref", "--stdin", stdin=gone.encode())


def _has(room: Room, commit: str | None) -> bool:
    return commit is None or room.users.find(f"{commit}^{{commit}}") is not None


def _facts(room: Room, known: Known) -> Facts:
    """The facts that the rows tell; others are of an opening that no row knows, and go with what it made."""
    facts = settle(room, known.base_commit, None)
    if facts.base_commit == known.base_commit:
        return facts
    for made in (room.private / "facts.json", room.index, room.publish_index):
        made.unlink(missing_ok=True)
    return settle(room, known.base_commit, None)


def _bring(room: Room, facts: Facts, known: Known) -> None:
    """Put into the vault what the remote has of the checkpoints that are known or looked for."""
    here = {record.snapshot.commit for record in records(room)}
    for commit, envelope in _names(room.users, room.sent).items():
        if commit in here or room.vault.find(f"{envelope}^1") != commit:
            continue
        ref = known.refs.get(commit) or _open_ref(room, commit, known.marks)
        if ref is not None:
            wanted = f"{envelope}\n^{facts.base_commit}\n".encode()
            room.vault.run("pack-objects", "-q", "--revs", "objects/pack/pack", stdin=wanted)
            room.vault.run("update-ref", ref, commit)
            _note_sent(room, [commit])


def _open_ref(room: Room, commit: str, marks: Collection[str]) -> str | None:
    """The ref of a checkpoint that no row knows, where it was left by an attempt that is open."""
    record = record_of(room, commit) if marks else None
    if record is None or record.trailers.get(ATTEMPT_TRAILER) not in marks:
        return None
    return record.snapshot.ref


def _stand(room: Room, known: Known) -> None:
    snapshots = (record.snapshot for record in records(room))
    target = next((one for one in snapshots if one.commit == known.stands_at), None)
    if target is None:
        raise CheckpointElsewhere(known.refs[known.stands_at or ""])
    rewrite(room, room.facts(), target, from_the_start=False)


def _envelope(room: Room, facts: Facts, record: Record, before: Record | None) -> str:
    tree = room.vault.line("hash-object", "-t", "tree", "-w", "--stdin")
    parents = [record.snapshot.commit, facts.base_commit, *([before.snapshot.commit] if before else [])]
    asked = ("commit-tree", tree, *(part for parent in parents for part in ("-p", parent)))
    return os.fsdecode(room.vault.run(*asked, stdin=ENVELOPE, environment=_DATES)).strip()


def _names(git: Git, folder: str) -> dict[str, str]:
    """The last part of each ref in the folder, with what it points at."""
    listed = git.line("for-each-ref", "--format=%(refname:lstrip=3) %(objectname)", f"{folder}/")
    return dict(line.split(" ", 1) for line in listed.splitlines() if line)


def _note_sent(room: Room, commits: Collection[str]) -> None:
    lines = "".join(f"update {room.sent}/{commit} {commit}\n" for commit in commits)
    room.vault.run("update-ref", "--stdin", stdin=lines.encode())


def _standing(room: Room) -> _Standing:
    try:
        stored = json.loads(room.standing.read_bytes())
    except FileNotFoundError:
        return _Standing(0, None)
    return _Standing(stored["fence"], stored["commit"])


def _note_standing(room: Room, standing: _Standing) -> None:
    content = {"fence": standing.fence, "commit": standing.commit}
    write_whole(room.standing, json.dumps(content).encode())
