"""What reaches the user's branch, and when nothing does."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from roadmark.executor.workspace.branch_names import BranchNameRefused
from roadmark.executor.workspace.errors import (
    BranchCheckedOut,
    BranchMoved,
    NameRefused,
    NothingPublished,
    PublishConflict,
    PublishRefused,
    SnapshotUnknown,
)
from roadmark.executor.workspace.publish import Author, conflicts, publish, publish_revert
from roadmark.executor.workspace.vault import diff, patch_text, restore

BRANCH = "feature/result"
TRAILERS = {"Roadmark-Task": "a-task", "Roadmark-Phase": "1"}


@pytest.fixture
def worked(scene):
    """A scene with two phases done."""
    scene.start()
    scene.write("docs/file1.txt", "".join(f"1: line {line}\n" for line in range(12)) + "ours, at the end\n")
    scene.write("new.txt")
    scene.one = scene.checkpoint("phase-1")
    scene.write("later.txt")
    scene.two = scene.checkpoint("phase-2")
    return scene


def commit_on(user, repository: Path, branch: str, path: str, content: str) -> str:
    """What a person does on the branch, in a folder of their own."""
    folder = repository.parent / "persons"
    user(repository, "worktree", "add", "-q", str(folder), branch)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(content)
    user(folder, "add", "-A")
    user(folder, "commit", "-qm", f"A person's {path}")
    commit = user(folder, "rev-parse", "HEAD").strip()
    user(repository, "worktree", "remove", "--force", str(folder))
    return commit


def test_a_result_becomes_one_ordinary_commit_with_its_marks(worked, user) -> None:
    published = publish(
        worked.place,
        worked.one.ref,
        BRANCH,
        "Do it: phase 1",
        TRAILERS,
        author=Author(name="An Agent", email="agent@example.org"),
    )

    repository = worked.repository
    assert not published.already
    assert user(repository, "rev-parse", BRANCH).strip() == published.commit
    assert user(repository, "rev-parse", f"{BRANCH}^") == user(repository, "rev-parse", "main")
    assert user(repository, "log", "-1", "--format=%s|%an <%ae>|%cn", BRANCH) == (
        "Do it: phase 1|An Agent <agent@example.org>|Roadmark\n"
    )
    trailers = user(repository, "log", "-1", "--format=%(trailers:only,unfold)", BRANCH).strip().splitlines()
    assert trailers == [
        "Roadmark-Task: a-task",
        "Roadmark-Phase: 1",
        f"Roadmark-Migration: {worked.place.migration}",
        f"Roadmark-Snapshot: {worked.one.commit}",
    ]
    assert user(repository, "diff", "--name-only", "main", BRANCH) == "docs/file1.txt\nnew.txt\n"
    assert user(repository, "reflog", "show", BRANCH).count("roadmark: Do it") == 1


def test_publishing_the_same_again_gives_the_same_commit(worked, user) -> None:
    first = publish(worked.place, worked.one.ref, BRANCH, "One", TRAILERS)
    again = publish(worked.place, worked.one.ref, BRANCH, "One", TRAILERS)

    assert (again.commit, again.already) == (first.commit, True)


def test_phases_follow_each_other_even_where_one_changed_nothing(worked, user) -> None:
    publish(worked.place, worked.one.ref, BRANCH, "One", {})
    publish(worked.place, worked.two.ref, BRANCH, "Two", {})
    publish(worked.place, worked.checkpoint("phase-3").ref, BRANCH, "Three", {})

    subjects = user(worked.repository, "log", "--format=%s", f"main..{BRANCH}").split()
    assert subjects == ["Three", "Two", "One"]


def test_what_people_commit_between_phases_stays(worked, user) -> None:
    publish(worked.place, worked.one.ref, BRANCH, "One", {})
    theirs = commit_on(user, worked.repository, BRANCH, "theirs.txt", "theirs\n")
    edited = "edited, at the start\n" + user(worked.repository, "show", f"{BRANCH}:docs/file1.txt")
    commit_on(user, worked.repository, BRANCH, "docs/file1.txt", edited)

    publish(worked.place, worked.two.ref, BRANCH, "Two", {})
    assert user(worked.repository, "show", f"{BRANCH}:theirs.txt") == "theirs\n"
    assert conflicts(worked.place, BRANCH) == ("docs/file1.txt", "theirs.txt")

    start = f"refs/roadmark/{worked.place.migration}/start"
    publish_revert(worked.place, start, BRANCH, "Back", {})
    assert user(worked.repository, "diff", "--name-only", "main", BRANCH) == "docs/file1.txt\ntheirs.txt\n"
    after = user(worked.repository, "show", f"{BRANCH}:docs/file1.txt")
    assert after.startswith("edited, at the start\n1: line 0\n")
    assert "ours" not in after
    assert user(worked.repository, "merge-base", "--is-ancestor", theirs, BRANCH) == ""


def test_a_revert_takes_the_branch_back_and_can_be_undone(worked, user) -> None:
    for name, snapshot in (("One", worked.one), ("Two", worked.two)):
        publish(worked.place, snapshot.ref, BRANCH, name, {})

    reverted = publish_revert(worked.place, worked.one.ref, BRANCH, "Back to one", {})
    again = publish_revert(worked.place, worked.one.ref, BRANCH, "Back to one", {})
    assert user(worked.repository, "ls-tree", BRANCH, "later.txt") == ""
    assert (again.commit, again.already) == (reverted.commit, True)

    publish(worked.place, worked.two.ref, BRANCH, "Two again", {})
    assert user(worked.repository, "show", f"{BRANCH}:later.txt") == "text\n"
    assert len(user(worked.repository, "log", "--format=%s", f"main..{BRANCH}").splitlines()) == 4


def test_lines_that_both_changed_stop_it_and_are_named(worked, user) -> None:
    publish(worked.place, worked.one.ref, BRANCH, "One", {})
    tip = commit_on(user, worked.repository, BRANCH, "later.txt", "a person's words\n")

    with pytest.raises(PublishConflict, match=r"later\.txt") as caught:
        publish(worked.place, worked.two.ref, BRANCH, "Two", {})

    assert caught.value.paths == ("later.txt",)
    assert user(worked.repository, "rev-parse", BRANCH).strip() == tip


def test_one_side_edits_and_the_other_deletes_is_a_conflict_too(worked, user) -> None:
    publish(worked.place, worked.two.ref, BRANCH, "Two", {})
    commit_on(user, worked.repository, BRANCH, "new.txt", "a person's words\n")
    commit_on(
        user, worked.repository, BRANCH, "docs/file1.txt", "".join("all other lines\n" for _ in range(13))
    )

    with pytest.raises(PublishConflict) as caught:
        publish_revert(worked.place, f"refs/roadmark/{worked.place.migration}/start", BRANCH, "Back", {})

    assert caught.value.paths == ("docs/file1.txt", "new.txt")


def test_a_file_that_both_made_executable_or_edited_merges(worked, user) -> None:
    worked.write("run.sh", "#!/bin/sh\necho run\necho more\n")
    three = worked.checkpoint("phase-3")
    publish(worked.place, worked.two.ref, BRANCH, "Two", {})
    folder = worked.repository.parent / "persons"
    user(worked.repository, "worktree", "add", "-q", str(folder), BRANCH)
    (folder / "run.sh").chmod(0o644)
    (folder / "picture.bin").write_bytes(b"\0theirs")
    user(folder, "commit", "-qam", "Mode and picture")
    user(worked.repository, "worktree", "remove", "--force", str(folder))

    publish(worked.place, three.ref, BRANCH, "Three", {})

    assert user(worked.repository, "ls-tree", BRANCH, "run.sh").startswith("100644")
    assert user(worked.repository, "show", f"{BRANCH}:run.sh").endswith("echo more\n")


def test_a_branch_that_people_deleted_is_made_again_from_the_base(worked, user) -> None:
    publish(worked.place, worked.one.ref, BRANCH, "One", {})
    user(worked.repository, "branch", "-D", BRANCH)

    with pytest.raises(NothingPublished):
        publish_revert(worked.place, worked.one.ref, BRANCH, "Back", {})
    publish(worked.place, worked.two.ref, BRANCH, "Two", {})

    assert user(worked.repository, "diff", "--name-only", "main", BRANCH).split() == [
        "docs/file1.txt",
        "later.txt",
        "new.txt",
    ]


def test_a_branch_that_was_there_before_keeps_what_it_had(worked, user) -> None:
    user(worked.repository, "branch", BRANCH)
    commit_on(user, worked.repository, BRANCH, "earlier.txt", "earlier\n")

    publish(worked.place, worked.one.ref, BRANCH, "One", {})

    assert user(worked.repository, "show", f"{BRANCH}:earlier.txt") == "earlier\n"
    assert conflicts(worked.place, BRANCH) == ()
    with pytest.raises(NothingPublished):
        publish_revert(worked.place, worked.one.ref, "feature/nothing-there", "Back", {})
    user(worked.repository, "branch", "feature/of-others")
    with pytest.raises(NothingPublished):
        publish_revert(worked.place, worked.one.ref, "feature/of-others", "Back", {})


def _checked_out(user, repository: Path) -> None:
    user(repository, "checkout", "-qb", BRANCH)


def _checked_out_elsewhere(user, repository: Path) -> None:
    user(repository, "worktree", "add", "-q", str(repository.parent / "other place"), "-b", BRANCH)


def _being_rebased(user, repository: Path) -> None:
    user(repository, "checkout", "-qb", BRANCH)
    (repository / "docs/file1.txt").write_text("theirs\n")
    user(repository, "commit", "-qam", "Theirs")
    user(repository, "checkout", "-q", "main")
    (repository / "docs/file1.txt").write_text("other\n")
    user(repository, "commit", "-qam", "Other")
    user(repository, "rebase", "main", BRANCH, check=False)
    assert user(repository, "symbolic-ref", "-q", "HEAD", check=False) == ""


def _being_bisected(user, repository: Path) -> None:
    user(repository, "checkout", "-qb", BRANCH)
    for _ in range(3):
        user(repository, "commit", "-q", "--allow-empty", "-m", "More")
    user(repository, "bisect", "start", "HEAD", "HEAD~3")


@pytest.mark.parametrize("where", [_checked_out, _checked_out_elsewhere, _being_rebased, _being_bisected])
def test_a_branch_that_somebody_stands_on_is_not_moved(worked, user, where: Callable[..., None]) -> None:
    where(user, worked.repository)
    files, inside = worked.users_side()

    with pytest.raises(BranchCheckedOut, match="try again"):
        publish(worked.place, worked.one.ref, BRANCH, "One", {})

    assert worked.users_side() == (files, inside)


def test_the_default_branch_of_a_remote_or_a_bare_repository_is_refused(worked, user, make_scene) -> None:
    user(worked.repository, "update-ref", "refs/remotes/origin/stable", "HEAD")
    user(worked.repository, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/stable")
    with pytest.raises(PublishRefused, match="default branch"):
        publish(worked.place, worked.one.ref, "stable", "One", {})

    bare = worked.repository.parent / "bare.git"
    user(worked.repository, "clone", "-q", "--bare", ".", str(bare))
    user(bare, "symbolic-ref", "HEAD", "refs/heads/trunk")
    user(bare, "branch", "trunk", "main")
    other = make_scene(bare)
    with pytest.raises(PublishRefused, match="default branch"):
        publish(other.place, other.start().ref, "trunk", "One", {})


@pytest.mark.parametrize("taken", ["feature", "feature/result/part"])
def test_a_branch_below_or_above_another_is_refused_by_name(worked, user, taken: str) -> None:
    user(worked.repository, "branch", taken, "main")

    with pytest.raises(PublishRefused, match=f"{taken}.*beside"):
        publish(worked.place, worked.one.ref, BRANCH, "One", {})

    assert user(
        worked.repository, "for-each-ref", "--format=%(refname:short)", "refs/heads"
    ).split() == sorted(["main", taken])


@pytest.mark.parametrize("branch", ["main", "-f", "x..y", "refs/heads/x", "HEAD", "a b", "x.lock"])
def test_a_refused_name_never_reaches_git(
    worked, branch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "git").write_text(f"#!/bin/sh\ntouch {tmp_path}/called\nexit 1\n")
    (shim / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(shim))

    for act in (publish, publish_revert):
        with pytest.raises(BranchNameRefused):
            act(worked.place, worked.one.ref, branch, "One", {})

    assert not (tmp_path / "called").exists()


def test_a_message_cannot_forge_marks_or_escape(worked, user) -> None:
    message = "Title\x1b[31m\n\nRoadmark-Snapshot: 1234\nRoadmark-Migration: other\nText\x00"
    publish(worked.place, worked.one.ref, BRANCH, message, {})

    said = user(worked.repository, "log", "-1", "--format=%B", BRANCH)
    assert said.startswith("Title\n\nText\n\nRoadmark-Migration: ")
    assert said.count("Roadmark-") == 2
    with pytest.raises(NameRefused):
        publish(worked.place, worked.two.ref, BRANCH, "Two", {"X": "a\nRoadmark-Snapshot: 1"})
    publish(worked.place, worked.two.ref, "feature/empty-message", " \n", {})
    assert (
        user(worked.repository, "log", "-1", "--format=%s", "feature/empty-message") == "Work of Roadmark\n"
    )


def test_a_lock_on_the_branch_is_waited_for_and_then_told(worked, user) -> None:
    lock = worked.repository / ".git/refs/heads/feature/result.lock"
    lock.parent.mkdir(parents=True)
    lock.write_bytes(b"")

    with pytest.raises(Exception, match=r"result\.lock"):
        publish(worked.place, worked.one.ref, BRANCH, "One", {})
    lock.unlink()
    publish(worked.place, worked.one.ref, BRANCH, "One", {})


@pytest.fixture
def racing(worked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A person's push lands between our look at the branch and our move of it, for the first n times."""
    publish(worked.place, worked.one.ref, BRANCH, "One", {})
    real = shutil.which("git")
    git = f"{real} -c user.name=p -c user.email=p@x --git-dir={worked.repository}/.git"

    def let_race(times: int) -> None:
        shim, seen = tmp_path / "shim", tmp_path / "seen"
        shim.mkdir()
        (shim / "git").write_text(
            f'#!/bin/sh\ncase "$*" in *unpack-objects*)\n'
            f"    echo x >> {seen}\n"
            f"    if [ $(wc -l < {seen}) -le {times} ]; then\n"
            f"        tip=$({git} rev-parse {BRANCH})\n"
            f'        theirs=$({git} commit-tree "$tip^{{tree}}" -p "$tip" -m Quicker)\n'
            f"        {git} update-ref refs/heads/{BRANCH} $theirs\n"
            f'    fi;;\nesac\nexec {real} "$@"\n'
        )
        (shim / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{shim}:{os.environ['PATH']}")

    return let_race


def test_somebody_quicker_is_built_upon(worked, user, racing) -> None:
    racing(1)

    publish(worked.place, worked.two.ref, BRANCH, "Two", {})

    assert user(worked.repository, "log", "--format=%s", f"main..{BRANCH}").split() == [
        "Two",
        "Quicker",
        "One",
    ]


def test_somebody_always_quicker_is_given_way_to(worked, user, racing) -> None:
    racing(99)

    with pytest.raises(BranchMoved, match="kept moving"):
        publish(worked.place, worked.two.ref, BRANCH, "Two", {})

    assert "Two" not in user(worked.repository, "log", "--format=%s", f"main..{BRANCH}")


def test_what_is_there_already_on_one_side_is_no_conflict(worked, user) -> None:
    """A phase that changed nothing is a commit that changes nothing, whatever people did."""
    publish(worked.place, worked.two.ref, BRANCH, "Two", {})
    commit_on(user, worked.repository, BRANCH, "theirs.txt", "theirs\n")
    nothing = worked.checkpoint("phase-3")

    publish(worked.place, nothing.ref, BRANCH, "Three", {})

    assert user(worked.repository, "show", "--name-only", "--format=", BRANCH) == ""
    assert conflicts(worked.place, "feature/none") == ()
    with pytest.raises(SnapshotUnknown):
        diff(worked.place, "0" * 40, None)


def test_a_checkpoint_that_retention_dropped_is_read_from_the_branch(worked, user) -> None:
    publish(worked.place, worked.one.ref, BRANCH, "One", {})
    user(worked.vault, "update-ref", "-d", worked.one.ref)
    (worked.vault / "objects" / worked.one.commit[:2] / worked.one.commit[2:]).unlink()
    commit_on(user, worked.repository, BRANCH, "theirs.txt", "theirs\n")

    publish(worked.place, worked.two.ref, BRANCH, "Two", {})

    assert user(worked.repository, "show", f"{BRANCH}:theirs.txt") == "theirs\n"
    assert user(worked.repository, "show", f"{BRANCH}:later.txt") == "text\n"


def test_a_patch_is_what_the_branch_would_get(worked, user) -> None:
    worked.write("picture.bin", b"\0\1\2")
    (worked.workspace / "run.sh").unlink()
    start = f"refs/roadmark/{worked.place.migration}/start"
    three = worked.checkpoint("phase-3")

    patch = patch_text(worked.place, start, three.ref)
    main = user(worked.repository, "rev-parse", "main").strip()
    assert patch == patch_text(worked.place, main, None)
    user(worked.repository, "update-index", "--refresh")
    subprocess.run(("git", "apply", "--index", "-"), cwd=worked.repository, input=patch.encode(), check=True)

    publish(worked.place, three.ref, BRANCH, "All", {})
    assert user(worked.repository, "write-tree") == user(worked.repository, "rev-parse", f"{BRANCH}^{{tree}}")
    assert patch_text(worked.place, start, three.ref, limit_bytes=40).endswith("... cut at 40 bytes\n")


def test_a_difference_tells_status_paths_and_lines(worked) -> None:
    start = f"refs/roadmark/{worked.place.migration}/start"
    (worked.workspace / "docs/file3.txt").rename(worked.workspace / "moved.txt")
    (worked.workspace / "docs/file5.txt").unlink()
    (worked.workspace / "link").unlink()
    worked.write("link", "a file now\n")
    worked.write("bin", b"\0")

    deltas = {delta.path: delta for delta in diff(worked.place, start, None)}

    told = {path: (d.status, d.old_path, d.added, d.removed) for path, d in deltas.items()}
    assert told == {
        "bin": ("A", None, None, None),
        "docs/file1.txt": ("M", None, 1, 0),
        "docs/file5.txt": ("D", None, 0, 12),
        "later.txt": ("A", None, 1, 0),
        "link": ("T", None, 1, 1),
        "moved.txt": ("R", "docs/file3.txt", 0, 0),
        "new.txt": ("A", None, 1, 0),
    }
    assert diff(worked.place, worked.two.ref, worked.two.ref) == ()
    restore(worked.place, worked.two.ref)
    assert diff(worked.place, worked.two.ref, None) == ()
