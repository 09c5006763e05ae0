"""Git that talks to a remote: with the user's own credentials and ssh settings, nothing of the repository's.

The user's global and system settings are used. What the repository's configuration could run is not: no
hooks, no credential helper, ssh command or transport of its own.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from roadmark.executor.workspace.calling import Called, TimedOut, call
from roadmark.executor.workspace.errors import RemoteRefused, RemoteUnreachable
from roadmark.executor.workspace.git import ENVIRONMENT, GIT, PASSED_ON, SETTINGS, Git

TIMEOUT_S = 120.0
CLONING_S = 3600.0
PROTOCOLS = "file:http:https:ssh"
"""Not git: its proxy is the first that any configuration names; a planted one could not be switched off."""

_OF_THE_USER = ("credential.helper=", "core.sshCommand=false", "core.askPass=", "protocol.allow=never")
_OURS = (
    *(setting for setting in SETTINGS if setting not in _OF_THE_USER),
    "push.gpgSign=false",
    "push.followTags=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=no",
    "fetch.writeCommitGraph=false",
)
_FLAGS = tuple(part for setting in _OURS for part in ("-c", setting))
_PASSED_ON = (*PASSED_ON, "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
_USERS_KEYS = r"^(credential\..*|core\.sshcommand|http\..*|url\..*)$"
_SSH = "ssh -o BatchMode=yes"
_NOBODY_THERE = re.compile(
    r"could(n't| not) (resolve|connect)|failed to connect|name resolution|empty reply from server"
    r"|connection (refused|reset|timed out|closed)|operation timed out|unexpectedly|returned error: 5\d\d"
    r"|(network|host) is (unreachable|down)|no route to host",
    re.IGNORECASE,
)
"""What git, curl and ssh say where the remote could not be asked."""


def talk(git: Git, *arguments: str) -> str:
    """Run `git arguments` in the repository; what it wrote. Raises: RemoteRefused, which says why."""
    surroundings = git.surroundings() | _settings(_helpers(git))
    return _run(arguments, cwd=git.git_dir, surroundings=surroundings, timeout_s=TIMEOUT_S)


def clone(url: str, into: Path) -> None:
    """Make a bare clone of every branch. Raises: RemoteRefused."""
    asked = ("clone", "-q", "--bare", "--no-tags", "--template=", "--upload-pack=git-upload-pack")
    _run((*asked, "--", url, str(into)), cwd=into.parent, surroundings=_settings([]), timeout_s=CLONING_S)


def ask(url: str) -> None:
    """Whether the remote answers. Raises: RemoteRefused."""
    asked = ("ls-remote", "-q", "--upload-pack=git-upload-pack", "--", url, "HEAD")
    _run(asked, cwd=Path("/"), surroundings=_settings([]), timeout_s=TIMEOUT_S)


def _run(arguments: Sequence[str], *, cwd: Path, surroundings: dict[str, str], timeout_s: float) -> str:
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        ended = call(
            (GIT, *_FLAGS, *arguments),
            cwd=cwd,
            environment=passed | ENVIRONMENT | {"GIT_ALLOW_PROTOCOL": PROTOCOLS} | surroundings,
            timeout_s=timeout_s,
        )
    except TimedOut:
        raise RemoteUnreachable(f"it took longer than {timeout_s:g} s") from None
    if ended.returncode != 0:
        raise _failure(ended)
    return os.fsdecode(ended.stdout)


def _failure(ended: Called) -> RemoteRefused:
    """The refusal of the remote, if there is one, else what git says."""
    lines = (ended.stdout + ended.stderr).decode(errors="replace").splitlines()
    refused = [line.lstrip("!\t ") for line in lines if line.startswith("!")]
    if refused:
        return RemoteRefused(_shown(refused))
    said = _shown([line for line in lines if line.strip()][-4:])
    return RemoteUnreachable(said) if _NOBODY_THERE.search(said) else RemoteRefused(said)


def _shown(lines: Sequence[str]) -> str:
    """Without the name and word of a URL."""
    return re.sub(r"://[^/@\s]*@", "://", " ".join(lines))[-500:]


def _settings(helpers: Sequence[str]) -> dict[str, str]:
    """The user's own settings, by the environment: arguments are seen by every user of the machine."""
    pairs = [(key, "") for key in helpers]
    pairs += [("credential.helper", ""), ("core.sshCommand", _SSH), *_users_settings()]
    numbered: dict[str, str] = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered


def _helpers(git: Git) -> list[str]:
    """The credential helpers that the repository has for single addresses; each is switched off."""
    listed = git.run("config", "--name-only", "--get-regexp", r"^credential\..+\.helper$", accept=(0, 1))
    return sorted(set(os.fsdecode(listed).splitlines()))


def _users_settings() -> Iterator[tuple[str, str]]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    for scope in ("--system", "--global"):
        asked = (GIT, "config", scope, "--includes", "--null", "--get-regexp", _USERS_KEYS)
        ended = call(asked, environment=environment, timeout_s=TIMEOUT_S)
        for entry in filter(None, os.fsdecode(ended.stdout).split("\0")):
            key, _, value = entry.partition("\n")
            yield key, value
