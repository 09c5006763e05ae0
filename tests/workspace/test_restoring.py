"""Rollback: kinds of work over three phases, walked back and forth; every stop is exact to the byte."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from roadmark.executor.workspace.errors import RestoreNotExact, SnapshotUnknown, WorkspaceUnknown
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.publish import publish
from roadmark.executor.workspace.vault import diff, patch_text, restore

ID = ("-c", "user.name=agent", "-c", "user.email=agent@example.org")


def edits(scene, user, phase: int) -> None:
    scene.write("docs/file1.txt", f"phase {phase}\n")
    scene.write(f"added/by{phase}.txt")
    (scene.workspace / f"docs/file{2 * phase + 1}.txt").unlink()


def stopped_in_the_middle(scene, user, phase: int) -> None:
    scene.write("docs/file1.txt", "half a wor")
    scene.write(f"src/deep/.file{phase}.txt.swp", os.urandom(300))
    scene.write(f"src/deep/file{2 * phase}.txt", b"")


def killed_while_checkpointing(scene, user, phase: int) -> None:
    """Locks of a git that was killed lie about in everything that is ours."""
    edits(scene, user, phase)
    private = scene.state_dir / "migrations" / scene.place.migration
    for lock in ("index.lock", "index.publish.lock", "index.proof.lock"):
        (private / lock).write_bytes(b"half an index")
    refs = scene.vault / "refs/roadmark" / scene.place.migration
    (refs / f"phase-{phase}.lock").write_bytes(b"")


def the_user_goes_on(scene, user, phase: int) -> None:
    edits(scene, user, phase)
    (scene.repository / "theirs.txt").write_text(f"{phase}\n")
    user(scene.repository, "add", "-A")
    user(scene.repository, "commit", "-qm", "Theirs")


def the_branch_is_edited(scene, user, phase: int) -> None:
    edits(scene, user, phase)
    snapshot = scene.checkpoint(f"to-publish-{phase}")
    publish(scene.place, snapshot.ref, "feature/x", f"Phase {phase}", {})
    user(scene.repository, "checkout", "-q", "feature/x")
    (scene.repository / f"theirs{phase}.txt").write_text("theirs\n")
    user(scene.repository, "add", "-A")
    user(scene.repository, "commit", "-qm", "Theirs")
    user(scene.repository, "checkout", "-q", "main")


def modes(scene, user, phase: int) -> None:
    for number, mode in enumerate((0o755, 0o644, 0o700, 0o600, 0o444, 0o555)):
        (scene.workspace / f"src/deep/file{2 * number}.txt").chmod(mode if phase % 2 else 0o644)
    (scene.workspace / "run.sh").chmod(0o644 if phase % 2 else 0o755)


def links(scene, user, phase: int) -> None:
    (scene.workspace / f"to-nowhere{phase}").symlink_to("/nonexistent/ünï")
    (scene.workspace / f"to-itself{phase}").symlink_to(f"to-itself{phase}")
    (scene.workspace / "link").unlink(missing_ok=True)
    if phase != 2:
        (scene.workspace / "link").symlink_to(f"docs/file{phase}.txt")
    (scene.workspace / "docs/file7.txt").unlink(missing_ok=True)
    (scene.workspace / "docs/file7.txt").symlink_to("/etc/passwd")


def renames(scene, user, phase: int) -> None:
    last = "docs" if phase == 1 else f"moved{phase - 1}"
    (scene.workspace / last).rename(scene.workspace / f"moved{phase}")
    (scene.workspace / f"src/deep/file{2 * phase}.txt").rename(scene.workspace / f"renamed{phase}.txt")


def line_ends(scene, user, phase: int) -> None:
    scene.write(
        ".gitattributes", "* text=auto\n*.bat eol=crlf\nutf16.txt working-tree-encoding=UTF-16\n*.id ident\n"
    )
    scene.write("windows.txt", b"one\r\ntwo\r\n" * phase)
    scene.write("mixed.txt", b"one\r\ntwo\nthree\r\r\n" * phase)
    scene.write("start.bat", b"only\nunix\n" * phase)
    scene.write("utf16.txt", "ünï\n".encode("utf-16") if phase == 1 else b"not utf-16 at all\n")
    scene.write("version.id", "$Id$\n" if phase == 1 else "$Id: something else $\n")


def odd_names(scene, user, phase: int) -> None:
    for name in (
        "ünï cöde",
        "e\u0301 decomposed",
        "日本語",
        "new\nline",
        "tab\there",
        '"quoted"',
        "-rf",
        " ",
        "*",
        "a\\b",
    ):
        scene.write(f"odd{phase}/{name}", f"{name}\n")
    (scene.workspace / os.fsdecode(b"not-utf8-\xff\xfe")).write_text(f"{phase}\n")
    scene.write("README", f"upper {phase}\n")
    scene.write("readme", f"lower {phase}\n")
    scene.write("git~1", "not git\n")
    scene.write(".gitmodules", f"[broken {phase}\n")


def folders_and_files_swapped(scene, user, phase: int) -> None:
    if phase % 2:
        shutil.rmtree(scene.workspace / "docs")
        scene.write("docs", "a file now\n")
        (scene.workspace / "run.sh").unlink()
        scene.write("run.sh/inner/deeper.txt")
    else:
        (scene.workspace / "docs").unlink()
        scene.write("docs/file1.txt", "back\n")
        shutil.rmtree(scene.workspace / "run.sh")
        (scene.workspace / "run.sh").symlink_to("docs")


def a_folder_becomes_a_link_out(scene, user, phase: int) -> None:
    outside = scene.state_dir.parent / "outside"
    outside.mkdir(exist_ok=True)
    for name in ("file1.txt", "file3.txt"):
        (outside / name).write_text("not the agent's\n")
    if phase == 1:
        shutil.rmtree(scene.workspace / "docs")
        (scene.workspace / "docs").symlink_to(outside)
    scene.write(f"inside{phase}.txt")


def nested_repositories(scene, user, phase: int) -> None:
    for name in ("without", "with", "with/within"):
        folder = scene.workspace / f"nested{phase}" / name
        folder.mkdir(parents=True)
        user(folder, "init", "-q")
        (folder / "inner.txt").write_text(f"{name} {phase}\n")
    with_commits = scene.workspace / f"nested{phase}/with"
    user(with_commits, "add", "inner.txt")
    user(with_commits, *ID, "commit", "-qm", "inner")
    for earlier in range(1, phase):
        scene.write(f"nested{earlier}/with/inner.txt", f"changed in {phase}\n")


def git_wrecked(scene, user, phase: int) -> None:
    edits(scene, user, phase)
    if phase == 1:
        shutil.rmtree(scene.workspace / ".git")
    elif phase == 2:
        (scene.workspace / ".git").mkdir(exist_ok=True)
        (scene.workspace / ".git/HEAD").write_text("ref: ../../../etc/passwd\n")
    else:
        shutil.rmtree(scene.workspace / ".git")
        (scene.workspace / ".git").write_text(f"gitdir: {scene.repository}/.git\n")


def history_rewritten(scene, user, phase: int) -> None:
    edits(scene, user, phase)
    folder = scene.workspace
    user(folder, "add", "-A")
    user(folder, *ID, "commit", "-qm", f"agent {phase}")
    user(folder, *ID, "commit", "-q", "--amend", "-m", "rewritten")
    user(folder, "checkout", "-qb", f"mine{phase}")
    for ref in user(folder, "for-each-ref", "--format=%(refname)").split():
        user(folder, "update-ref", "-d", ref)
    user(folder, "reflog", "expire", "--expire=now", "--all")
    user(folder, "gc", "-q", "--prune=now", check=False)


def everything_deleted(scene, user, phase: int) -> None:
    for path in scene.workspace.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if phase == 2:
        scene.write("only.txt")


def the_workspace_lost(scene, user, phase: int) -> None:
    edits(scene, user, phase)
    scene.checkpoint(f"before-loss-{phase}")
    shutil.rmtree(scene.workspace)


CONDITIONS = [
    edits,
    stopped_in_the_middle,
    killed_while_checkpointing,
    the_user_goes_on,
    the_branch_is_edited,
    modes,
    links,
    renames,
    line_ends,
    odd_names,
    folders_and_files_swapped,
    a_folder_becomes_a_link_out,
    nested_repositories,
    git_wrecked,
    history_rewritten,
    everything_deleted,
    the_workspace_lost,
]
WALK = ("phase-2", "start", "safety", "phase-1")


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.__name__)
def test_every_stop_of_a_walk_through_the_checkpoints_is_exact(
    scene, user, condition: Callable[..., None]
) -> None:
    taken = {"start": scene.start()}
    seen = {"start": scene.files()}
    for phase in (1, 2, 3):
        condition(scene, user, phase)
        taken[f"phase-{phase}"] = scene.checkpoint(f"phase-{phase}")
        seen[f"phase-{phase}"] = scene.files()
    scene.write("last.txt", "not yet kept\n")
    taken["safety"], seen["safety"] = scene.checkpoint("before-1"), scene.files()

    for stop in WALK:
        proof = restore(scene.place, taken[stop].ref)
        assert scene.files() == seen[stop]
        assert proof.expected_tree == proof.actual_tree == taken[stop].tree
        assert diff(scene.place, taken[stop].ref, None) == ()
        assert user(scene.workspace, "rev-parse", "HEAD") != ""


def test_names_that_differ_in_case_or_in_unicodes_form_alone_stay_apart(scene, user) -> None:
    twins = ("case/Name", "case/name", "case/NAME", "Case/name", "case/e\u0301", "case/\u00e9")
    scene.start()
    for twin in twins:
        scene.write(twin, f"{twin}\n")
    kept = scene.checkpoint("phase-1")
    before = scene.files()
    (scene.workspace / twins[0]).unlink()
    scene.write(twins[1], "other\n")
    (scene.workspace / twins[4]).rename(scene.workspace / "case" / "moved")

    proof = restore(scene.place, kept.ref)

    assert (proof.actual_tree, scene.files()) == (kept.tree, before)
    publish(scene.place, kept.ref, "feature/result", "Twins", {})
    listed = user(scene.repository, "ls-tree", "-r", "-z", "--name-only", "feature/result").split("\0")
    assert set(twins) <= set(listed)


def test_a_folder_behind_a_link_is_never_written(scene, user) -> None:
    start = scene.start()
    a_folder_becomes_a_link_out(scene, user, 1)
    first = scene.checkpoint("first")
    outside = scene.state_dir.parent / "outside"

    for snapshot in (start, first, start):
        restore(scene.place, snapshot.ref)

    assert (scene.workspace / "docs/file1.txt").read_text().startswith("1: line 0")
    assert {path.name: path.read_text() for path in outside.iterdir()} == {
        "file1.txt": "not the agent's\n",
        "file3.txt": "not the agent's\n",
    }


def test_the_proof_says_what_went_what_came_back_and_what_was_left(scene) -> None:
    scene.start()
    scene.write("docs/file1.txt", "first\n")
    first = scene.checkpoint("first")
    scene.write("docs/file1.txt", "second\n")
    scene.write("new/deep.txt")
    scene.write("build/out.bin")
    (scene.workspace / "docs/file3.txt").unlink()
    os.mkfifo(scene.workspace / "pipe")

    proof = restore(scene.place, first.ref)

    assert set(proof.removed) >= {"new/deep.txt", "pipe"}
    assert proof.restored == ("docs/file1.txt", "docs/file3.txt")
    assert proof.kept_ignored == ("build",)
    assert not (scene.workspace / "new").exists()


def test_ignored_files_stay_unless_it_goes_back_to_the_start(scene) -> None:
    start = scene.start()
    scene.write("build/out.bin", "built\n")
    scene.write("src/deep/debug.log", "log\n")
    first = scene.checkpoint("first")
    scene.write(".env", "SECRET=1\n")
    scene.write("extra/trace.log", "log\n")
    scene.write("extra/plain.txt")

    restore(scene.place, first.ref)
    ignored = {".env", "build/out.bin", "src/deep/debug.log", "extra/trace.log"}
    assert ignored <= set(scene.files())
    assert "extra/plain.txt" not in scene.files()

    restore(scene.place, start.ref)
    assert ignored.isdisjoint(scene.files())
    assert not (scene.workspace / "extra").exists()


def test_work_hidden_by_a_new_ignore_rule_goes_back_too(scene) -> None:
    scene.start()
    first = scene.checkpoint("first")
    before = scene.files()
    scene.write(".gitignore", "*\n")
    scene.write("hidden.txt")

    restore(scene.place, first.ref)

    assert scene.files() == before


def test_files_over_the_limit_are_named_kept_and_gone_at_the_start(scene) -> None:
    place = Place(
        repository=scene.repository,
        state_dir=scene.state_dir,
        migration=scene.place.migration,
        file_limit_bytes=1000,
    )
    scene.place = place
    start = scene.start()
    scene.write("big.bin", b"x" * 1001)
    scene.write("picture.bin", b"y" * 1001)
    scene.write("small.bin", b"x" * 1000)
    first = scene.checkpoint("first")
    assert first.not_covered == ("big.bin", "picture.bin")
    assert {delta.path for delta in diff(place, start.ref, first.ref)} == {"small.bin", "picture.bin"}
    published = publish(place, first.ref, "feature/x", "First", {})

    proof = restore(place, first.ref)
    assert proof.kept_ignored == ("big.bin", "picture.bin")
    assert (scene.workspace / "big.bin").exists()

    restore(place, start.ref)
    assert not (scene.workspace / "big.bin").exists()
    assert (scene.workspace / "picture.bin").read_bytes() == bytes(range(256))
    assert published.commit


def test_a_file_too_large_is_published_as_it_was(scene, user) -> None:
    scene.place = Place(
        repository=scene.repository,
        state_dir=scene.state_dir,
        migration=scene.place.migration,
        file_limit_bytes=1000,
    )
    scene.start()
    scene.write("picture.bin", b"y" * 1001)
    scene.write("small.txt")
    publish(scene.place, scene.checkpoint("first").ref, "feature/x", "First", {})

    assert user(scene.repository, "diff", "--name-only", "main", "feature/x") == "small.txt\n"


def test_nested_repositories_are_published_as_plain_files_beside_attributes(scene, user) -> None:
    """The second index, the one for the branch, finds them too, also when it has to be made again."""
    scene.start()
    (scene.state_dir / "migrations" / scene.place.migration / "index.publish").unlink()
    scene.write(".gitattributes", "*.txt text=auto\n")
    nested_repositories(scene, user, 1)

    publish(scene.place, scene.checkpoint("first").ref, "feature/x", "First", {})

    listed = user(scene.repository, "ls-tree", "-r", "--name-only", "feature/x", "nested1").split()
    assert listed == ["nested1/with/inner.txt", "nested1/with/within/inner.txt", "nested1/without/inner.txt"]


def test_repositories_nested_without_end_are_named_where_the_patience_ends(scene, user) -> None:
    scene.start()
    folder = scene.workspace
    for _ in range(20):
        folder = folder / "in"
        folder.mkdir()
        user(folder, "init", "-q")
        (folder / "file.txt").write_text("text\n")

    snapshot = scene.checkpoint("first")

    assert any(path.endswith("in/") for path in snapshot.not_covered)
    restore(scene.place, snapshot.ref)


def test_a_nested_repository_made_since_goes_and_one_of_the_checkpoint_stays(scene, user) -> None:
    scene.start()
    nested_repositories(scene, user, 1)
    first = scene.checkpoint("first")
    head = user(scene.workspace / "nested1/with", "rev-parse", "HEAD")
    nested_repositories(scene, user, 2)

    restore(scene.place, first.ref)

    assert not (scene.workspace / "nested2").exists()
    assert user(scene.workspace / "nested1/with", "rev-parse", "HEAD") == head
    assert first.not_covered == ("nested1/with/.git", "nested1/with/within/.git", "nested1/without/.git")


def test_a_repository_in_an_ignored_folder_is_ignored(scene, user) -> None:
    scene.start()
    folder = scene.write("build/dependency/code.c").parent
    user(folder, "init", "-q")

    first = scene.checkpoint("first")

    assert first.not_covered == ()
    restore(scene.place, first.ref)
    assert (folder / "code.c").exists()


def test_attributes_shape_the_branch_and_not_the_checkpoint(scene, user) -> None:
    """Files that a checkout writes with CRLF come back so, and are committed as git would."""
    (scene.repository / ".gitattributes").write_text("*.txt text eol=crlf\n*.id ident\n")
    (scene.repository / "version.id").write_text("$Id$\n")
    user(scene.repository, "add", "-A")
    user(scene.repository, "add", "--renormalize", ".")
    user(scene.repository, "commit", "-qm", "Line ends")
    start = scene.start()
    beginning = scene.files()
    assert beginning["docs/file1.txt"][2].count(b"\r\n") == 12
    assert b"$Id: " in beginning["version.id"][2]
    scene.write("docs/file1.txt", b"one\ntwo\r\n")
    scene.write("new.txt", b"three\r\n")
    first = scene.checkpoint("first")
    files = scene.files()
    publish(scene.place, first.ref, "feature/x", "First", {})

    assert user(scene.repository, "diff", "--name-only", "main", "feature/x") == "docs/file1.txt\nnew.txt\n"
    assert user(scene.repository, "cat-file", "blob", "feature/x:docs/file1.txt") == "one\ntwo\n"
    restore(scene.place, start.ref)
    assert scene.files() == beginning
    restore(scene.place, first.ref)
    assert scene.files() == files
    patch = patch_text(scene.place, start.ref, first.ref)
    assert "-1: line 0\n" in patch
    assert "+one\n+two\n" in patch


FAKE_LFS = """#!/bin/sh
# Stands in for git-lfs: keeps content under its hash, hands out pointers.
case "$1" in
clean)
    content=$(mktemp); cat > "$content"
    oid=$(sha256sum < "$content" | cut -c1-64)
    folder="$GIT_DIR/lfs/objects/$(echo "$oid" | cut -c1-2)/$(echo "$oid" | cut -c3-4)"
    mkdir -p "$folder"; mv "$content" "$folder/$oid"
    size=$(wc -c < "$folder/$oid")
    printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' "$oid" "$size" ;;
smudge)
    oid=$(sed -n 's/^oid sha256://p')
    store="$(echo "$GIT_ALTERNATE_OBJECT_DIRECTORIES" | cut -d: -f1)/../lfs/objects"
    cat "$store/$(echo "$oid" | cut -c1-2)/$(echo "$oid" | cut -c3-4)/$oid" ;;
esac
"""


def test_large_files_of_git_lfs_are_bytes_in_the_workspace_and_pointers_on_the_branch(
    scene, user, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    program = home / "fake-lfs"
    program.write_text(FAKE_LFS)
    program.chmod(0o755)
    (home / ".gitconfig").write_text(
        f'[filter "lfs"]\n\tclean = {program} clean\n\tsmudge = {program} smudge\n\trequired = true\n'
    )
    monkeypatch.setenv("HOME", str(home))
    content = b"large and old\n"
    oid = hashlib.sha256(content).hexdigest()
    stored = scene.repository / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    stored.parent.mkdir(parents=True)
    stored.write_bytes(content)
    (scene.repository / ".gitattributes").write_text("*.big filter=lfs\n")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 14\n"
    (scene.repository / "old.big").write_text(pointer)
    user(scene.repository, "add", "-A")
    user(scene.repository, "commit", "-qm", "Large files")
    start = scene.start()
    assert (scene.workspace / "old.big").read_bytes() == content
    scene.write("new.big", "large and new\n")
    first = scene.checkpoint("first")
    publish(scene.place, first.ref, "feature/x", "First", {})

    assert user(scene.repository, "diff", "--name-only", "main", "feature/x") == "new.big\n"
    new_oid = hashlib.sha256(b"large and new\n").hexdigest()
    assert f"oid sha256:{new_oid}\n" in user(scene.repository, "show", "feature/x:new.big")
    sent = scene.repository / ".git/lfs/objects" / new_oid[:2] / new_oid[2:4] / new_oid
    assert sent.read_bytes() == b"large and new\n"
    restore(scene.place, start.ref)
    assert (scene.workspace / "old.big").read_bytes() == content
    restore(scene.place, first.ref)
    assert (scene.workspace / "new.big").read_text() == "large and new\n"


def _with_submodule(user, repository: Path) -> Path:
    """Adds a submodule `part` to the repository; returns the repository of the part."""
    part = repository.parent / "part"
    part.mkdir()
    user(part, "init", "-q")
    (part / "part.txt").write_text("one\n")
    user(part, "add", "-A")
    user(part, "commit", "-qm", "part")
    user(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(part), "part")
    user(repository, "commit", "-qm", "With a part")
    return part


def test_a_submodule_that_nobody_filled_stays_a_commit(scene, user) -> None:
    _with_submodule(user, scene.repository)
    start = scene.start()
    scene.write("new.txt")
    first = scene.checkpoint("first")
    publish(scene.place, first.ref, "feature/x", "First", {})

    assert user(scene.repository, "diff", "--name-only", "main", "feature/x") == "new.txt\n"
    restore(scene.place, start.ref)
    assert list((scene.workspace / "part").iterdir()) == []


def test_a_submodules_files_are_covered_and_the_branch_gets_its_commit(scene, user) -> None:
    part = _with_submodule(user, scene.repository)
    start = scene.start()
    (scene.workspace / "part").rmdir()
    user(scene.workspace, "clone", "-q", str(part), "part")
    filled = scene.checkpoint("filled")
    files = scene.files()
    scene.write("part/part.txt", "two\n")
    user(scene.workspace / "part", *ID, "commit", "-qam", "two")
    moved = scene.checkpoint("moved")
    head = user(scene.workspace / "part", "rev-parse", "HEAD").strip()
    publish(scene.place, filled.ref, "feature/filled", "Filled", {})
    publish(scene.place, moved.ref, "feature/moved", "Moved", {})

    assert user(scene.repository, "diff", "--name-only", "main", "feature/filled") == ""
    assert user(scene.repository, "rev-parse", "feature/moved:part").strip() == head
    restore(scene.place, filled.ref)
    assert scene.files() == files
    restore(scene.place, start.ref)
    assert list((scene.workspace / "part").iterdir()) == []


def test_a_submodule_whose_folder_was_deleted_is_deleted_on_the_branch(scene, user) -> None:
    _with_submodule(user, scene.repository)
    scene.start()
    (scene.workspace / "part").rmdir()

    publish(scene.place, scene.checkpoint("first").ref, "feature/x", "First", {})

    assert user(scene.repository, "diff", "--name-status", "main", "feature/x") == "D\tpart\n"


def test_what_no_index_can_hold_is_named_and_in_nobodys_way(scene) -> None:
    start = scene.start()
    scene.write(".GIT/config", "[core]\n")
    scene.write("deep/.Git/x")
    scene.write("deep/plain.txt")
    (scene.workspace / "deep/.gitmodules").symlink_to("plain.txt")
    os.mkfifo(scene.workspace / "deep/.gitignore")
    os.mkfifo(scene.workspace / ".gitattributes")
    (scene.workspace / "docs/file1.txt").unlink()
    os.mkfifo(scene.workspace / "docs/file1.txt")

    first = scene.checkpoint("first")

    assert first.not_covered == (
        ".GIT/config",
        ".gitattributes",
        "deep/.Git/x",
        "deep/.gitignore",
        "deep/.gitmodules",
        "docs/file1.txt",
    )
    assert {delta.path for delta in diff(scene.place, start.ref, first.ref)} == {
        "deep/plain.txt",
        "docs/file1.txt",
    }
    restore(scene.place, start.ref)
    assert not (scene.workspace / "deep").exists()
    assert not (scene.workspace / ".GIT").exists()


def test_folders_nested_deeper_than_a_path_can_name_go_away(scene) -> None:
    start = scene.start()
    before = scene.files()
    here = os.open(scene.workspace, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        inner = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)

    restore(scene.place, start.ref)

    assert scene.files() == before


def test_unreadable_files_and_folders_are_read_all_the_same(scene) -> None:
    scene.start()
    for path in ("closed/inside.txt", "alone.txt"):
        scene.write(path)
    first = scene.checkpoint("first")
    (scene.workspace / "alone.txt").chmod(0)
    (scene.workspace / "closed").chmod(0)

    second = scene.checkpoint("second")

    assert second.tree == first.tree
    assert second.not_covered == ()


def test_a_damaged_private_index_is_made_again(scene) -> None:
    start = scene.start()
    scene.write("new.txt")
    private = scene.state_dir / "migrations" / scene.place.migration
    for index in ("index", "index.publish"):
        (private / index).write_bytes(b"DIRC nonsense" * 50)

    first = scene.checkpoint("first")

    assert [delta.path for delta in diff(scene.place, start.ref, first.ref)] == ["new.txt"]


def test_only_checkpoints_of_this_migration_are_restored(scene, make_scene) -> None:
    scene.start()
    other = make_scene(scene.repository)
    theirs = other.start()

    for ref in (theirs.ref, f"refs/roadmark/{scene.place.migration}/none", "HEAD", ""):
        with pytest.raises(SnapshotUnknown):
            restore(scene.place, ref)


@pytest.fixture
def intruder(scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Something that still writes into the workspace while its tree is proved, for the first n times."""

    def let_in(times: int) -> None:
        shim, seen = tmp_path / "shim", tmp_path / "seen"
        shim.mkdir()
        (shim / "git").write_text(
            f'#!/bin/sh\ncase "$GIT_INDEX_FILE $*" in *index.proof*read-tree*)\n'
            f"    echo x >> {seen}\n"
            f"    [ $(wc -l < {seen}) -gt {times} ] || echo x >> {scene.workspace}/docs/file1.txt;;\n"
            f'esac\nexec {shutil.which("git")} "$@"\n'
        )
        (shim / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{shim}:{os.environ['PATH']}")

    return let_in


def test_a_restore_that_is_not_exact_is_tried_again_from_nothing(scene, intruder) -> None:
    start = scene.start()
    beginning = scene.files()
    scene.write("new.txt")
    intruder(1)

    assert restore(scene.place, start.ref).actual_tree == start.tree
    assert scene.files() == beginning


def test_a_restore_that_cannot_be_proved_says_so_and_can_be_repeated(
    scene, intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = scene.start()
    path = os.environ["PATH"]
    intruder(2)

    with pytest.raises(RestoreNotExact, match=r"docs/file1\.txt") as caught:
        restore(scene.place, start.ref)
    assert caught.value.expected_tree == start.tree != caught.value.actual_tree
    monkeypatch.setenv("PATH", path)
    restore(scene.place, start.ref)


def test_a_lost_private_index_is_made_again_with_its_submodules(scene, user) -> None:
    _with_submodule(user, scene.repository)
    start = scene.start()
    (scene.state_dir / "migrations" / scene.place.migration / "index").unlink()

    assert scene.checkpoint("again").tree == start.tree


def test_a_migration_without_a_workspace_is_refused(scene) -> None:
    with pytest.raises(WorkspaceUnknown, match="open it first"):
        scene.checkpoint("first")
