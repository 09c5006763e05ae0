"""Look after the vault: verify every checkpoint's bytes, measure, collect garbage, forget a migration."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from roadmark.executor.workspace.checkpoints import forget_checkpoints
from roadmark.executor.workspace.errors import GitError
from roadmark.executor.workspace.files import remove_trees
from roadmark.executor.workspace.locks import hold
from roadmark.executor.workspace.place import LOCK_TIMEOUT_S, Place, Room, enter
from roadmark.executor.workspace.workspace import remove_workspace

BATCH_BYTES = 64 * 1024 * 1024
PRUNED_AFTER = "2.days.ago"  # a checkpoint being taken right now may count on an object nothing points at yet
GONE = "missing"


@dataclass(frozen=True, slots=True)
class VaultProblem:
    """One thing that is not as it was written."""

    ref: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultReport:
    """What a verification looked at and found."""

    checkpoints: int
    objects: int
    problems: tuple[VaultProblem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultUsage:
    """What the vault of a repository takes."""

    checkpoints: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Object:
    """What git says an object is."""

    oid: str
    kind: str
    size_bytes: int


def verify_vault(place: Place) -> VaultReport:
    """Read every object of every checkpoint of the repository and compute its hash again.

    Raises: GitError.
    """
    with enter(place) as room:
        refs = _refs(room)
        readable = [ref for ref in refs if _lists(room, ref)]
        objects = _objects(room, readable)
        bad = {oid: what for batch in _batches(objects) for oid, what in _bad(room, batch).items()}
        problems = [VaultProblem(ref, "its tree cannot be read") for ref in refs if ref not in readable]
        if bad:
            problems += [problem for ref in readable for problem in _problems(room, ref, bad)]
        return VaultReport(checkpoints=len(refs), objects=len(objects), problems=tuple(problems))


def vault_usage(place: Place) -> VaultUsage:
    """How many checkpoints the repository's vault keeps, and in how many bytes."""
    with enter(place) as room:
        return VaultUsage(checkpoints=len(_refs(room)), size_bytes=_size_bytes(room.vault_dir))


def collect_garbage(place: Place) -> None:
    """Pack the vault and drop what nothing has pointed at for two days."""
    with enter(place) as room, hold(room.repository_lock, LOCK_TIMEOUT_S):
        room.vault.run("gc", "-q", f"--prune={PRUNED_AFTER}")


def forget_migration(place: Place) -> None:
    """Delete the workspace and every checkpoint of the migration, and let go of its base commit.

    For retention: there is no way back from this. Raises: WorkspaceUnknown, GitError.
    """
    remove_workspace(place)
    with enter(place) as room:
        room.facts()
        forget_checkpoints(room)
        room.users.run("update-ref", "-d", room.keep_ref)
        remove_trees([room.private / "facts.json"])


def _refs(room: Room) -> list[str]:
    if not room.vault_dir.is_dir():
        return []
    return room.vault.line("for-each-ref", "--format=%(refname)", "refs/roadmark/").splitlines()


def _objects(room: Room, refs: Sequence[str]) -> list[_Object]:
    """Every object of these checkpoints; those that are missing have size 0 and the kind 'missing'."""
    if not refs:
        return []
    wanted = "".join(f"{ref}\n" for ref in refs).encode()
    asked = ("rev-list", "--objects", "--no-object-names", "--missing=print", "--stdin")
    listed = room.vault.run(*asked, stdin=wanted).replace(b"?", b"")
    found = []
    for line in room.vault.run("cat-file", "--batch-check", stdin=listed).decode().splitlines():
        oid, kind, *size = line.split()
        found.append(_Object(oid, kind, int(size[0]) if size else 0))
    return found


def _lists(room: Room, ref: str) -> bool:
    """Whether git can walk the checkpoint's trees."""
    try:
        room.vault.run("rev-list", "--objects", "--quiet", "--missing=allow-any", ref)
    except GitError:
        return False
    return True


def _batches(objects: Sequence[_Object]) -> Iterator[list[_Object]]:
    """Parts of the list that fit into memory (or single objects that do not)."""
    batch: list[_Object] = []
    size_bytes = 0
    for found in objects:
        if batch and size_bytes + found.size_bytes > BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
        batch.append(found)
        size_bytes += found.size_bytes
    if batch:
        yield batch


def _bad(room: Room, batch: Sequence[_Object]) -> dict[str, str]:
    """Which objects are missing or do not hash to their name, and how."""
    bad = {found.oid: "is missing" for found in batch if found.kind == GONE}
    present = [found for found in batch if found.kind != GONE]
    return bad | {found.oid: "is damaged" for found in _damaged(room, present)}


def _damaged(room: Room, present: Sequence[_Object]) -> list[_Object]:
    """Git stops at an object that it cannot unpack; halving the list finds it."""
    listed = "".join(f"{found.oid}\n" for found in present).encode()
    try:
        content = memoryview(room.vault.run("cat-file", "--batch", stdin=listed))
    except GitError:
        half = len(present) // 2
        return list(present) if half == 0 else _damaged(room, present[:half]) + _damaged(room, present[half:])
    damaged, at = [], 0
    for found in present:
        start = at + len(f"{found.oid} {found.kind} {found.size_bytes}\n")
        at = start + found.size_bytes + 1
        if _hash(room, found, content[start : at - 1]) != found.oid:
            damaged.append(found)
    return damaged


def _hash(room: Room, found: _Object, body: memoryview) -> str:
    hasher = hashlib.new(room.repository.object_format, usedforsecurity=False)
    hasher.update(f"{found.kind} {found.size_bytes}\0".encode())
    hasher.update(body)
    return hasher.hexdigest()


def _problems(room: Room, ref: str, bad: dict[str, str]) -> Iterator[VaultProblem]:
    for found in _objects(room, [ref]):
        if found.oid in bad:
            yield VaultProblem(ref, f"{found.kind} {found.oid} {bad[found.oid]}")


def _size_bytes(folder: Path) -> int:
    return sum(
        os.lstat(os.path.join(parent, name)).st_size for parent, _, names in os.walk(folder) for name in names
    )
