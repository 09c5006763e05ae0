"""Files kept by git-lfs: the branch gets a pointer, the repository's lfs store gets the content.

Only where the user's own configuration turns git-lfs on; its objects made from a workspace lie in the vault.
"""

import os
import re
import secrets
import shutil
from pathlib import Path

from roadmark.executor.workspace.place import Room

POINTER_LIMIT_BYTES = 1024
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n")


def send_lfs_objects(room: Room, before: str, after: str) -> None:
    """Copy what the pointers that are new in `after` name, from the vault to the user's lfs store.

    Objects are only added, each whole or not at all.
    """
    store = room.filters_dir / "lfs" / "objects"
    if store.is_dir():
        for oid in _named(room, before, after):
            _copy(store / oid[:2] / oid[2:4] / oid, room.repository.common_dir / "lfs" / "objects")


def _named(room: Room, before: str, after: str) -> set[str]:
    """The lfs objects that changed files of `after` point to."""
    asked = (
        "diff-tree",
        "-r",
        "-z",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--diff-filter=AMT",
        before,
        after,
    )
    fields = os.fsdecode(room.vault.run(*asked)).split("\0")
    blobs = {field.split(" ")[3] for field in fields[::2] if field}
    sizes = room.vault.run("cat-file", "--batch-check", stdin="".join(f"{oid}\n" for oid in blobs).encode())
    small = [line.split() for line in sizes.decode().splitlines()]
    pointers = [oid for oid, kind, size in small if kind == "blob" and int(size) <= POINTER_LIMIT_BYTES]
    found = (_POINTER.match(room.vault.run("cat-file", "blob", oid)) for oid in pointers)
    return {match[1].decode() for match in found if match}


def _copy(source: Path, store: Path) -> None:
    target = store / source.name[:2] / source.name[2:4] / source.name
    if source.is_file() and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        building = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        shutil.copyfile(source, building)
        os.rename(building, target)
