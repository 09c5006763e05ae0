"""Files of one ending are found wherever names come and go; what did not change is not read again."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from roadmark.ingest.named_files import NamedFiles

ENDING = ".reply.md"
LONG_AGO_S = 1_700_000_000


def names(found: list[Path], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


def settle(*folders: Path) -> None:
    """Let it be long ago that these folders changed."""
    for folder in folders:
        os.utime(folder, (LONG_AGO_S, LONG_AGO_S))


def test_files_of_all_folders_are_found_in_order(tmp_path: Path) -> None:
    for path in ("b.reply.md", "a.md", "in/a.reply.md", "in/deep/c.reply.md", "in/c.reply.done.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("done")
    (tmp_path / "round").symlink_to(tmp_path)
    found = NamedFiles(tmp_path, ENDING).find()
    assert names(found, tmp_path) == ["b.reply.md", "in/a.reply.md", "in/deep/c.reply.md"]
    assert NamedFiles(tmp_path / "nowhere", ENDING).find() == []


def test_a_folder_that_did_not_change_is_not_read_again(tmp_path: Path) -> None:
    files = NamedFiles(tmp_path, ENDING)
    settle(tmp_path)
    assert files.find() == []
    (tmp_path / "unseen.reply.md").write_text("done")
    settle(tmp_path)
    assert files.find() == []
    (tmp_path / "seen.reply.md").write_text("done")
    assert names(files.find(), tmp_path) == ["seen.reply.md", "unseen.reply.md"]


def test_another_folder_of_the_same_name_and_time_is_read(tmp_path: Path) -> None:
    files = NamedFiles(tmp_path, ENDING)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    (tmp_path / "second" / "login.reply.md").write_text("done")
    settle(tmp_path / "first", tmp_path / "second", tmp_path)
    assert names(files.find(), tmp_path) == ["second/login.reply.md"]
    (tmp_path / "second").rename(tmp_path / "first")
    assert names(files.find(), tmp_path) == ["first/login.reply.md"]


def test_a_folder_that_changed_just_now_is_read_again(tmp_path: Path) -> None:
    files = NamedFiles(tmp_path, ENDING)
    just_now = time.time_ns()
    os.utime(tmp_path, ns=(just_now, just_now))
    assert files.find() == []
    (tmp_path / "within-a-tick.reply.md").write_text("done")
    os.utime(tmp_path, ns=(just_now, just_now))
    assert names(files.find(), tmp_path) == ["within-a-tick.reply.md"]


def test_a_folder_that_cannot_be_read_hides_only_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "open.reply.md").write_text("done")
    scandir = os.scandir

    def refuse_the_closed(folder: Path) -> object:
        if folder.name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse_the_closed)
    assert names(NamedFiles(tmp_path, ENDING).find(), tmp_path) == ["open.reply.md"]


_PATHS = st.sampled_from(["a", "b", "a/a", "a/b", "b/a", "a/a/a"])
_ACTS = st.lists(st.tuples(st.sampled_from(["write", "delete", "make", "remove", "move"]), _PATHS, _PATHS))


def act(root: Path, what: str, path: Path, to: Path) -> None:
    """Do it if it can be done."""
    try:
        match what:
            case "write":
                path.with_name(f"{path.name}{ENDING}").write_text("done")
            case "delete":
                path.with_name(f"{path.name}{ENDING}").unlink()
            case "make":
                path.mkdir()
            case "remove":
                path.rmdir()
            case "move":
                path.rename(to)
    except OSError:
        return


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(acts=_ACTS)
def test_whatever_comes_and_goes_what_is_found_is_what_is_there(
    acts: list[tuple[str, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("specs")
    files = NamedFiles(root, ENDING)
    for what, path, to in acts:
        settle(root, *(folder for folder in root.rglob("*") if folder.is_dir()))
        files.find()
        act(root, what, root / path, root / to)
        assert files.find() == sorted(root.rglob(f"*{ENDING}"))
