"""Programs planted in a repository's configuration never run, whoever planted them and whatever we do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from roadmark.executor.workspace.publish import conflicts, publish, publish_revert
from roadmark.executor.workspace.upkeep import collect_garbage, verify_vault
from roadmark.executor.workspace.vault import diff, patch_text, restore

BRANCH = "feature/result"
HOOKS = (
    "pre-commit",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-index-change",
    "reference-transaction",
    "pre-auto-gc",
    "post-rewrite",
    "fsmonitor-watchman",
)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a trace when it runs."""
    program = tmp_path / "trap"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {tmp_path}/sprung\ncat\n')
    program.chmod(0o755)
    return program


def hooks(user, folder: Path, trap: Path) -> None:
    for name in HOOKS:
        hook = folder / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_bytes(trap.read_bytes())
        hook.chmod(0o755)


def hooks_path(user, folder: Path, trap: Path) -> None:
    hooks(user, folder, trap)
    (folder / ".git/hooks").rename(folder / ".git/planted")
    user(folder, "config", "core.hooksPath", str(folder / ".git/planted"))


def file_system_monitor(user, folder: Path, trap: Path) -> None:
    user(folder, "config", "core.fsmonitor", str(trap))
    user(folder, "config", "core.fsmonitorHookVersion", "1")


def filters(user, folder: Path, trap: Path) -> None:
    for name in ("planted", "lfs"):
        for side in ("clean", "smudge", "process"):
            user(folder, "config", f"filter.{name}.{side}", str(trap))
    (folder / ".gitattributes").write_text("* filter=planted\n*.txt filter=lfs\n")


def text_conversion_and_external_diff(user, folder: Path, trap: Path) -> None:
    user(folder, "config", "diff.planted.textconv", str(trap))
    user(folder, "config", "diff.planted.command", str(trap))
    user(folder, "config", "diff.external", str(trap))
    (folder / ".gitattributes").write_text("* diff=planted\n")


def merge_driver(user, folder: Path, trap: Path) -> None:
    user(folder, "config", "merge.planted.driver", f"{trap} %A")
    user(folder, "config", "merge.default", "planted")
    (folder / ".gitattributes").write_text("* merge=planted\n")


def pager_and_editors(user, folder: Path, trap: Path) -> None:
    for name in ("core.pager", "pager.log", "pager.diff-tree", "core.editor", "sequence.editor"):
        user(folder, "config", name, str(trap))


def transports(user, folder: Path, trap: Path) -> None:
    for name in ("core.sshCommand", "core.gitProxy", "core.alternateRefsCommand", "core.askPass"):
        user(folder, "config", name, str(trap))
    user(folder, "config", "protocol.ext.allow", "always")
    user(folder, "config", "remote.origin.url", f"ext::{trap}")
    user(folder, "config", "remote.origin.uploadpack", str(trap))
    user(folder, "config", "credential.helper", f"!{trap}")


def lazy_fetch(user, folder: Path, trap: Path) -> None:
    transports(user, folder, trap)
    user(folder, "config", "core.repositoryFormatVersion", "1")
    user(folder, "config", "extensions.partialClone", "origin")
    user(folder, "config", "remote.origin.promisor", "true")


def aliases(user, folder: Path, trap: Path) -> None:
    for name in ("log", "add", "update-ref", "rev-parse", "commit-tree", "gc", "config"):
        user(folder, "config", f"alias.{name}", f"!{trap}")


def includes(user, folder: Path, trap: Path) -> None:
    inner = trap.parent / "included"
    inner.write_text(f"[core]\n\tfsmonitor = {trap}\n\tpager = {trap}\n\thooksPath = {trap.parent}\n")
    user(folder, "config", "include.path", str(inner))
    user(folder, "config", "includeIf.gitdir:/.path", str(inner))


def signing(user, folder: Path, trap: Path) -> None:
    user(folder, "config", "commit.gpgSign", "true")
    user(folder, "config", "gpg.program", str(trap))
    user(folder, "config", "log.showSignature", "true")


def work_tree(user, folder: Path, trap: Path) -> None:
    elsewhere = trap.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    user(folder, "config", "core.worktree", str(elsewhere))
    user(folder, "config", "gc.recentObjectsHook", str(trap))
    user(folder, "config", "core.fsmonitor", str(trap))


PLANTED = [
    hooks,
    hooks_path,
    file_system_monitor,
    filters,
    text_conversion_and_external_diff,
    merge_driver,
    pager_and_editors,
    transports,
    lazy_fetch,
    aliases,
    includes,
    signing,
    work_tree,
]


def by_the_agent(user, folder: Path, trap: Path) -> None:
    """Nothing: the agent plants later, all of it, in its workspace and in a repository within."""


@pytest.mark.parametrize("plant", [*PLANTED, by_the_agent], ids=lambda plant: plant.__name__)
def test_nothing_planted_runs(
    scene, user, trap: Path, plant: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "GIT_EXTERNAL_DIFF",
        "GIT_PAGER",
        "GIT_EDITOR",
        "GIT_SSH_COMMAND",
        "GIT_ASKPASS",
        "GIT_PROXY_COMMAND",
    ):
        monkeypatch.setenv(name, str(trap))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(trap))
    monkeypatch.setenv("GIT_DIR", str(trap.parent))
    plant(user, scene.repository, trap)
    start = scene.start()
    if plant is by_the_agent:
        nested = scene.write("sub/inner.txt").parent
        user(nested, "init", "-q")
        user(nested, "add", "-A")
        user(nested, "commit", "-qm", "inner")
        for each in PLANTED:
            each(user, scene.workspace, trap)
            each(user, nested, trap)
    scene.write("docs/file1.txt", "changed\n")
    first = scene.checkpoint("first")
    diff(scene.place, start.ref, None)
    patch_text(scene.place, start.ref, first.ref)
    publish(scene.place, first.ref, BRANCH, "First", {})
    scene.write("docs/file3.txt", "changed\n")
    tree = user(scene.repository, "write-tree").strip()
    theirs = user(
        scene.repository, "-c", "commit.gpgSign=false", "commit-tree", tree, "-p", BRANCH, "-m", "Theirs"
    ).strip()
    (scene.repository.parent / "sprung").unlink(missing_ok=True)  # what the user's own git may run is theirs
    (scene.repository / ".git/refs/heads" / BRANCH).write_text(f"{theirs}\n")
    publish(scene.place, scene.checkpoint("second").ref, "feature/other", "Second", {})
    conflicts(scene.place, BRANCH)
    restore(scene.place, first.ref)
    restore(scene.place, start.ref)
    publish_revert(scene.place, start.ref, "feature/other", "Back", {})
    verify_vault(scene.place)
    collect_garbage(scene.place)

    assert not (trap.parent / "sprung").exists(), (trap.parent / "sprung").read_text()
