"""The vault: a bare repository of Roadmark's own that keeps every checkpoint of every migration of a project.

A checkpoint is a commit made with the vault as git directory, the workspace as work tree and a private index:
what an agent did to its own `.git`, HEAD or index does not matter. Refs are only created, never moved.
"""

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.workspace.errors import CheckpointExists, NameRefused, SnapshotUnknown, WorkspaceLost
from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.place import Place, Room, checked_name, enter
from roadmark.executor.workspace.staging import stage

START = "start"
ATTEMPT_TRAILER = "Roadmark-Attempt"
NAME_TRAILER = "Roadmark-Checkpoint"
NUMBER_TRAILER = "Roadmark-Number"
NOT_COVERED_TRAILER = "Roadmark-Not-Covered"
RAW_ATTRIBUTES = "* -text -eol -crlf -ident -filter -working-tree-encoding\n"
OWN_TRAILERS = frozenset({NAME_TRAILER, NUMBER_TRAILER, NOT_COVERED_TRAILER})
_TRAILER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_FORMAT = "%(refname)%00%(objectname)%00%(tree)%00%(parent)%00%(contents)%00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A checkpoint: the state of a workspace, kept under a ref of the vault."""

    ref: str
    commit: str
    tree: str
    not_covered: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A checkpoint as it lies in the vault."""

    snapshot: Snapshot
    publish_commit: str | None  # its tree is what a branch gets, where that differs from the bytes
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
    _check_trailers(trailers)
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


def publish_tree(room: Room, record: Record) -> str:
    """The tree that a branch gets for this checkpoint."""
    if record.publish_commit is None:
        return record.snapshot.tree
    return room.vault.line("rev-parse", "--verify", f"{record.publish_commit}^{{tree}}")


def make_vault(room: Room) -> None:
    """Create the vault and its filtered view where they do not exist; whole or not at all."""
    _make_bare(room, room.vault_dir, RAW_ATTRIBUTES)
    _make_bare(room, room.filters_dir, "")


def bare_config(room: Room) -> str:
    """The configuration of a repository that we write ourselves."""
    sha256 = room.repository.object_format == "sha256"
    version, extensions = (1, "[extensions]\n\tobjectFormat = sha256\n") if sha256 else (0, "")
    return f"[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = true\n{extensions}"


def write_git_dir(git_dir: Path, config: str, head: str) -> None:
    """A git directory without templates, hooks or samples: what `git init` would make, in a few writes."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (git_dir / folder).mkdir(parents=True, exist_ok=True)
    (git_dir / "config").write_text(config)
    (git_dir / "HEAD").write_text(f"ref: {head}\n")


def _make_bare(room: Room, git_dir: Path, attributes: str) -> None:
    if git_dir.is_dir():
        return
    building = git_dir.with_name(f".{git_dir.name}.{secrets.token_hex(4)}")
    write_git_dir(building, bare_config(room), "refs/heads/none")
    (building / "info" / "attributes").write_text(attributes)
    os.rename(building, git_dir)


def _take(room: Room, ref: str, marks: Mapping[str, str]) -> Snapshot:
    if room.workspace.is_symlink() or not room.workspace.is_dir():
        raise WorkspaceLost(room.place.migration, room.workspace)
    staged = stage(room, room.facts())
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


def _check_trailers(trailers: Mapping[str, str]) -> None:
    for key, value in trailers.items():
        usable = _TRAILER_NAME.fullmatch(key) and key not in OWN_TRAILERS
        if not usable or not value.isprintable() or value != value.strip():
            raise NameRefused("trailer", f"{key}: {value}")


def _records(vault: Git, pattern: str) -> list[Record]:
    fields = os.fsdecode(vault.run("for-each-ref", f"--format={_FORMAT}", pattern)).split("\0")
    rows = (fields[at : at + 5] for at in range(0, len(fields) - 5, 5))
    found = [_record(*(field.lstrip("\n") for field in row)) for row in rows]
    return sorted(found, key=lambda record: record.number)


def _record(ref: str, commit: str, tree: str, parent: str, message: str) -> Record:
    lines = message.strip().splitlines()[2:]
    trailers = dict(line.split(": ", 1) for line in lines)
    not_covered = tuple(json.loads(trailers[NOT_COVERED_TRAILER]))
    snapshot = Snapshot(ref=ref, commit=commit, tree=tree, not_covered=not_covered)
    return Record(snapshot=snapshot, publish_commit=parent or None, trailers=trailers)
