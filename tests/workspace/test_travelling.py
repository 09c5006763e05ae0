"""Checkpoints get from host to host by the remote: two state directories, and nothing between them but it."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from roadmark.executor.workspace.clone import clone_of, make_clone, publish_there
from roadmark.executor.workspace.errors import CheckpointElsewhere, RemoteRefused, RemoteUnreachable
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.publish import Published, publish
from roadmark.executor.workspace.remote_git import ask
from roadmark.executor.workspace.travel import Known, look_in, send_checkpoints, take_back, take_up
from roadmark.executor.workspace.upkeep import forget_migration, verify_vault
from roadmark.executor.workspace.vault import Snapshot, list_checkpoints, restore, take_checkpoint
from roadmark.executor.workspace.workspace import open_workspace

BRANCH = "feature/result"
MIGRATION = "7f3c1f0e-52a5-4f4e-9d3c-0d6a2b6f1c11"
MARK = f"{MIGRATION}:1:1"


class Host:
    """One machine: its state directory, and what it does with the migration."""

    def __init__(self, state_dir: Path, remote: Path) -> None:
        self.state_dir, self.remote = state_dir, str(remote)
        make_clone(state_dir, self.remote)
        clone = clone_of(state_dir, self.remote)
        self.place = Place(repository=clone, state_dir=state_dir, migration=MIGRATION)
        self.workspace = state_dir / "workspaces" / MIGRATION
        self.base = ""

    def start(self) -> Snapshot:
        self.base = open_workspace(self.place).base_commit
        return self.keep("start")

    def keep(self, name: str, **trailers: str) -> Snapshot:
        """Take a checkpoint and send it."""
        snapshot = take_checkpoint(
            self.place, name, {key.replace("_", "-"): to for key, to in trailers.items()}
        )
        send_checkpoints(self.place, self.remote)
        return snapshot

    def take_up(self, fence: int, base: str, *taken: Snapshot, marks: tuple[str, ...] = ()) -> bool:
        return take_up(self.place, self.remote, known(fence, base, *taken, marks=marks))

    def publish(self, snapshot: Snapshot) -> Published:
        act = partial(publish, self.place, snapshot.ref, BRANCH, "Do it", {})
        return publish_there(self.place, self.remote, BRANCH, act)


def known(fence: int, base: str, *taken: Snapshot, marks: tuple[str, ...] = ()) -> Known:
    refs = {one.commit: one.ref for one in taken}
    stands_at = taken[-1].commit if taken else None
    return Known(base_commit=base, fence=fence, refs=refs, stands_at=stands_at, published=None, marks=marks)


@pytest.fixture
def remote(tmp_path: Path, template: Path, user) -> Path:
    user(template, "clone", "-q", "--bare", str(template), str(tmp_path / "remote.git"))
    return tmp_path / "remote.git"


@pytest.fixture
def hosts(tmp_path: Path, remote: Path) -> tuple[Host, Host]:
    return Host(tmp_path / "one", remote), Host(tmp_path / "two", remote)


def test_a_workspace_is_made_on_another_host_to_the_byte(hosts, listed) -> None:
    one, two = hosts
    start = one.start()
    (one.workspace / "new.txt").write_text("new\n")
    (one.workspace / "docs" / "file1.txt").unlink()
    (one.workspace / "run.sh").chmod(0o644)
    first = one.keep("attempt-1-1")
    expected = listed(one.workspace)
    one.state_dir.rename(one.state_dir.with_name("gone"))
    assert two.take_up(2, one.base, start, first)
    assert listed(two.workspace) == expected
    assert [snapshot.commit for snapshot in list_checkpoints(two.place)] == [start.commit, first.commit]
    assert verify_vault(two.place).problems == ()
    (two.workspace / "more.txt").write_text("more\n")
    assert two.keep("attempt-2-1").tree != first.tree
    assert restore(two.place, start.ref).actual_tree == start.tree


def test_only_what_is_new_travels(hosts, remote: Path, user) -> None:
    one, _ = hosts
    one.start()
    before = int(user(remote, "count-objects", "-v").split("count: ")[1].split()[0])
    (one.workspace / "new.txt").write_text("new\n")
    one.keep("attempt-1-1")
    after = int(user(remote, "count-objects", "-v").split("count: ")[1].split()[0])
    assert after - before == 4, "the envelope, the checkpoint, its tree and the file"


def test_a_workspace_that_was_last_worked_on_here_is_left_as_it_is(hosts) -> None:
    one, _ = hosts
    start = one.start()
    assert not one.take_up(1, one.base, start)
    (one.workspace / "half.txt").write_text("half\n")
    assert not one.take_up(2, one.base, start)
    assert (one.workspace / "half.txt").exists()


def test_a_host_that_comes_back_works_on_with_what_the_other_did(hosts, listed) -> None:
    one, two = hosts
    start = one.start()
    one.take_up(1, one.base, start)
    (one.workspace / "stale.txt").write_text("stale\n")
    home = one.state_dir / "homes" / MIGRATION
    home.mkdir(parents=True)
    assert two.take_up(2, one.base, start)
    (two.workspace / "new.txt").write_text("new\n")
    first = two.keep("attempt-1-2")
    assert one.take_up(3, one.base, start, first)
    assert listed(one.workspace) == listed(two.workspace)
    assert not home.exists(), "its chats know nothing of what was done elsewhere"


def test_a_checkpoint_that_a_frozen_host_sends_late_changes_nothing(hosts) -> None:
    one, two = hosts
    start = one.start()
    (one.workspace / "late.txt").write_text("late\n")
    late = take_checkpoint(one.place, "attempt-1-1", {})
    two.take_up(2, one.base, start)
    (two.workspace / "right.txt").write_text("right\n")
    right = two.keep("attempt-1-1")
    send_checkpoints(one.place, one.remote)
    assert late.commit != right.commit
    assert one.take_up(3, one.base, start, right)
    assert (one.workspace / "right.txt").exists()
    assert not (one.workspace / "late.txt").exists()
    assert list_checkpoints(one.place)[-1].commit == right.commit


@pytest.mark.parametrize(("mark", "count"), [(MARK, 2), (f"{MIGRATION}:1:2", 1)])
def test_finished_work_that_no_row_knows_is_found_by_its_mark(hosts, mark: str, count: int) -> None:
    one, two = hosts
    start = one.start()
    (one.workspace / "new.txt").write_text("new\n")
    finished = one.keep("attempt-1-1", Roadmark_Attempt=MARK)
    two.take_up(2, one.base, start, marks=(mark,))
    found = [snapshot.commit for snapshot in list_checkpoints(two.place)]
    assert found == [start.commit, finished.commit][:count]


def test_a_checkpoint_that_never_got_there_is_named(hosts) -> None:
    one, two = hosts
    start = one.start()
    (one.workspace / "new.txt").write_text("new\n")
    kept = take_checkpoint(one.place, "attempt-1-1", {})
    with pytest.raises(CheckpointElsewhere, match="attempt-1-1"):
        two.take_up(2, one.base, start, kept)


def test_who_only_looks_sees_each_checkpoint_and_claims_nothing(hosts, listed) -> None:
    one, two = hosts
    start = one.start()
    one.take_up(1, one.base, start)
    look_in(two.place, two.remote, known(1, one.base, start))
    (one.workspace / "new.txt").write_text("new\n")
    first = one.keep("attempt-1-1")
    look_in(two.place, two.remote, known(1, one.base, start, first))
    assert listed(two.workspace) == listed(one.workspace)
    (one.workspace / "under-work.txt").write_text("half\n")
    look_in(one.place, one.remote, known(1, one.base, start, first))
    assert (one.workspace / "under-work.txt").exists(), "it is worked on here"
    assert two.take_up(2, one.base, start, first)


def test_a_branch_grows_from_both_hosts_and_keeps_what_people_pushed(
    hosts, remote: Path, user, tmp_path: Path
) -> None:
    one, two = hosts
    start = one.start()
    (one.workspace / "new.txt").write_text("new\n")
    first = one.keep("attempt-1-1")
    assert not one.publish(first).already
    user(remote, "clone", "-q", "-b", BRANCH, str(remote), str(tmp_path / "theirs"))
    (tmp_path / "theirs" / "theirs.txt").write_text("theirs\n")
    user(tmp_path / "theirs", "add", "-A")
    user(tmp_path / "theirs", "commit", "-qm", "Theirs")
    user(tmp_path / "theirs", "push", "-q", "origin", BRANCH)
    two.take_up(2, one.base, start, first)
    assert two.publish(first).already
    (two.workspace / "more.txt").write_text("more\n")
    second = two.keep("attempt-2-1")
    two.publish(second)
    names = user(remote, "ls-tree", "--name-only", BRANCH).split()
    assert {"new.txt", "theirs.txt", "more.txt"} <= set(names)
    assert user(remote, "rev-list", "--count", f"main..{BRANCH}").strip() == "3"


def test_a_repository_without_a_commit_travels_too(tmp_path: Path, user) -> None:
    remote = tmp_path / "empty.git"
    user(tmp_path, "init", "-q", "--bare", "-b", "main", str(remote))
    one, two = Host(tmp_path / "one", remote), Host(tmp_path / "two", remote)
    start = one.start()
    (one.workspace / "new.txt").write_text("new\n")
    first = one.keep("attempt-1-1")
    assert two.take_up(2, one.base, start, first)
    assert (two.workspace / "new.txt").read_text() == "new\n"
    two.publish(first)
    assert user(remote, "ls-tree", "--name-only", BRANCH).split() == ["new.txt"]


def test_what_was_sent_goes_with_the_migration(hosts, remote: Path, user) -> None:
    one, _ = hosts
    one.start()
    assert MIGRATION in user(remote, "for-each-ref")
    take_back(one.place, one.remote)
    forget_migration(one.place)
    assert MIGRATION not in user(remote, "for-each-ref")
    assert user(next((one.state_dir / "vault").glob("*[0-9a-f].git")), "for-each-ref") == ""


@pytest.mark.parametrize("act", ["clone", "send", "take up"])
def test_a_remote_that_is_gone_is_told_without_its_password(
    hosts, remote: Path, tmp_path: Path, act: str
) -> None:
    one, _ = hosts
    one.start()
    take_checkpoint(one.place, "attempt-1-1", {})
    gone = "http://anna:secret@127.0.0.1:1/x.git"
    acts: dict[str, Callable[[], object]] = {
        "clone": lambda: make_clone(tmp_path / "three", gone),
        "send": lambda: send_checkpoints(one.place, gone),
        "take up": lambda: take_up(one.place, gone, known(2, one.base)),
    }
    with pytest.raises(RemoteRefused) as refused:
        acts[act]()
    assert "secret" not in str(refused.value)
    assert not list((tmp_path / "three").rglob("*.git"))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x.git", "ssh://127.0.0.1:1/x.git", "https://nobody.invalid/x.git"]
)
def test_where_nobody_answers_it_is_unreachable(url: str) -> None:
    if url.startswith("ssh") and shutil.which("ssh") is None:
        pytest.skip("no ssh is installed on this machine")
    with pytest.raises(RemoteUnreachable):
        ask(url)


def test_a_remote_that_refuses_is_there_whatever_it_says(hosts: tuple[Host, Host], remote: Path) -> None:
    one, _ = hosts
    one.start()
    take_checkpoint(one.place, "attempt-1-1", {})
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'Connection refused' >&2\nexit 1\n")
    hook.chmod(0o755)
    for act in (lambda: send_checkpoints(one.place, str(remote)), lambda: ask(str(remote / "no-such"))):
        with pytest.raises(RemoteRefused) as refused:
            act()
        assert type(refused.value) is RemoteRefused


def test_a_clone_never_runs_what_an_address_names(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    for url in (f"ext::touch {trap}", f"--upload-pack=touch {trap}"):
        with pytest.raises(RemoteRefused):
            make_clone(tmp_path / "three", url)
    assert not trap.exists()
