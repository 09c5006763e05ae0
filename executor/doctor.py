"""What Roadmark needs on this machine, checked: each finding says what to do about it."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from roadmark.executor.agents.probe import probe
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.secret_source import SecretSource
from roadmark.executor.workspace.git import run_git
from roadmark.executor.workspace.place import look_at
from roadmark.executor.workspace.remote_git import ask
from roadmark.executor.workspace.sandbox import SandboxMode, probe_sandbox

OLDEST_GIT = (2, 34)
_LEAST_DISK_BYTES = 1_000_000_000


class Health(StrEnum):
    """How a check came out."""

    GOOD = "good"
    DEGRADED = "degraded"
    """It works, with less than there could be."""
    BAD = "bad"
    """Something will not work until it is repaired."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding; `advice` is empty where there is nothing to do."""

    name: str
    health: Health
    detail: str
    advice: str = ""


def examine(settings: Settings) -> list[Check]:
    """All checks, the basic ones first."""
    return [check for group in _GROUPS for check in group(settings)]


def _python(settings: Settings) -> Iterator[Check]:
    del settings
    yield Check("python", Health.GOOD, ".".join(map(str, sys.version_info[:3])))


def _git(settings: Settings) -> Iterator[Check]:
    try:
        said = run_git(("version",), cwd=Path("/"), environment={}).decode().strip()
    except RoadmarkError as error:
        yield Check("git", Health.BAD, str(error), "install git")
        return
    found = re.search(r"(\d+)\.(\d+)", said)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < OLDEST_GIT:
        yield Check("git", Health.BAD, said, f"install git {'.'.join(map(str, OLDEST_GIT))} or newer")
    else:
        yield Check("git", Health.GOOD, said)
    yield _repository(settings)


def _repository(settings: Settings) -> Check:
    if settings.git_remote:
        return _remote(settings.git_remote)
    try:
        repository = look_at(settings.repo)
    except RoadmarkError as error:
        return Check(
            "repository", Health.BAD, str(error), "name the top folder of a git repository with --repo"
        )
    return Check("repository", Health.GOOD, str(repository.top))


def _remote(url: str) -> Check:
    try:
        ask(url)
    except RoadmarkError as error:
        advice = "look at [git] remote, and at the credentials of whoever runs Roadmark"
        return Check("repository", Health.BAD, str(error), advice)
    return Check("repository", Health.GOOD, "the remote answers; this host works in a clone of its own")


def _sandbox(settings: Settings) -> Iterator[Check]:
    probe = probe_sandbox(settings.sandbox)
    if probe.kind is SandboxMode.BUBBLEWRAP:
        yield Check("sandbox", Health.GOOD, probe.detail)
    else:
        yield Check("sandbox", Health.DEGRADED, probe.detail, "install bubblewrap, or allow user namespaces")


def _folders(settings: Settings) -> Iterator[Check]:
    specs = settings.specs
    if specs.is_dir():
        yield Check("specs", Health.GOOD, str(specs))
    else:
        yield Check("specs", Health.DEGRADED, f"{specs} is not there", "'roadmark serve' makes it")
    yield _state_dir(settings.state_dir)


def _state_dir(state_dir: Path) -> Check:
    existing = next(folder for folder in (state_dir, *state_dir.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        return Check(
            "state", Health.BAD, f"{existing} cannot be written", "name another folder with --state-dir"
        )
    free = shutil.disk_usage(existing).free
    if free < _LEAST_DISK_BYTES:
        return Check(
            "state", Health.DEGRADED, f"{state_dir}: {free // 10**6} MB are free", "make room on the disk"
        )
    return Check("state", Health.GOOD, f"{state_dir}: {free // 10**9} GB are free")


def _memory(settings: Settings) -> Iterator[Check]:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Check(
        "slots", Health.GOOD, f"{settings.slot_count()} agents at once, {total // 10**9} GB of memory"
    )


def _secrets(settings: Settings) -> Iterator[Check]:
    """The secrets of what reaches out and in, as far as this environment has them."""
    named = [
        *((f"webhook {one.name}", one.secret) for one in settings.webhooks),
        *(
            (f"address of webhook {one.name}", one.url)
            for one in settings.webhooks
            if not isinstance(one.url, str)
        ),
        *((f"notification {one.name}", one.url) for one in settings.notify),
        *((f"replies by {one.name}", one.secret) for one in settings.replies.values()),
        *([("sign-in provider", settings.oidc.client_secret)] if settings.oidc else []),
    ]
    for name, source in named:
        if source is not None:
            yield _secret(name, source)


def _secret(name: str, source: SecretSource) -> Check:
    try:
        source.read(os.environ)
    except RoadmarkError as error:
        return Check(name, Health.DEGRADED, str(error), "it is read when it is used; no restart is needed")
    return Check(name, Health.GOOD, f"its secret is in {source.variable or source.file}")


def examine_agents(settings: Settings) -> Iterator[Check]:
    """Each configured agent: its program, its version or handshake. Nothing is asked of a model."""
    if settings.agent not in settings.agents:
        advice = f"add [agents.{settings.agent}] to roadmark.toml"
        yield Check("agent", Health.BAD, f"{settings.agent!r} is not configured", advice)
    mode = probe_sandbox(settings.sandbox).kind
    for agent in settings.agents.values():
        with tempfile.TemporaryDirectory(prefix="roadmark-probe-", ignore_cleanup_errors=True) as folder:
            yield _agent(agent, mode, Path(folder))


def _agent(agent: AgentSettings, mode: SandboxMode, folder: Path) -> Check:
    name = f"agent {agent.name}"
    try:
        found = probe(agent, mode, folder)
    except RoadmarkError as error:
        return Check(name, Health.BAD, str(error), "correct it in roadmark.toml")
    if found.is_ready:
        return Check(name, Health.GOOD, f"{found.title}: {found.detail}")
    return Check(name, Health.BAD, f"{found.title}: {found.detail}", "correct its command or install it")


_GROUPS: tuple[Callable[[Settings], Iterator[Check]], ...] = (
    _python,
    _git,
    _sandbox,
    _folders,
    _memory,
    _secrets,
    examine_agents,
)
