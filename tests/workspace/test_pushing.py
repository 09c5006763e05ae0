"""A published branch is pushed forwards only, with the user's settings and nothing of the repository's."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from roadmark.executor.workspace.branch_names import BranchNameRefused
from roadmark.executor.workspace.errors import PushFailed
from roadmark.executor.workspace.publish import publish
from roadmark.executor.workspace.pushing import push

BRANCH = "feature/result"


@pytest.fixture
def remote(tmp_path: Path, user) -> Path:
    folder = tmp_path / "remote.git"
    folder.mkdir()
    user(folder, "init", "-q", "--bare")
    return folder


@pytest.fixture
def published(scene, remote: Path, user):
    """A scene whose branch has one phase, and a remote that knows nothing of it."""
    user(scene.repository, "remote", "add", "origin", str(remote))
    scene.start()
    scene.write("new.txt")
    scene.commit = publish(scene.place, scene.checkpoint("phase-1").ref, BRANCH, "Do it", {}).commit
    return scene


def refs(user, folder: Path) -> dict[str, str]:
    lines = user(folder, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)


def test_the_branch_and_nothing_else_gets_there(published, remote: Path, user) -> None:
    user(published.repository, "tag", "-a", "-m", "A tag", "v1", published.commit)
    push(published.place, BRANCH, "origin")
    assert refs(user, remote) == {f"refs/heads/{BRANCH}": published.commit}
    push(published.place, BRANCH, "origin")
    assert refs(user, remote) == {f"refs/heads/{BRANCH}": published.commit}


def test_what_others_pushed_is_never_overwritten(published, remote: Path, user) -> None:
    push(published.place, BRANCH, "origin")
    theirs = published.repository.parent / "theirs"
    user(remote, "clone", "-q", "-b", BRANCH, str(remote), str(theirs))
    (theirs / "theirs.txt").write_text("theirs\n")
    user(theirs, "add", "-A")
    user(theirs, "commit", "-qm", "Theirs")
    user(theirs, "push", "-q", "origin", BRANCH)
    before = refs(user, remote)
    published.write("later.txt")
    publish(published.place, published.checkpoint("phase-2").ref, BRANCH, "Do more", {})
    with pytest.raises(PushFailed, match="rejected"):
        push(published.place, BRANCH, "origin")
    assert refs(user, remote) == before


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nowhere", "No such remote"),
        ("--force", "no name of a remote"),
        ("ext::sh -c touch% trap", "no name of a remote"),
        ("", "no name of a remote"),
    ],
)
def test_a_remote_that_is_none_is_told(published, name: str, why: str) -> None:
    with pytest.raises(PushFailed, match=why):
        push(published.place, BRANCH, name)


def test_a_remote_that_is_gone_is_told_with_what_to_do(published, remote: Path) -> None:
    remote.rename(remote.with_name("moved.git"))
    with pytest.raises(PushFailed, match="push it by hand"):
        push(published.place, BRANCH, "origin")


def test_a_refused_name_never_reaches_git(published, remote: Path, user) -> None:
    with pytest.raises(BranchNameRefused):
        push(published.place, "--mirror", "origin")
    assert refs(user, remote) == {}


def test_nothing_that_the_repository_names_is_run(published, remote: Path, user, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\necho sprung >> {sprung}\ncat\n")
    trap.chmod(0o755)
    hook = published.repository / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_bytes(trap.read_bytes())
    hook.chmod(0o755)
    for key, value in (
        ("core.sshCommand", trap),
        ("credential.helper", f"!{trap}"),
        ("credential.https://localhost.helper", f"!{trap}"),
        ("remote.origin.receivepack", trap),
        ("core.gitProxy", trap),
        ("gpg.program", trap),
        ("push.gpgSign", "if-asked"),
        ("alias.push", f"!{trap}"),
    ):
        user(published.repository, "config", key, str(value))
    push(published.place, BRANCH, "origin")
    assert refs(user, remote) == {f"refs/heads/{BRANCH}": published.commit}
    for url in (
        "ssh://localhost:1/x.git",
        "https://localhost:1/x.git",
        f"ext::{trap} %S",
        "git://localhost:1/x",
    ):
        user(published.repository, "remote", "set-url", "origin", url)
        with pytest.raises(PushFailed):
            push(published.place, BRANCH, "origin")
        assert not sprung.exists(), url


class _Locked(BaseHTTPRequestHandler):
    """Asks everybody for a password."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_users_own_helper_is_asked_for_credentials(
    published, user, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, asked, planted = tmp_path / "home", tmp_path / "asked", tmp_path / "planted"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[credential]\n\thelper = "!echo >> {asked}; true"\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    with HTTPServer(("127.0.0.1", 0), _Locked) as server:
        url = f"http://127.0.0.1:{server.server_port}/shop.git"
        user(published.repository, "config", f"credential.{url}.helper", f"!echo >> {planted}; true")
        user(published.repository, "remote", "set-url", "origin", url)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(PushFailed):
            push(published.place, BRANCH, "origin")
        server.shutdown()
    assert asked.exists()
    assert not planted.exists()
