"""Git directories that we write ourselves: the vault, its filtered view, the workspace's own."""

import os
import secrets
import shutil
from pathlib import Path

from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.place import Facts, Room

EMPTY_BASE = b"Nothing yet: the repository had no commit\n"
EMPTY_BASE_DATE = "2000-01-01T00:00:00Z"
RAW_ATTRIBUTES = "* -text -eol -crlf -ident -filter -working-tree-encoding\n"


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


def make_git_directory(room: Room, facts: Facts, workspace: Path) -> None:
    """Write `workspace/.git` anew: on a branch of its own at the base, borrowing the user's objects."""
    git_dir = workspace / ".git"
    branch = f"refs/heads/roadmark/{room.place.migration}"
    config = bare_config(room).replace("bare = true", "bare = false\n\tlogallrefupdates = true")
    write_git_dir(git_dir, config, branch)
    (git_dir / "objects" / "info" / "alternates").write_bytes(os.fsencode(room.repository.objects) + b"\n")
    if room.repository.shallow:
        shutil.copyfile(room.repository.common_dir / "shallow", git_dir / "shallow")
    if facts.rootless:
        empty_base(Git(git_dir=git_dir))
    ref = git_dir / branch
    ref.parent.mkdir(parents=True, exist_ok=True)
    ref.write_text(f"{facts.base_commit}\n")


def empty_base(git: Git) -> str:
    """An empty commit, the same in every repository of one object format."""
    tree = git.line("hash-object", "-t", "tree", "-w", "--stdin")
    dates = {"GIT_AUTHOR_DATE": EMPTY_BASE_DATE, "GIT_COMMITTER_DATE": EMPTY_BASE_DATE}
    return git.run("commit-tree", tree, stdin=EMPTY_BASE, environment=dates).decode().strip()
