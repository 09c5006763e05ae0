"""Checkpoints as a book: taken once, never moved, found by their marks, looked after."""

import os
import shutil
import zlib
from pathlib import Path

import pytest
from roadmark.executor.workspace.errors import CheckpointExists, NameRefused, WorkspaceLost, WorkspaceUnknown
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.upkeep import collect_garbage, forget_migration, vault_usage, verify_vault
from roadmark.executor.workspace.vault import find_marked, list_checkpoints, restore, take_checkpoint
from roadmark.executor.workspace.workspace import empty_trash


def test_the_same_name_and_marks_are_taken_once(scene) -> None:
    scene.start()
    first = scene.checkpoint("first", {"Roadmark-Attempt": "m:1:1"})
    scene.write("later.txt")

    again = scene.checkpoint("first", {"Roadmark-Attempt": "m:1:1"})

    assert again == first


def test_the_same_name_for_something_else_is_refused(scene) -> None:
    scene.start()
    first = scene.checkpoint("first", {"Roadmark-Attempt": "m:1:1"})

    with pytest.raises(CheckpointExists, match="other marks"):
        scene.checkpoint("first", {"Roadmark-Attempt": "m:1:2"})

    assert list_checkpoints(scene.place)[-1] == first


def test_an_attempts_mark_is_found_and_no_other(scene, make_scene) -> None:
    assert find_marked(scene.place, "m:1:1") is None
    scene.start()
    first = scene.checkpoint("first", {"Roadmark-Attempt": "m:1:1", "Roadmark-Outcome": "done"})
    scene.checkpoint("second", {"Roadmark-Attempt": "m:1:11"})
    other = make_scene(scene.repository)
    other.start()
    other.checkpoint("theirs", {"Roadmark-Attempt": "m:2:1"})

    assert find_marked(scene.place, "m:1:1") == first
    assert find_marked(scene.place, "m:1") is None
    assert find_marked(scene.place, "m:2:1") is None
    assert find_marked(scene.place, "done") is None


def test_checkpoints_are_listed_in_the_order_they_were_taken(scene) -> None:
    names = ["start", "zebra", "ant", "middle"]
    scene.open()
    for name in names:
        scene.checkpoint(name)

    assert [snapshot.ref.rsplit("/", 1)[1] for snapshot in list_checkpoints(scene.place)] == names


@pytest.mark.parametrize("name", ["", "a/b", "..", "x.lock", "-x", "a b", "a\n", "x" * 101])
def test_a_name_that_is_no_part_of_a_ref_is_refused(scene, name: str) -> None:
    scene.open()
    with pytest.raises(NameRefused):
        scene.checkpoint(name)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "x"),
        ("a b", "x"),
        ("X", "two\nlines"),
        ("X", " space"),
        ("Roadmark-Not-Covered", "[]"),
        ("X", "\x1b[0m"),
    ],
)
def test_a_mark_that_could_be_another_is_refused(scene, key: str, value: str) -> None:
    scene.open()
    with pytest.raises(NameRefused):
        scene.checkpoint("first", {key: value})


def test_a_workspace_lost_before_its_first_checkpoint_cannot_be_kept(scene) -> None:
    scene.open()
    shutil.rmtree(scene.workspace)

    with pytest.raises(WorkspaceLost, match="gone"):
        scene.checkpoint("first")


def test_what_is_not_covered_is_cut_when_it_is_endless(scene) -> None:
    scene.open()
    for number in range(1005):
        os.symlink("x", scene.write(f"d{number}/x").parent / ".gitmodules")

    snapshot = scene.checkpoint("first")

    assert len(snapshot.not_covered) == 1001
    assert snapshot.not_covered[-1] == "... and 5 more"


def test_a_sound_vault_has_no_problems(scene, make_scene) -> None:
    assert verify_vault(scene.place).checkpoints == 0
    scene.start()
    scene.write("new.txt")
    scene.checkpoint("first")
    make_scene(scene.repository).start()

    report = verify_vault(scene.place)

    assert report.problems == ()
    assert report.checkpoints == 3
    assert report.objects > 15


def _object(vault: Path, oid: str) -> Path:
    return vault / "objects" / oid[:2] / oid[2:]


def test_a_damaged_object_is_found_and_its_checkpoint_named(scene, user) -> None:
    scene.start()
    scene.write("new.txt", "the words\n")
    first = scene.checkpoint("first")
    blob = user(scene.vault, "rev-parse", f"{first.ref}:new.txt").strip()
    path = _object(scene.vault, blob)
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 10\0other word"))

    report = verify_vault(scene.place)

    assert [(problem.ref, problem.what) for problem in report.problems] == [
        (first.ref, f"blob {blob} is damaged")
    ]


def test_an_object_that_cannot_be_unpacked_is_found(scene, user) -> None:
    scene.start()
    scene.write("new.txt", os.urandom(500))
    scene.write("other.txt", "more\n")
    first = scene.checkpoint("first")
    blob = user(scene.vault, "rev-parse", f"{first.ref}:new.txt").strip()
    path = _object(scene.vault, blob)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:40])

    problems = verify_vault(scene.place).problems

    assert {problem.ref for problem in problems} == {first.ref}
    assert all(blob in problem.what for problem in problems)


def test_missing_objects_are_found(scene, user) -> None:
    start = scene.start()
    scene.write("new.txt", "the words\n")
    first = scene.checkpoint("first")
    blob = user(scene.vault, "rev-parse", f"{first.ref}:new.txt").strip()
    _object(scene.vault, blob).unlink()
    assert [problem.what for problem in verify_vault(scene.place).problems] == [f"missing {blob} is missing"]

    _object(scene.vault, first.tree).unlink()
    problems = verify_vault(scene.place).problems
    assert {problem.ref for problem in problems} == {first.ref}
    assert start.ref not in {problem.ref for problem in problems}


def test_garbage_goes_and_checkpoints_stay(scene, user) -> None:
    start = scene.start()
    for number in range(5):
        scene.write(f"new{number}.txt")
        last = scene.checkpoint(f"phase-{number}")
    files = scene.files()
    (scene.state_dir / "garbage").write_text("nobody's\n")
    garbage = user(scene.vault, "hash-object", "-w", str(scene.state_dir / "garbage")).strip()
    os.utime(_object(scene.vault, garbage), (0, 0))

    collect_garbage(scene.place)

    assert not _object(scene.vault, garbage).exists()
    assert list((scene.vault / "objects/pack").glob("*.pack"))
    assert verify_vault(scene.place).problems == ()
    restore(scene.place, start.ref)
    restore(scene.place, last.ref)
    assert scene.files() == files
    assert scene.checkpoint("after").tree == last.tree


def test_a_forgotten_migration_leaves_the_others_alone(scene, make_scene, user) -> None:
    other = make_scene(scene.repository)
    other.start()
    files = other.files()
    scene.start()
    scene.write("new.txt")
    scene.checkpoint("first")
    before = vault_usage(scene.place)

    forget_migration(scene.place)

    assert before.checkpoints == 3
    assert vault_usage(scene.place).checkpoints == 1
    assert before.size_bytes > 0
    assert list_checkpoints(scene.place) == ()
    assert not scene.workspace.exists()
    assert user(scene.repository, "for-each-ref", "--format=%(refname)", "refs/roadmark").split() == [
        f"refs/roadmark/keep/{other.place.migration}"
    ]
    with pytest.raises(WorkspaceUnknown):
        forget_migration(scene.place)
    restore(other.place, f"refs/roadmark/{other.place.migration}/start")
    assert other.files() == files


def test_rubbish_of_an_interrupted_removal_is_emptied(scene) -> None:
    empty_trash(scene.state_dir)
    left = scene.state_dir / "trash" / "old.1234" / "deep"
    left.mkdir(parents=True)
    (left / "file.txt").write_text("x\n")
    (scene.state_dir / "trash" / "link").symlink_to(scene.repository)

    empty_trash(scene.state_dir)

    assert list((scene.state_dir / "trash").iterdir()) == []
    assert (scene.repository / "run.sh").exists()


def test_all_worktrees_of_a_repository_share_one_vault(scene, make_scene, user, tmp_path: Path) -> None:
    scene.start()
    user(scene.repository, "worktree", "add", "-q", str(tmp_path / "side"), "-b", "side")
    other = make_scene(tmp_path / "side")
    other.start()

    assert other.vault == scene.vault
    assert vault_usage(other.place).checkpoints == 2


def test_a_state_folder_reached_by_a_link_is_the_same(scene, tmp_path: Path) -> None:
    first = scene.start()
    (tmp_path / "by-link").symlink_to(scene.state_dir)
    place = Place(
        repository=scene.repository, state_dir=tmp_path / "by-link", migration=scene.place.migration
    )

    assert take_checkpoint(place, "start", {}) == first
