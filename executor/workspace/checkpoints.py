"""Checkpoints: commits in the vault, a bare repository of Roadmark's own for each project.

A checkpoint is a commit made with the vault as git directory, the workspace as work tree and a private index:
what an agent did to its own `.git`, HEAD or index does not matter. Refs are only created, never moved.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from roadmark.executor.workspace.errors import CheckpointExists, NameRefused, SnapshotUnknown, WorkspaceLost
from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.place import Facts, Place, Room, checked_name, enter
from roadmark.executor.workspace.rewriting import Snapshot, rewrite
from roadmark.executor.workspace.staging import Staged, stage

START = "start"
ATTEMPT_TRAILER = "Roadmark-Attempt"
NAME_TRAILER = "Roadmark-Checkpoint"
NUMBER_TRAILER = "Roadmark-Number"
NOT_COVERED_TRAILER = "Roadmark-Not-Covered"
OWN_TRAILERS = frozenset({NAME_TRAILER, NUMBER_TRAILER, NOT_COVERED_TRAILER})
_TRAILER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_FORMAT = "%(refname)%00%(objectname)%00%(tree)%00%(contents)%00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A checkpoint as it lies in the vault."""

    snapshot: Snapshot
    trailers: Mapping[str, str]

    @property
    def number(self) -> int:
        """The order in which the migration's checkpoints were taken."""
        return int(self.trailers[NUMBER_TRAILER])


def take_checkpoint(place: Place, name: str, trailers: Mapping[str, str]) -> Snapshot:
    """Keep the workspace as it is now under `name`; the same name with the same trailers is taken once.

    Raises: WorkspaceUnknown, CheckpointExists, NameRefused, GitError.
    """
    checked_name("checkpoint name", name)
    check_trailers(trailers)
    with enter(place) as room:
        ref = f"{room.refs}/{name}"
        taken = records(room)
        for record in taken:
            if record.snapshot.ref == ref:
                return _same(record, trailers)
        number = taken[-1].number + 1 if taken else 1
        return _take(room, ref, {NAME_TRAILER: name, NUMBER_TRAILER: str(number), **trailers})


def find_marked(place: Place, trailer_value: str) -> Snapshot | None:
    """The checkpoint that an attempt left, by the value of its Roadmark-Attempt trailer."""
    with enter(place) as room:
        for record in records(room):
            if record.trailers.get(ATTEMPT_TRAILER) == trailer_value:
                return record.snapshot
    return None


def list_checkpoints(place: Place) -> tuple[Snapshot, ...]:
    """Every checkpoint of the migration, oldest first."""
    with enter(place) as room:
        return tuple(record.snapshot for record in records(room))


def forget_checkpoints(room: Room) -> None:
    """Delete every checkpoint of the migration; the vault's gc then frees what nothing else holds."""
    gone = "".join(f"delete {record.snapshot.ref} {record.snapshot.commit}\n" for record in records(room))
    room.vault.run("update-ref", "--stdin", stdin=gone.encode())


def records(room: Room) -> list[Record]:
    """Every checkpoint of the migration, oldest first; none where there is no vault yet."""
    if not room.vault_dir.is_dir():
        return []
    return _records(room.vault, f"{room.refs}/")


def read(room: Room, ref: str) -> Record:
    """One checkpoint of this migration. Raises: SnapshotUnknown."""
    if ref.startswith(f"{room.refs}/"):
        for record in records(room):
            if record.snapshot.ref == ref:
                return record
    raise SnapshotUnknown(ref)


def record_of(room: Room, commit: str) -> Record | None:
    """What is written on a checkpoint that has no ref here; None where the commit is no such thing."""
    tree, _, message = room.vault.run("show", "-s", "--format=%T%n%B", commit).decode().partition("\n")
    try:
        record = _record("", commit, tree, message)
        name = checked_name("checkpoint name", record.trailers[NAME_TRAILER])
    except (KeyError, ValueError, NameRefused):
        return None
    return replace(record, snapshot=replace(record.snapshot, ref=f"{room.refs}/{name}"))


def publish_tree(room: Room, commit: str) -> str | None:
    """The tree that a branch gets for this checkpoint; None where the vault does not have it."""
    return room.vault.find(f"{commit}^1^{{tree}}") or room.vault.find(f"{commit}^{{tree}}")


def present_state(room: Room) -> Staged:
    """The trees of the workspace as it is now.

    A workspace whose folder is gone is first made again from its latest checkpoint: the files are lost, the
    work up to there is not.

    Raises: WorkspaceUnknown, WorkspaceLost, RestoreNotExact, GitError.
    """
    facts = room.facts()
    if not room.has_workspace:
        make_again(room, facts)
    return stage(room, facts)


def make_again(room: Room, facts: Facts) -> None:
    """Make a lost workspace again from its latest checkpoint. Raises: WorkspaceLost where it has none."""
    taken = records(room)
    if not taken:
        raise WorkspaceLost(room.place.migration, room.workspace)
    rewrite(room, facts, taken[-1].snapshot, from_the_start=False)


def _take(room: Room, ref: str, marks: Mapping[str, str]) -> Snapshot:
    staged = present_state(room)
    parents: tuple[str, ...] = ()
    if staged.publish_tree != staged.tree:
        published = room.vault.line("commit-tree", staged.publish_tree, stdin=b"As published\n")
        parents = ("-p", published)
    trailers = {**marks, NOT_COVERED_TRAILER: json.dumps(staged.not_covered)}
    message = "Checkpoint\n\n" + "".join(f"{key}: {value}\n" for key, value in trailers.items())
    commit = room.vault.line("commit-tree", staged.tree, *parents, stdin=message.encode())
    room.vault.run("update-ref", ref, commit, room.repository.zero)
    return Snapshot(ref=ref, commit=commit, tree=staged.tree, not_covered=staged.not_covered)


def _same(record: Record, trailers: Mapping[str, str]) -> Snapshot:
    marks = {key: value for key, value in record.trailers.items() if key not in OWN_TRAILERS}
    if marks != dict(trailers):
        raise CheckpointExists(record.snapshot.ref)
    return record.snapshot


def check_trailers(trailers: Mapping[str, str]) -> None:
    """Return where each fits on one line of a commit message. Raises: NameRefused."""
    for key, value in trailers.items():
        usable = _TRAILER_NAME.fullmatch(key) and key not in OWN_TRAILERS
        if not usable or not value.isprintable() or value != value.strip():
            raise NameRefused("trailer", f"{key}: {value}")


def _records(vault: Git, pattern: str) -> list[Record]:
    fields = os.fsdecode(vault.run("for-each-ref", f"--format={_FORMAT}", pattern)).split("\0")
    rows = (fields[at : at + 4] for at in range(0, len(fields) - 4, 4))
    found = [_record(*(field.lstrip("\n") for field in row)) for row in rows]
    return sorted(found, key=lambda record: record.number)


def _record(ref: str, commit: str, tree: str, message: str) -> Record:
    lines = message.strip().splitlines()[2:]
    trailers = dict(line.split(": ", 1) for line in lines)
    not_covered = tuple(json.loads(trailers[NOT_COVERED_TRAILER]))
    snapshot = Snapshot(ref=ref, commit=commit, tree=tree, not_covered=not_covered)
    return Record(snapshot=snapshot, trailers=trailers)
