"""Opening a workspace on repositories in every state, while the user's side stays as it is to the byte."""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from roadmark.executor.workspace.errors import BaseUnknown, BaseUnreadable, NameRefused, NotARepository
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.publish import conflicts, publish, publish_revert
from roadmark.executor.workspace.vault import diff, restore
from roadmark.executor.workspace.workspace import open_workspace, reach, remove_workspace

BRANCH = "feature/result"


def modified(user, repository: Path) -> None:
    (repository / "docs/file1.txt").write_text("mine\n")


def staged(user, repository: Path) -> None:
    modified(user, repository)
    user(repository, "add", "-A")


def staged_and_modified_again(user, repository: Path) -> None:
    staged(user, repository)
    (repository / "docs/file1.txt").write_text("mine, later\n")


def untracked_and_ignored(user, repository: Path) -> None:
    (repository / "precious.txt").write_text("only here\n")
    (repository / "build").mkdir()
    (repository / "build/out.log").write_text("ignored\n")


def deleted(user, repository: Path) -> None:
    (repository / "docs/file3.txt").unlink()
    user(repository, "rm", "-q", "--cached", "docs/file5.txt")


def renamed_and_executable(user, repository: Path) -> None:
    user(repository, "mv", "docs/file1.txt", "docs/moved.txt")
    (repository / "docs/file3.txt").chmod(0o755)
    (repository / "planned.txt").write_text("to come\n")
    user(repository, "add", "--intent-to-add", "planned.txt")


def stashed(user, repository: Path) -> None:
    modified(user, repository)
    user(repository, "stash")
    untracked_and_ignored(user, repository)


def _diverge(user, repository: Path) -> None:
    user(repository, "checkout", "-qb", "theirs")
    (repository / "docs/file1.txt").write_text("theirs\n")
    user(repository, "commit", "-qam", "Theirs")
    user(repository, "checkout", "-q", "main")
    (repository / "docs/file1.txt").write_text("ours\n")
    user(repository, "commit", "-qam", "Ours")


def merging(user, repository: Path) -> None:
    _diverge(user, repository)
    user(repository, "merge", "theirs", check=False)


def rebasing(user, repository: Path) -> None:
    _diverge(user, repository)
    user(repository, "rebase", "theirs", check=False)


def detached(user, repository: Path) -> None:
    user(repository, "checkout", "-q", "--detach")
    modified(user, repository)


def index_locked(user, repository: Path) -> None:
    modified(user, repository)
    (repository / ".git/index.lock").write_bytes(b"")


def bisecting(user, repository: Path) -> None:
    _diverge(user, repository)
    user(repository, "bisect", "start", "HEAD", "HEAD^")


def packed_with_hooks(user, repository: Path) -> None:
    user(repository, "gc", "-q")
    user(repository, "config", "core.hooksPath", ".hooks")
    for hook in ("reference-transaction", "post-checkout", "pre-auto-gc", "post-index-change"):
        path = repository / ".hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {repository}/hook-ran\n")
        path.chmod(0o755)


DIRTY_STATES = [
    modified,
    staged,
    staged_and_modified_again,
    untracked_and_ignored,
    deleted,
    renamed_and_executable,
    stashed,
    merging,
    rebasing,
    detached,
    index_locked,
    bisecting,
    packed_with_hooks,
]


@pytest.mark.parametrize("make_dirty", DIRTY_STATES, ids=lambda state: state.__name__)
def test_a_whole_life_changes_nothing_of_the_users_but_the_published_branch(
    scene, user, listed, make_dirty: Callable[..., None]
) -> None:
    make_dirty(user, scene.repository)
    files, inside = scene.users_side()

    start = scene.start()
    committed = user(scene.repository, "rev-parse", "HEAD").strip()
    assert "precious.txt" not in scene.files()
    scene.write("docs/file1.txt", "the agent's\n")
    first = scene.checkpoint("first")
    assert diff(scene.place, start.ref, first.ref)
    publish(scene.place, first.ref, BRANCH, "First phase", {})
    restore(scene.place, start.ref)
    publish_revert(scene.place, start.ref, BRANCH, "Back", {})
    assert conflicts(scene.place, BRANCH) == ()
    remove_workspace(scene.place)

    files_after, inside_after = scene.users_side()
    assert files_after == files
    for own in (f"refs/heads/{BRANCH}", f"logs/refs/heads/{BRANCH}"):
        assert own in inside_after
        del inside_after[own]
    assert inside_after == inside
    keep = user(
        scene.repository, "for-each-ref", "--format=%(refname) %(objectname)", "refs/roadmark"
    ).split()
    assert keep == [f"refs/roadmark/keep/{scene.place.migration}", committed]


def test_the_workspace_is_the_commit_and_not_the_users_dirt(scene, user) -> None:
    untracked_and_ignored(user, scene.repository)
    modified(user, scene.repository)

    scene.open()

    assert scene.files()["docs/file1.txt"][2].startswith(b"1: line 0\n")
    assert user(scene.workspace, "status", "--porcelain") == ""
    assert user(scene.workspace, "log", "--format=%s").split("\n")[0] == "The beginning"


def test_opening_again_gives_the_same_workspace_and_keeps_the_base(scene, user) -> None:
    first = open_workspace(scene.place, None)
    scene.write("kept.txt")
    user(scene.repository, "commit", "-q", "--allow-empty", "-m", "The user goes on")

    again = open_workspace(scene.place, None)

    assert (first.made, again.made) == (True, False)
    assert (again.path, again.base_commit) == (first.path, first.base_commit)
    assert (scene.workspace / "kept.txt").exists()


@pytest.mark.parametrize("base", ["v1", "main", "HEAD~1"])
def test_a_workspace_can_start_from_any_commit(scene, user, base: str) -> None:
    user(scene.repository, "tag", "v1")
    user(scene.repository, "commit", "-q", "--allow-empty", "-m", "More")

    opened = open_workspace(scene.place, base)

    assert opened.base_commit == user(scene.repository, "rev-parse", base).strip()


@pytest.mark.parametrize("base", ["no-such-branch", "--all", "-x", "main^{tree}", ""])
def test_a_base_that_is_no_commit_is_refused(scene, base: str) -> None:
    with pytest.raises(BaseUnknown, match="name a branch, tag or commit"):
        open_workspace(scene.place, base)


def test_an_empty_repository_gets_an_empty_workspace_and_its_first_commit(make_scene, user, tmp_path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    user(empty, "init", "-q", "-b", "main")
    scene = make_scene(empty)
    start = scene.start()
    assert scene.files() == {}
    scene.write("first.txt")

    publish(scene.place, scene.checkpoint("one").ref, BRANCH, "One", {})

    assert user(empty, "log", "--format=%s", BRANCH).split("\n") == ["One", ""]
    assert user(empty, "ls-tree", "--name-only", BRANCH) == "first.txt\n"
    restore(scene.place, start.ref)
    assert scene.files() == {}
    publish_revert(scene.place, start.ref, BRANCH, "Back", {})
    assert user(empty, "ls-tree", "--name-only", BRANCH) == ""


def _shallow(user, repository: Path, copy: Path) -> Path:
    user(repository, "commit", "-q", "--allow-empty", "-m", "Second")
    user(repository.parent, "clone", "-q", "--depth=1", f"file://{repository}", str(copy))
    return copy


def _sparse(user, repository: Path, copy: Path) -> Path:
    user(repository.parent, "clone", "-q", "--sparse", str(repository), str(copy))
    assert not (copy / "docs").exists()
    return copy


def _bare(user, repository: Path, copy: Path) -> Path:
    user(repository.parent, "clone", "-q", "--bare", str(repository), str(copy))
    return copy


def _borrowing(user, repository: Path, copy: Path) -> Path:
    user(repository.parent, "clone", "-q", "--shared", str(repository), str(copy))
    return copy


def _linked(user, repository: Path, copy: Path) -> Path:
    user(repository, "worktree", "add", "-q", str(copy), "-b", "side")
    return copy


def _without_remote(user, repository: Path, copy: Path) -> Path:
    user(repository, "remote", "add", "origin", "https://example.invalid/nowhere.git")
    return repository


def _odd_path(user, repository: Path, copy: Path) -> Path:
    return repository.rename(repository.with_name('a "b": ünï \\ c'))


def _sha256(user, repository: Path, copy: Path) -> Path:
    copy.mkdir()
    user(copy, "init", "-q", "-b", "main", "--object-format=sha256")
    shutil.copytree(repository / "docs", copy / "docs")
    user(copy, "add", "-A")
    user(copy, "commit", "-qm", "The beginning")
    return copy


@pytest.mark.parametrize(
    "make", [_shallow, _sparse, _bare, _borrowing, _linked, _without_remote, _odd_path, _sha256]
)
def test_every_kind_of_repository_can_be_worked_on(
    repository: Path, make_scene, user, tmp_path: Path, make: Callable[..., Path]
) -> None:
    scene = make_scene(make(user, repository, tmp_path / "copy"))
    start = scene.start()
    beginning = scene.files()
    assert "docs/file1.txt" in beginning
    assert user(scene.workspace, "status", "--porcelain") == ""
    user(scene.workspace, "log")
    scene.write("docs/file1.txt", "changed\n")
    first = scene.checkpoint("first")

    publish(scene.place, first.ref, BRANCH, "First", {})
    restore(scene.place, start.ref)

    assert scene.files() == beginning
    assert user(scene.repository, "show", f"{BRANCH}:docs/file1.txt") == "changed\n"
    user(scene.repository, "fsck", "--connectivity-only")


def test_a_partial_clone_that_misses_files_is_refused_with_the_way_out(
    repository: Path, make_scene, user, tmp_path: Path
) -> None:
    user(repository, "config", "uploadpack.allowFilter", "true")
    copy = tmp_path / "partial"
    url = f"file://{repository}"
    user(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", url, str(copy))
    scene = make_scene(copy)

    with pytest.raises(BaseUnreadable, match="git fetch --refetch"):
        scene.open()

    assert not scene.workspace.exists()
    assert list((scene.state_dir / "workspaces").iterdir()) == []


def test_what_is_no_top_of_a_repository_is_refused(repository: Path, make_scene, tmp_path: Path) -> None:
    for folder in (repository / "docs", tmp_path / "nothing", tmp_path):
        with pytest.raises(NotARepository):
            make_scene(folder).open()


@pytest.mark.parametrize(
    "migration", ["", "../x", "a/b", "x.lock", "-x", ".x", "a..b", "x" * 101, "a\n", "é"]
)
def test_a_migration_id_that_could_leave_its_folder_is_refused(tmp_path: Path, migration: str) -> None:
    with pytest.raises(NameRefused):
        Place(repository=tmp_path, state_dir=tmp_path, migration=migration)


def test_a_hundred_workspaces_open_at_once(repository: Path, make_scene, user) -> None:
    scenes = [make_scene(repository) for _ in range(100)]

    with ThreadPoolExecutor(max_workers=20) as pool:
        paths = list(pool.map(lambda scene: scene.open(), scenes))

    assert len(set(paths)) == 100
    assert all((path / "docs/file1.txt").exists() for path in paths)
    assert len(user(repository, "for-each-ref", "refs/roadmark/keep").splitlines()) == 100


def test_the_users_gc_takes_nothing_that_a_workspace_or_checkpoint_needs(scene, user) -> None:
    start = scene.start()
    scene.write("new.txt", "new\n")
    first = scene.checkpoint("first")
    files = scene.files()
    publish(scene.place, first.ref, BRANCH, "First", {})
    user(scene.repository, "checkout", "-q", "--orphan", "fresh")
    user(scene.repository, "commit", "-q", "--allow-empty", "-m", "Fresh")
    for branch in ("main", BRANCH):
        user(scene.repository, "branch", "-q", "-D", branch)
    user(scene.repository, "reflog", "expire", "--expire=now", "--all")
    user(scene.repository, "gc", "-q", "--prune=now")

    restore(scene.place, start.ref)
    restore(scene.place, first.ref)

    assert scene.files() == files
    assert user(scene.workspace, "status", "--porcelain") == "?? new.txt\n"


def test_objects_that_only_lie_about_in_the_users_repository_are_not_counted_on(scene, user) -> None:
    """Content that the user staged once is borrowed by nobody: their next gc drops it."""
    start = scene.start()
    (scene.repository / "draft.txt").write_text("the same words\n")
    user(scene.repository, "add", "draft.txt")
    scene.write("mine.txt", "the same words\n")
    first = scene.checkpoint("first")
    files = scene.files()
    user(scene.repository, "rm", "-q", "--cached", "draft.txt")
    user(scene.repository, "gc", "-q", "--prune=now")

    restore(scene.place, start.ref)
    restore(scene.place, first.ref)

    assert scene.files() == files


def test_a_lost_workspace_comes_back_at_its_latest_checkpoint(scene) -> None:
    scene.start()
    scene.write("new.txt")
    scene.checkpoint("first")
    files = scene.files()
    shutil.rmtree(scene.workspace)

    opened = open_workspace(scene.place)

    assert opened.made
    assert scene.files() == files


def test_a_link_put_in_the_workspaces_place_is_not_followed(scene, tmp_path: Path) -> None:
    scene.start()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.txt").write_text("mine\n")
    shutil.rmtree(scene.workspace)
    scene.workspace.symlink_to(elsewhere)

    scene.open()

    assert not scene.workspace.is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["precious.txt"]


def test_removing_a_workspace_leaves_its_checkpoints_and_can_be_repeated(scene) -> None:
    scene.start()
    scene.write("new.txt")
    first = scene.checkpoint("first")
    files = scene.files()
    locked = scene.workspace / "locked"
    locked.mkdir()
    (locked / "inside.txt").write_text("x\n")
    locked.chmod(0)

    remove_workspace(scene.place)
    remove_workspace(scene.place)

    assert not scene.workspace.exists()
    assert list((scene.state_dir / "trash").iterdir()) == []
    restore(scene.place, first.ref)
    assert scene.files() == files


def test_the_reach_of_a_sandbox_names_what_it_needs(scene) -> None:
    scene.open()

    reached = reach(scene.place)

    assert reached.writable == (scene.workspace, reached.home)
    assert reached.readable == (scene.repository / ".git/objects",)
    assert reached.hidden == (scene.state_dir,)
    assert reached.home.is_dir()


def test_git_in_a_workspace_without_its_own_git_folder_finds_no_other(scene, user) -> None:
    scene.open()
    shutil.rmtree(scene.workspace / ".git")

    asked = ("git", "rev-parse", "--show-toplevel")
    ended = subprocess.run(asked, cwd=scene.workspace, capture_output=True, check=False)

    assert ended.returncode != 0
