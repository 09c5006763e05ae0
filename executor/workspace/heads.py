"""Which branches people stand on, so that none is moved under their feet."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from roadmark.executor.workspace.errors import BranchCheckedOut, PublishRefused
from roadmark.executor.workspace.git import Git
from roadmark.executor.workspace.place import Repository

# Where git notes the branch that an operation in progress will come back to.
NOTES = ("rebase-merge/head-name", "rebase-apply/head-name", "rebase-merge/update-refs", "BISECT_START")


def refuse_where_in_use(repository: Repository, users: Git, branch: str) -> None:
    """Return where nobody has the branch checked out, in a rebase or bisect, as the default or as a folder.

    Raises: BranchCheckedOut, PublishRefused.
    """
    ref = f"refs/heads/{branch}"
    for where, checked_out in _worktrees(users):
        if checked_out == ref:
            raise BranchCheckedOut(branch, where)
    for git_dir in _git_dirs(repository.common_dir):
        for note in NOTES:
            if {ref, branch} & set(_noted(git_dir / note)):
                raise BranchCheckedOut(branch, f"{git_dir} (an unfinished {note.split('-')[0].lower()})")
    if ref in _defaults(repository, users):
        raise PublishRefused(branch, "it is the default branch; let the spec name a branch of its own")
    clash = _clash(users, ref)
    if clash:
        raise PublishRefused(
            branch, f"git cannot have the branch {clash!r} beside it; name another in the spec"
        )


def _clash(users: Git, ref: str) -> str | None:
    """A branch that is a folder of this one's name, or the other way round: git keeps branches like files."""
    top = "/".join(ref.split("/")[:3])
    for other in users.line("for-each-ref", "--format=%(refname)", top).splitlines():
        if ref.startswith(f"{other}/") or other.startswith(f"{ref}/"):
            return other.removeprefix("refs/heads/")
    return None


def _worktrees(users: Git) -> Iterator[tuple[str, str]]:
    """Each worktree's path with the ref that it has checked out, or ""."""
    where = ""
    for line in users.line("worktree", "list", "--porcelain").splitlines():
        kind, _, value = line.partition(" ")
        if kind == "worktree":
            where = value
        elif kind == "branch":
            yield where, value


def _git_dirs(common_dir: Path) -> Iterator[Path]:
    yield common_dir
    yield from common_dir.glob("worktrees/*")


def _noted(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text(errors="replace").split()
    return []


def _defaults(repository: Repository, users: Git) -> set[str]:
    """What a bare repository's HEAD and the remotes' HEADs point to."""
    symbolic = users.line("for-each-ref", "--format=%(symref)", "refs/remotes/*/HEAD").splitlines()
    defaults = {f"refs/heads/{ref.split('/', 3)[3]}" for ref in symbolic if ref.count("/") >= 3}
    head = (repository.common_dir / "HEAD").read_text(errors="replace").strip()
    return defaults | {head.removeprefix("ref: ")}
