"""What a folder holds, and what came, changed, moved or went."""

import os
from pathlib import Path

import pytest
from roadmark.ingest.discovery import FoundFile, content_hash, is_spec_name, read_content, scan

SPEC = b"# Login\n\n- [ ] a\n"


def _write(folder: Path, name: str, content: bytes = SPEC) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _paths(files: tuple[FoundFile, ...]) -> list[str]:
    return [found.path for found in files]


def test_new_files_are_added_with_their_hash(tmp_path: Path) -> None:
    _write(tmp_path, "a.md")
    _write(tmp_path, "deep/er/b.markdown")
    _write(tmp_path, "tasks.json", b"{}")
    found = scan(tmp_path)
    assert _paths(found.added) == ["a.md", "tasks.json", "deep/er/b.markdown"]
    assert found.files["a.md"].sha256 == content_hash(SPEC)
    assert (found.changed, found.moved, found.removed, found.skipped) == ((), (), (), ())


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.md")
    first = scan(tmp_path)
    path.chmod(0)  # reading it now would fail (or, for root, give the same); its status has not changed
    second = scan(tmp_path, first.files)
    assert second.files == first.files
    assert (second.added, second.changed, second.skipped) == ((), (), ())


def test_a_change_a_move_and_a_removal_are_told_apart(tmp_path: Path) -> None:
    _write(tmp_path, "changed.md", b"old")
    _write(tmp_path, "moved.md", b"moves")
    _write(tmp_path, "gone.md", b"goes")
    first = scan(tmp_path)
    _write(tmp_path, "changed.md", b"new!")
    (tmp_path / "sub").mkdir()
    (tmp_path / "moved.md").rename(tmp_path / "sub" / "moved.md")
    (tmp_path / "gone.md").unlink()
    _write(tmp_path, "new.md", b"comes")
    second = scan(tmp_path, first.files)
    assert _paths(second.changed) == ["changed.md"]
    assert [(old, new.path) for old, new in second.moved] == [("moved.md", "sub/moved.md")]
    assert _paths(second.removed) == ["gone.md"]
    assert _paths(second.added) == ["new.md"]


def test_a_file_that_was_only_touched_is_not_changed(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.md")
    first = scan(tmp_path)
    os.utime(path, ns=(1, 1))
    second = scan(tmp_path, first.files)
    assert second.changed == ()
    assert second.files["a.md"].modified_ns == 1


@pytest.mark.parametrize(
    "name",
    [
        ".a.md",
        ".a.md.swp",
        "a.md~",
        "#a.md#",
        "~a.md",
        "README.md",
        "a.txt",
        "4913",
        "a.md.tmp",
        "CHANGELOG.md",
        "a.json",
    ],
)
def test_names_that_editors_and_repositories_use_are_no_specs(tmp_path: Path, name: str) -> None:
    _write(tmp_path, name)
    assert not is_spec_name(name)
    assert scan(tmp_path).files == {}


def test_hidden_folders_are_passed_over_but_not_those_of_known_tools(tmp_path: Path) -> None:
    _write(tmp_path, ".git/a.md")
    _write(tmp_path, ".kiro/specs/x/tasks.md")
    _write(tmp_path, ".taskmaster/tasks/tasks.json")
    assert sorted(scan(tmp_path).files) == [".kiro/specs/x/tasks.md", ".taskmaster/tasks/tasks.json"]


def test_a_link_out_of_the_folder_is_skipped_and_one_inside_is_read(tmp_path: Path) -> None:
    outside = _write(tmp_path, "outside.md")
    folder = tmp_path / "specs"
    _write(folder, "a.md", b"inside")
    (folder / "out.md").symlink_to(outside)
    (folder / "in.md").symlink_to(folder / "a.md")
    (folder / "dangling.md").symlink_to(folder / "none")
    (folder / "loop.md").symlink_to(folder / "loop.md")
    (folder / "dir").symlink_to(tmp_path, target_is_directory=True)
    found = scan(folder)
    assert sorted(found.files) == ["a.md", "in.md"]
    assert {skipped.path for skipped in found.skipped} == {"out.md", "dangling.md", "loop.md"}


def test_what_is_no_regular_file_is_skipped_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    found = scan(tmp_path)
    assert found.files == {}
    assert [(skipped.path, skipped.reason) for skipped in found.skipped] == [
        ("pipe.md", "not a regular file")
    ]
    assert read_content(tmp_path, "pipe.md") is None
    assert read_content(tmp_path, "none.md") is None


def test_a_huge_file_is_read_only_up_to_the_limit(tmp_path: Path) -> None:
    path = _write(tmp_path, "huge.md", b"")
    os.truncate(path, 10 * 1024**3)
    found = scan(tmp_path).files["huge.md"]
    assert found.size_bytes == 10 * 1024**3
    content = read_content(tmp_path, "huge.md")
    assert content is not None
    assert len(content) == 1024 * 1024 + 1


def test_two_huge_files_that_begin_alike_differ_by_their_size(tmp_path: Path) -> None:
    for name, size in (("a.md", 2 * 1024**2), ("b.md", 3 * 1024**2)):
        os.truncate(_write(tmp_path, name, b""), size)
    files = scan(tmp_path).files
    assert files["a.md"].sha256 != files["b.md"].sha256


def test_a_name_that_is_not_utf8_is_skipped(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.md"))).write_bytes(SPEC)
    found = scan(tmp_path)
    assert found.files == {}
    assert [skipped.reason for skipped in found.skipped] == ["a name that is not UTF-8"]


def test_folders_are_followed_only_so_deep(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(40):
        deep = deep / "d"
    _write(deep, "a.md")
    _write(tmp_path, "d/b.md")
    assert sorted(scan(tmp_path).files) == ["d/b.md"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert scan(tmp_path / "none").files == {}
