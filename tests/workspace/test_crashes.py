"""kill -9 of the service at every git call in turn: afterwards the act is done or not begun, never half."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from roadmark.executor.workspace.locks import hold
from roadmark.executor.workspace.publish import publish, publish_revert
from roadmark.executor.workspace.vault import list_checkpoints, restore, take_checkpoint
from roadmark.executor.workspace.workspace import open_workspace

BRANCH = "feature/result"
MOST_CALLS = 60

# Plays the service: for each line of arguments a fork of it does one act, and the outcome is told.
SERVICE = """
import os, sys
from pathlib import Path
from roadmark.executor.workspace import publish, vault, workspace
from roadmark.executor.workspace.place import Place

def do(act, repository, state_dir, migration, ref):
    place = Place(repository=Path(repository), state_dir=Path(state_dir), migration=migration)
    match act:
        case "open": workspace.open_workspace(place)
        case "checkpoint": vault.take_checkpoint(place, "killed", {"Roadmark-Attempt": "m:1:1"})
        case "restore": vault.restore(place, ref)
        case "publish": publish.publish(place, ref, "feature/result", "Published", {})
        case "revert": publish.publish_revert(place, ref, "feature/result", "Reverted", {})

for line in sys.stdin:
    path, *arguments = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        os.environ["PATH"] = path
        do(*arguments)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

# Instead of git: counts the calls; at the chosen one the service that made it is killed, and git goes on
# alone, as it does when only the service dies. What stands after that call is what the next start finds.
SHIM = """#!/bin/sh
count=$(($(cat {count}) + 1))
echo $count > {count}
[ $count -ne {fatal} ] || kill -9 $PPID
exec {git} "$@"
"""


@pytest.fixture(scope="module")
def service():
    process = subprocess.Popen(
        (sys.executable, "-c", SERVICE), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.stdin.close()
    process.wait()
    process.stdout.close()


@pytest.fixture
def killed_at(service, tmp_path: Path):
    """Do an act in a process that is killed at its n-th git call; False when it finished before."""
    shim, count = tmp_path / "shim", tmp_path / "count"
    shim.mkdir()
    real = shutil.which("git")

    def do(scene, fatal: int, act: str, ref: str = "") -> bool:
        (shim / "git").write_text(SHIM.format(count=count, fatal=fatal, git=real))
        (shim / "git").chmod(0o755)
        count.write_text("0")
        place = scene.place
        path = f"{shim}:{os.environ['PATH']}"
        print(
            path, act, place.repository, place.state_dir, place.migration, ref, sep="\t", file=service.stdin
        )
        service.stdin.flush()
        status = int(service.stdout.readline())
        assert status in (0, -9)
        return status != 0

    return do


def test_opening(repository: Path, make_scene, user, killed_at) -> None:
    for call in range(1, MOST_CALLS):
        scene = make_scene(repository)
        was_killed = killed_at(scene, call, "open")
        whole = scene.workspace.exists()

        opened = open_workspace(scene.place)

        assert opened.made is not whole
        assert user(scene.workspace, "status", "--porcelain") == ""
        assert [path.name for path in scene.workspace.parent.glob(f".{scene.place.migration}*")] == []
        shutil.rmtree(scene.state_dir / "vault")
        if not was_killed:
            break
    assert 5 < call < MOST_CALLS - 1


def test_taking_a_checkpoint(scene, make_scene, killed_at) -> None:
    for call in range(1, MOST_CALLS):
        scene.place = make_scene(scene.repository).place
        scene.start()
        scene.write("new.txt")
        was_killed = killed_at(scene, call, "checkpoint")
        taken = [snapshot.commit for snapshot in list_checkpoints(scene.place)[1:]]

        snapshot = take_checkpoint(scene.place, "killed", {"Roadmark-Attempt": "m:1:1"})

        assert taken in ([], [snapshot.commit])
        assert len(list_checkpoints(scene.place)) == 2
        if not was_killed:
            break
    assert 5 < call < MOST_CALLS - 1


def test_restoring(scene, user, killed_at) -> None:
    """Back and forth between two states that share little, killed once on each way."""
    states = [(scene.start(), scene.files())]
    shutil.rmtree(scene.workspace / "docs")
    scene.write("docs", "a file\n")
    scene.write("new/deep.txt")
    (scene.workspace / "run.sh").chmod(0o644)
    states.append((scene.checkpoint("other"), scene.files()))
    for call in range(1, MOST_CALLS):
        snapshot, files = states[(call + 1) % 2]
        was_killed = killed_at(scene, call, "restore", snapshot.ref)
        if not was_killed:
            assert scene.files() == files

        proof = restore(scene.place, snapshot.ref)

        assert proof.actual_tree == snapshot.tree
        assert scene.files() == files
        assert user(scene.workspace, "rev-parse", "HEAD") == user(scene.repository, "rev-parse", "HEAD")
        if not was_killed:
            break
    assert 10 < call < MOST_CALLS - 1


def test_publishing(scene, user, killed_at) -> None:
    scene.start()
    for call in range(1, MOST_CALLS):
        scene.write(f"file{call}.txt")
        snapshot = scene.checkpoint(f"phase-{call}")
        was_killed = killed_at(scene, call, "publish", snapshot.ref)
        with hold(scene.state_dir / "migrations" / scene.place.migration / "lock", 10.0):
            pass  # the git that went on alone has ended
        there = user(scene.repository, "log", "--format=%H", f"main..{BRANCH}", check=False).split()
        assert len(there) in (call - 1, call)

        published = publish(scene.place, snapshot.ref, BRANCH, "Published", {})

        assert published.already is (len(there) == call)
        commits = user(scene.repository, "log", "--format=%H", f"main..{BRANCH}").split()
        assert commits == [published.commit, *(there if not published.already else there[1:])]
        assert user(scene.repository, "show", f"{BRANCH}:file{call}.txt") == "text\n"
        if not was_killed:
            break
    user(scene.repository, "fsck", "--strict")
    assert 8 < call < MOST_CALLS - 1


def test_reverting(scene, user, killed_at) -> None:
    """The branch goes to and fro between two states; a person's file stays through all of it."""
    start = scene.start()
    scene.write("new.txt")
    first = scene.checkpoint("first")
    publish(scene.place, first.ref, BRANCH, "Published", {})
    tree = user(scene.repository, "rev-parse", f"{BRANCH}^{{tree}}").strip()
    theirs = user(scene.repository, "commit-tree", tree, "-p", BRANCH, "-m", "Theirs").strip()
    user(scene.repository, "update-ref", f"refs/heads/{BRANCH}", theirs)
    for call in range(1, MOST_CALLS):
        snapshot = (first, start)[call % 2]
        was_killed = killed_at(scene, call, "revert", snapshot.ref)

        publish_revert(scene.place, snapshot.ref, BRANCH, "Reverted", {})

        assert user(scene.repository, "rev-list", "--count", f"main..{BRANCH}").strip() == str(2 + call)
        expected = "main" if call % 2 else theirs
        assert user(scene.repository, "diff", "--name-only", expected, BRANCH) == ""
        if not was_killed:
            break
    assert 10 < call < MOST_CALLS - 1


def test_locks_of_a_git_that_was_killed_itself_are_cleared(scene, user) -> None:
    start = scene.start()
    scene.write("new.txt")
    migration = scene.place.migration
    private = scene.state_dir / "migrations" / migration
    for lock in (
        private / "index.lock",
        private / "index.merge.lock",
        scene.vault / f"refs/roadmark/{migration}/first.lock",
    ):
        lock.write_bytes(b"")
    (private / "send-1234.pack").write_bytes(b"half a pack")

    first = scene.checkpoint("first")
    publish(scene.place, first.ref, BRANCH, "Published", {})
    restore(scene.place, start.ref)

    assert "new.txt" not in scene.files()
    assert list(private.glob("*.lock")) == []


def test_a_keep_ref_locked_by_a_dead_git_is_freed(scene) -> None:
    lock = scene.repository / f".git/refs/roadmark/keep/{scene.place.migration}.lock"
    lock.parent.mkdir(parents=True)
    lock.write_bytes(b"")

    scene.open()

    assert not lock.exists()
