"""Pushes a published branch to the remote that the operator named: forwards only, and only that branch.

The user's own credentials and ssh settings (global and system) are used. What the repository's configuration
could run is not: no hooks, no credential helper, ssh command or transport of its own.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial

from roadmark.executor.workspace.branch_names import check_branch_name
from roadmark.executor.workspace.errors import PushFailed
from roadmark.executor.workspace.git import ENVIRONMENT, GIT, PASSED_ON, SETTINGS
from roadmark.executor.workspace.place import Place, Room, enter

TIMEOUT_S = 120.0
PROTOCOLS = "file:http:https:ssh"
"""Not git: its proxy is the first that any configuration names; a planted one could not be switched off."""
REMOTE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")

_OF_THE_USER = ("credential.helper=", "core.sshCommand=false", "core.askPass=", "protocol.allow=never")
_OURS = (
    *(setting for setting in SETTINGS if setting not in _OF_THE_USER),
    "push.gpgSign=false",
    "push.followTags=false",
    "push.recurseSubmodules=no",
)
_FLAGS = tuple(part for setting in _OURS for part in ("-c", setting))
_PASSED_ON = (*PASSED_ON, "SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
_USERS_KEYS = r"^(credential\..*|core\.sshcommand|http\..*|url\..*)$"
_SSH = "ssh -o BatchMode=yes"


def push(place: Place, branch: str, remote: str) -> None:
    """Bring the branch to the remote. Raises: BranchNameRefused, PushFailed, which says why."""
    check_branch_name(branch, ())
    if not REMOTE_NAME.fullmatch(remote):
        raise PushFailed(branch, remote, "that is no name of a remote")
    with enter(place) as room:
        url = _git(room, remote, branch, "remote", "get-url", "--push", "--", remote).strip()
        ref = f"refs/heads/{branch}"
        asked = ("push", "--porcelain", "--no-verify", "--receive-pack=git-receive-pack", "--", url)
        _git(room, remote, branch, *asked, f"{ref}:{ref}")


def _git(room: Room, remote: str, branch: str, *arguments: str) -> str:
    failed = partial(PushFailed, branch, remote)
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    surroundings = (
        passed | ENVIRONMENT | {"GIT_ALLOW_PROTOCOL": PROTOCOLS, "GIT_DIR": str(room.users.git_dir)}
    )
    try:
        ended = subprocess.run(
            (GIT, *_FLAGS, *arguments),
            cwd=room.users.git_dir,
            env=surroundings | _settings(room),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise failed(f"it took longer than {TIMEOUT_S:g} s") from None
    if ended.returncode != 0:
        raise failed(_why(ended))
    return os.fsdecode(ended.stdout)


def _why(ended: subprocess.CompletedProcess[bytes]) -> str:
    """The refusal of the remote, if there is one, else what git says."""
    lines = (ended.stdout + ended.stderr).decode(errors="replace").splitlines()
    refused = [line.lstrip("!\t ") for line in lines if line.startswith("!")]
    return " ".join(refused or [line for line in lines if line.strip()][-3:])[-500:]


def _settings(room: Room) -> dict[str, str]:
    """The user's own settings, by the environment: arguments are seen by every user of the machine."""
    pairs = [(key, "") for key in _helpers(room)]
    pairs += [("credential.helper", ""), ("core.sshCommand", _SSH), *_users_settings()]
    numbered: dict[str, str] = {"GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        numbered |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return numbered


def _helpers(room: Room) -> list[str]:
    """The credential helpers that the repository has for single addresses; each is switched off."""
    listed = room.users.run(
        "config", "--name-only", "--get-regexp", r"^credential\..+\.helper$", accept=(0, 1)
    )
    return sorted(set(os.fsdecode(listed).splitlines()))


def _users_settings() -> Iterator[tuple[str, str]]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    for scope in ("--system", "--global"):
        asked = (GIT, "config", scope, "--includes", "--null", "--get-regexp", _USERS_KEYS)
        ended = subprocess.run(asked, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False)
        for entry in filter(None, os.fsdecode(ended.stdout).split("\0")):
            key, _, value = entry.partition("\n")
            yield key, value
