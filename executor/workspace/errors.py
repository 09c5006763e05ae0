"""What can go wrong with git, workspaces and processes; each message says what to do next."""

from collections.abc import Sequence
from pathlib import Path

from roadmark.executor.errors import RoadmarkError


class WorkspaceError(RoadmarkError):
    """Something about a workspace, the vault, the user's repository or a process."""


class GitError(WorkspaceError):
    """A git command ended with an error."""

    def __init__(self, command: Sequence[str], status: int, stderr: str) -> None:
        self.command, self.status, self.stderr = tuple(command), status, stderr
        super().__init__(f"git {' '.join(command)[:300]} ended with {status}: {stderr or 'it said nothing'}")


class GitTimeout(GitError):
    """A git command took longer than it may; it was ended."""

    def __init__(self, command: Sequence[str], timeout_s: float) -> None:
        super().__init__(command, -9, f"ended after {timeout_s:g} s")


class GitMissing(WorkspaceError):
    """There is no git to run."""

    def __init__(self) -> None:
        super().__init__("git was not found in PATH; install git 2.34 or newer and start again")


class LockTimeout(WorkspaceError):
    """Another process or thread held a lock for too long."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self.path, self.timeout_s = path, timeout_s
        super().__init__(f"{path} was held by somebody else for {timeout_s:g} s; try again later")


class NotARepository(WorkspaceError):
    """The folder is not the top of a git repository."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"{path} is not the top folder of a git repository: {why}")


class BaseUnknown(WorkspaceError):
    """The commit to start from does not exist."""

    def __init__(self, repository: Path, base: str) -> None:
        self.repository, self.base = repository, base
        super().__init__(f"{repository} has no commit {base!r}; name a branch, tag or commit that it has")


class BaseUnreadable(WorkspaceError):
    """The base commit is there, but its files cannot be checked out."""

    def __init__(self, repository: Path, why: str) -> None:
        self.repository, self.why = repository, why
        super().__init__(
            f"the files of the base commit in {repository} could not be written: {why}; "
            "where it is a partial clone, fetch the missing objects first (git fetch --refetch --no-filter)"
        )


class WorkspaceUnknown(WorkspaceError):
    """The migration has no workspace yet."""

    def __init__(self, migration: str) -> None:
        self.migration = migration
        super().__init__(f"migration {migration} has no workspace yet; open it first")


class WorkspaceLost(WorkspaceError):
    """The folder of a workspace is gone or is no folder any more."""

    def __init__(self, migration: str, path: Path) -> None:
        self.migration, self.path = migration, path
        super().__init__(
            f"the workspace of migration {migration} ({path}) is gone; "
            "roll back to a checkpoint, which makes it again"
        )


class NameRefused(WorkspaceError):
    """A migration id or checkpoint name cannot be used in a path or ref."""

    def __init__(self, what: str, name: str) -> None:
        self.what, self.name = what, name
        super().__init__(
            f"{what} {name!r} cannot be used: letters, digits, '.', '_' and '-' only, 100 at most"
        )


class SnapshotUnknown(WorkspaceError):
    """The vault has no such checkpoint."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        super().__init__(f"the vault has no checkpoint {ref!r}; 'roadmark show' lists those there are")


class CheckpointExists(WorkspaceError):
    """A checkpoint of this name was taken for something else; checkpoints are never moved."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        super().__init__(f"checkpoint {ref} exists already with other marks; choose another name")


class RestoreNotExact(WorkspaceError):
    """After a restore the workspace differs from the checkpoint; nothing was lost from the vault."""

    def __init__(self, ref: str, expected_tree: str, actual_tree: str, paths: Sequence[str]) -> None:
        self.ref, self.expected_tree, self.actual_tree, self.paths = (
            ref,
            expected_tree,
            actual_tree,
            tuple(paths),
        )
        super().__init__(
            f"the workspace could not be brought back to {ref} exactly: tree {actual_tree} instead of "
            f"{expected_tree}; differing: {', '.join(paths[:10])}. The checkpoint itself is untouched; "
            "close whatever still writes into the workspace and roll back again"
        )


class PublishRefused(WorkspaceError):
    """The result is not put on this branch."""

    def __init__(self, branch: str, why: str) -> None:
        self.branch, self.why = branch, why
        super().__init__(f"nothing was published on {branch!r}: {why}")


class BranchCheckedOut(PublishRefused):
    """Somebody works on the branch right now."""

    def __init__(self, branch: str, where: str) -> None:
        self.where = where
        super().__init__(
            branch, f"it is checked out in {where}; switch to another branch there, then try again"
        )


class BranchMoved(PublishRefused):
    """Somebody moved the branch while we were publishing."""

    def __init__(self, branch: str) -> None:
        super().__init__(branch, "it kept moving while we published; try again when nobody pushes to it")


class NothingPublished(PublishRefused):
    """The branch carries no commit of this migration."""

    def __init__(self, branch: str) -> None:
        super().__init__(branch, "it carries no commit of this migration, so there is nothing to revert")


class PublishConflict(PublishRefused):
    """People changed the same files on the branch, in a way that does not merge."""

    def __init__(self, branch: str, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(
            branch,
            f"others changed the same lines there: {', '.join(paths[:10])}; "
            "merge these by hand, or undo that change on the branch",
        )


class PushFailed(WorkspaceError):
    """The branch did not get to the remote."""

    def __init__(self, branch: str, remote: str, why: str) -> None:
        self.branch, self.remote, self.why = branch, remote, why
        super().__init__(
            f"{branch!r} was not pushed to {remote!r}: {why}. It is whole in your repository; "
            "push it by hand, or let the next phase push it"
        )


class RemoteRefused(WorkspaceError):
    """The remote did not do what it was asked for, or could not be reached."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(
            f"the remote repository could not be used: {why}; look at [git] remote and try again"
        )


class RemoteUnreachable(RemoteRefused):
    """Nobody answered where the remote should be: it may be there again later."""


class CheckpointElsewhere(WorkspaceError):
    """A checkpoint was taken on another host, which has not sent it."""

    def __init__(self, ref: str) -> None:
        self.ref = ref
        super().__init__(
            f"checkpoint {ref} is neither here nor on the remote: start the host that took it again, or roll "
            "back to an older checkpoint"
        )


class ProcessNotStarted(WorkspaceError):
    """The operating system would not start the program."""

    def __init__(self, program: str, why: str) -> None:
        self.program, self.why = program, why
        super().__init__(f"{program} could not be started: {why}")


class ProcessEnded(WorkspaceError):
    """The program no longer reads what is written to it."""

    def __init__(self, program: str) -> None:
        self.program = program
        super().__init__(f"{program} has ended or closed its input")


class StillAlive(WorkspaceError):
    """Processes survived being killed (stuck in the kernel)."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.pids = tuple(pids)
        super().__init__(
            f"processes {', '.join(map(str, pids))} survive kill -9; a device or disk may be stuck"
        )
