"""The one way git is run: argument lists, a scrubbed environment, everything off that could run a program.

A repository is data here. Its hooks, file system monitor, pager, editors, external diffs, text conversions,
aliases, credential helpers, ssh commands and transports never run, whatever its configuration says. The one
program let through is git-lfs, and only where the user's own configuration (not the repository) defines it.
"""

import os
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from roadmark.executor.workspace.calling import TimedOut, call
from roadmark.executor.workspace.errors import GitError, GitMissing, GitTimeout

NO_FILE = "/dev/null"
GIT = "git"
TIMEOUT_S = 600.0

# Given on the command line, these win over every configuration file and include.
SETTINGS = (
    f"core.hooksPath={NO_FILE}",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.pager=cat",
    "core.editor=false",
    "sequence.editor=false",
    "core.sshCommand=false",
    "core.gitProxy=false",
    "core.askPass=",
    "core.alternateRefsCommand=true",
    "core.alternateRefsPrefixes=",
    "credential.helper=",
    "diff.external=",
    "diff.ignoreSubmodules=none",
    "diff.renames=true",
    "commit.gpgSign=false",
    "gpg.program=false",
    "log.showSignature=false",
    "submodule.recurse=false",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.directory=*",
    f"core.excludesFile={NO_FILE}",
    f"core.attributesFile={NO_FILE}",
    "core.autocrlf=false",
    "core.eol=lf",
    "core.safecrlf=false",
    "core.quotePath=false",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.ignoreCase=false",
    "core.precomposeUnicode=false",
    "core.protectNTFS=false",
    "core.protectHFS=false",
    "core.trustctime=true",
    "core.checkStat=default",
    "core.logAllRefUpdates=true",
    "core.filesRefLockTimeout=2000",
    "core.packedRefsTimeout=2000",
    "core.fsync=committed,loose-object",
    "core.fsyncMethod=batch",
    "advice.addEmbeddedRepo=false",
)
FLAGS = tuple(part for setting in SETTINGS for part in ("-c", setting))

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": NO_FILE,
    "GIT_CONFIG_SYSTEM": NO_FILE,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "false",
    "GIT_PAGER": "cat",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_AUTHOR_NAME": "Roadmark",
    "GIT_AUTHOR_EMAIL": "roadmark@localhost",
    "GIT_COMMITTER_NAME": "Roadmark",
    "GIT_COMMITTER_EMAIL": "roadmark@localhost",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}
PASSED_ON = ("PATH", "HOME", "USER", "TMPDIR", "SYSTEMROOT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Where a git command works: everything said by us, nothing discovered from the current folder."""

    git_dir: Path
    work_tree: Path | None = None
    index: Path | None = None
    objects: Path | None = None
    borrowed: tuple[Path, ...] = ()
    settings: tuple[str, ...] = ()
    held: tuple[int, ...] = field(default=())

    def run(
        self,
        *arguments: str,
        stdin: bytes | Path = b"",
        accept: Collection[int] = (0,),
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run `git arguments` and return what it wrote.

        Raises: GitError where the exit status is not in `accept`; GitTimeout, GitMissing.
        """
        settings = tuple(part for setting in self.settings for part in ("-c", setting))
        return run_git(
            (*settings, *arguments),
            cwd=self.work_tree or self.git_dir,
            environment=self.surroundings() | dict(environment or {}),
            stdin=stdin,
            accept=accept,
            held=self.held,
        )

    def line(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git wrote, as one stripped line of text."""
        return os.fsdecode(self.run(*arguments, stdin=stdin)).strip()

    def find(self, *arguments: str) -> str | None:
        """The object that `git rev-parse` finds, or None."""
        found = self.run(
            "rev-parse", "--quiet", "--verify", "--end-of-options", *arguments, accept=(0, 1, 128)
        )
        return os.fsdecode(found).strip() or None

    def surroundings(self) -> dict[str, str]:
        """The variables that say where it works."""
        places = {
            "GIT_DIR": self.git_dir,
            "GIT_WORK_TREE": self.work_tree,
            "GIT_INDEX_FILE": self.index,
            "GIT_OBJECT_DIRECTORY": self.objects,
        }
        environment = {name: str(path) for name, path in places.items() if path is not None}
        if self.borrowed:
            environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = ":".join(map(_quoted, self.borrowed))
        return environment


def run_git(
    arguments: tuple[str, ...],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    stdin: bytes | Path = b"",
    accept: Collection[int] = (0,),
    held: tuple[int, ...] = (),
    timeout_s: float = TIMEOUT_S,
) -> bytes:
    """Run git with nothing of the caller's environment but PATH and HOME; returns its standard output.

    `stdin` is what git reads: bytes, or the file that holds them. `held` are lock descriptors that the child
    keeps open, so that a lock lives as long as the work under it.

    Raises: GitError, GitTimeout, GitMissing.
    """
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    with stdin.open("rb") if isinstance(stdin, Path) else nullcontext(stdin) as file:
        try:
            ended = call(
                (GIT, *FLAGS, *arguments),
                cwd=cwd,
                environment=passed | ENVIRONMENT | dict(environment),
                stdin=file,
                timeout_s=timeout_s,
                held=held,
            )
        except TimedOut:
            raise GitTimeout(arguments, timeout_s) from None
        except FileNotFoundError:
            if cwd.is_dir():
                raise GitMissing from None
            raise
    if ended.returncode not in accept:
        raise GitError(arguments, ended.returncode, _tail(ended.stderr))
    return ended.stdout


@cache
def lfs_settings(home: str) -> tuple[str, ...]:
    """The user's own `filter.lfs.*` settings (global and system), to be passed on; mostly there are none.

    A repository's attributes only name a filter; what runs is what the user installed under that name.
    """
    environment = {name: os.environ[name] for name in ("PATH", "XDG_CONFIG_HOME") if name in os.environ}
    settings: dict[str, str] = {}
    for scope in ("--system", "--global"):
        asked = (
            GIT,
            "config",
            scope,
            "--null",
            "--get-regexp",
            r"^filter\.lfs\.(clean|smudge|process|required)$",
        )
        ended = call(asked, environment=environment | {"HOME": home}, timeout_s=TIMEOUT_S)
        for entry in filter(None, os.fsdecode(ended.stdout).split("\0")):
            name, _, value = entry.partition("\n")
            settings[name] = value
    return tuple(f"{name}={value}" for name, value in settings.items())


def _quoted(path: Path) -> str:
    """A path as git wants it in a colon-separated list; plain where it can be, since git-lfs reads it too."""
    if not set(str(path)) & set(':"\n'):
        return str(path)
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _tail(stderr: bytes) -> str:
    return stderr[-2000:].decode(errors="replace").strip()
