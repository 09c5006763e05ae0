"""The runner of git, its locks, and the files under it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from roadmark.executor.workspace.errors import GitError, GitMissing, GitTimeout, LockTimeout
from roadmark.executor.workspace.files import remove_trees, write_whole
from roadmark.executor.workspace.git import Git, lfs_settings, run_git
from roadmark.executor.workspace.locks import hold


def test_an_error_names_the_command_and_what_git_said(repository: Path) -> None:
    with pytest.raises(GitError, match=r"git rev-parse --verify nothing ended with 128: fatal: ") as caught:
        Git(git_dir=repository / ".git").run("rev-parse", "--verify", "nothing")

    assert caught.value.command == ("rev-parse", "--verify", "nothing")
    assert caught.value.status == 128


def test_no_git_is_told_apart_from_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        run_git(("version",), cwd=tmp_path / "gone", environment={})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissing, match="install git"):
        run_git(("version",), cwd=tmp_path, environment={})


def test_a_git_that_hangs_is_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(GitTimeout, match=r"0\.2 s"):
        run_git(("hash-object", "--no-filters", "pipe"), cwd=tmp_path, environment={}, timeout_s=0.2)


def test_only_the_users_own_lfs_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text(
        '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\trequired = true\n[filter "other"]\n\tclean = evil\n'
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    assert lfs_settings(str(tmp_path)) == ("filter.lfs.clean=git-lfs clean -- %f", "filter.lfs.required=true")
    assert lfs_settings(str(tmp_path / "none")) == ()


def test_a_lock_keeps_threads_apart(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(10):
            with hold(tmp_path / "deep/lock", 20.0):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(most), max(most)) == (80, 1)


def test_a_lock_that_is_held_is_waited_for_only_so_long(tmp_path: Path) -> None:
    with (
        hold(tmp_path / "lock", 1.0),
        pytest.raises(LockTimeout, match="try again"),
        hold(tmp_path / "lock", 0.05),
    ):
        pass


def test_a_lock_lives_as_long_as_the_work_that_inherited_it(tmp_path: Path) -> None:
    """A service is killed while its git runs on: the next service waits for that git."""
    script = (
        "import subprocess, sys, os; from pathlib import Path\n"
        "from roadmark.executor.workspace.locks import hold\n"
        "with hold(Path(sys.argv[1]), 1) as held:\n"
        "    subprocess.Popen(('cat',), pass_fds=(held,))\n"
        "    print('ready', flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    reading, writing = os.pipe()
    service = subprocess.Popen(
        (sys.executable, "-c", script, str(tmp_path / "lock")), stdin=reading, stdout=subprocess.PIPE
    )
    os.close(reading)
    assert service.stdout.readline() == b"ready\n"
    service.wait()

    with pytest.raises(LockTimeout), hold(tmp_path / "lock", 0.05):
        pass
    os.close(writing)
    with hold(tmp_path / "lock", 10.0):
        pass
    service.stdout.close()


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "facts.json", b"one")
    write_whole(tmp_path / "facts.json", b"two")

    assert [path.name for path in tmp_path.iterdir()] == ["facts.json"]
    assert (tmp_path / "facts.json").read_bytes() == b"two"


def test_what_cannot_be_deleted_is_told(tmp_path: Path) -> None:
    remove_trees([tmp_path / "not-there"])
    with pytest.raises(OSError, match="/proc/self"):
        remove_trees([Path("/proc/self/fdinfo")])
