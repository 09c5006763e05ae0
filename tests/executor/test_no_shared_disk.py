"""Two hosts that share a database and a remote, and no disk: what one began the other finishes."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from roadmark.executor.config import load_settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.far_ticks import FarTicks
from roadmark.executor.model import Migration
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.worker import UNREACHABLE_S

from ..e2e.crashing import free_port  # noqa: TID252 - importlib mode has no name for it
from .clocks import SetClock
from .conftest import SPEC, git

Begin = Callable[[str], Service]
BRANCH = "feature/greeting"


@pytest.fixture
def remote(tmp_path: Path, repo: Path) -> Path:
    git(repo, "clone", "-q", "--bare", str(repo), str(tmp_path / "remote.git"))
    return tmp_path / "remote.git"


@pytest.fixture
def host(tmp_path: Path, remote: Path, postgresql_server) -> Iterator[Begin]:
    """A service with a state directory of its own; the first has the specs. No other of them is running."""
    url, running = postgresql_server.make_database(), []

    def begin(name: str) -> Service:
        specs = tmp_path / name / "specs"
        specs.mkdir(parents=True, exist_ok=True)
        flags = {"specs": specs, "state_dir": tmp_path / name / "state", "git_remote": str(remote)}
        service = Service(load_settings(tmp_path / name, {}, flags | {"database_url": url}))
        service.hold(name)
        running.append(service)
        return service

    yield begin
    for service in running:
        service.stop()


def take_in(service: Service) -> str:
    """The migration of the only task, which stands in the service's folder."""
    path = service.settings.specs / "greeting.md"
    path.write_text(SPEC)
    os.utime(path, (1, 1))
    service.intake.rescan()
    return service.manager.start(service.tracker.fleet()[0].task.id, "anna", "scaffold").id


def work(service: Service, migration_id: str, replies: int = 9) -> Migration:
    """Advance, and say yes so many times at most, until nothing is asked any more."""
    for left in range(replies, -1, -1):
        service.advance(migration_id)
        if service.tracker.migration(migration_id).migration.status is not Status.WAITING or not left:
            break
        service.manager.reply(migration_id, "done", "anna", "test")
    return service.tracker.migration(migration_id).migration


def lose(service: Service) -> None:
    """The host is gone with its disk."""
    service.stop()
    shutil.rmtree(service.settings.state_dir.parent)


def result(remote: Path) -> str:
    return git(remote, "rev-parse", f"{BRANCH}^{{tree}}")


@pytest.fixture
def expected(driver, repo: Path) -> str:
    """The tree that a run on one host, without a failure, puts on the branch."""
    assert driver.carry_through(driver.begin()).status is Status.COMPLETED
    return git(repo, "rev-parse", f"{BRANCH}^{{tree}}")


@pytest.mark.parametrize(("replies", "attempts"), [(0, 0), (1, 1), (2, 2)])
def test_what_one_host_began_another_finishes(
    host: Begin, remote: Path, expected: str, replies: int, attempts: int
) -> None:
    first = host("one")
    migration_id = take_in(first)
    assert work(first, migration_id, replies).status is Status.WAITING
    assert len(first.tracker.migration(migration_id).attempts) == attempts
    lose(first)
    second = host("two")
    assert work(second, migration_id).status is Status.COMPLETED
    assert result(remote) == expected
    view = second.tracker.migration(migration_id)
    assert [one.outcome for one in view.attempts] == ["confirm", "confirm"]
    assert second.store.verify_journal() == []


def test_a_remote_that_is_away_parks_the_migration_until_it_is_back(
    tmp_path: Path, remote: Path, postgresql_server
) -> None:
    specs, clock, port = tmp_path / "one" / "specs", SetClock(), free_port()
    specs.mkdir(parents=True)
    flags = {
        "specs": specs,
        "state_dir": tmp_path / "one" / "state",
        "git_remote": f"http://127.0.0.1:{port}/remote.git",
        "database_url": postgresql_server.make_database(),
    }
    service = Service(load_settings(tmp_path / "one", {}, flags), clock)
    service.hold("one")
    migration_id = take_in(service)
    parked = work(service, migration_id)
    assert (parked.status, "onnect" in (parked.reason or "")) == (Status.PARKED, True)
    clock.let_pass(timedelta(seconds=UNREACHABLE_S - 1))
    service.manager.unpark_due()
    assert work(service, migration_id).status is Status.PARKED
    git(remote, "update-server-info")
    with served(remote.parent, port):
        clock.let_pass(timedelta(seconds=1))
        service.manager.unpark_due()
        assert work(service, migration_id, 1).status is Status.WAITING
    assert [one.used for one in service.tracker.migration(migration_id).attempts] == [False]
    service.stop()


@contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    """The folder by HTTP, to be read and not to be written."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield
        server.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    """Says nothing of its requests."""

    def log_message(self, *said: object) -> None:
        pass


def test_the_host_of_the_specs_ticks_what_others_did(host: Begin) -> None:
    first = host("one")
    migration_id = take_in(first)
    first.stop()
    second = host("two")
    assert work(second, migration_id).status is Status.COMPLETED
    second.stop()
    again = host("one")
    path = again.settings.specs / "greeting.md"
    assert "[x]" not in path.read_text()
    ticks = FarTicks(again.store, again.intake)
    ticks.bring()
    text = path.read_text()
    assert "- [x] Show the words on a page" in text
    again.intake.rescan_settled()
    ticks.bring()
    assert path.read_text() == text
    view = again.tracker.task(again.tracker.fleet()[0].task.id)
    assert {item.mark for item in view.items if item.phase} == {"x"}


def test_a_file_that_somebody_edits_keeps_its_own_marks(host: Begin) -> None:
    first = host("one")
    migration_id = take_in(first)
    first.stop()
    second = host("two")
    work(second, migration_id)
    second.stop()
    again = host("one")
    path = again.settings.specs / "greeting.md"
    edited = path.read_text().replace("Sort the words by language", "Sort the words by length")
    path.write_text(edited)
    FarTicks(again.store, again.intake).bring()
    assert path.read_text() == edited


def test_a_rollback_goes_on_from_another_host(host: Begin, remote: Path) -> None:
    first = host("one")
    migration_id = take_in(first)
    assert work(first, migration_id).status is Status.COMPLETED
    before = result(remote)
    lose(first)
    second = host("two")
    plan = second.rollbacks.preview(migration_id, "phase-1")
    assert {delta.path for delta in plan.files} == {"greeting/page.py"}
    second.rollbacks.request(migration_id, "phase-1", "it was too much", "anna")
    second.advance(migration_id)
    assert second.tracker.migration(migration_id).migration.status is Status.ROLLED_BACK
    assert git(remote, "ls-tree", "-r", "--name-only", BRANCH, "greeting/").split() == ["greeting/words.py"]
    assert result(remote) != before
    lose(second)
    third = host("three")
    third.manager.resume(migration_id, "anna")
    assert work(third, migration_id).status is Status.COMPLETED
    assert result(remote) == before


def test_work_goes_on_while_the_remote_is_away_and_lands_when_it_is_back(host: Begin, remote: Path) -> None:
    service = host("one")
    migration_id = take_in(service)
    away = remote.with_name("away.git")
    work(service, migration_id, replies=1)
    service.manager.reply(migration_id, "done", "anna", "test")
    assert BRANCH not in git(remote, "for-each-ref")
    remote.rename(away)
    service.advance(migration_id)
    blocked = service.tracker.migration(migration_id).migration
    assert (blocked.status, "remote" in str(blocked.reason)) == (Status.BLOCKED, True)
    away.rename(remote)
    service.manager.retry(migration_id, "anna")
    assert work(service, migration_id).status is Status.COMPLETED


@pytest.mark.parametrize("address", ["origin", "../elsewhere", "ext::sh -c x", "-u", "git://host/x"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigurationWrong, match="must be an address"):
        load_settings(tmp_path, {}, {"git_remote": address})


AGENT = """#!/bin/sh
mkdir -p greeting
if [ "$ROADMARK_PHASE" = 1 ]; then
    echo "WORDS = ['hello']" > greeting/words.py
elif [ -p {gate} ]; then
    echo half > greeting/half.py
    echo began > {gate}
    exec sleep 600
else
    echo "PAGE = 'hello'" > greeting/page.py
fi
echo done
"""

CONFIGURATION = """
[service]
specs = "specs"
state_dir = "state"
[database]
url = "{url}"
[git]
remote = "{remote}"
[run]
agent = "slow"
sandbox = "guard"
[agents.slow]
command = ["{script}"]
"""


class Machine:
    """A folder with a configuration of its own, where the program is run as a process."""

    def __init__(self, folder: Path, configuration: str, spec: str = "") -> None:
        self.folder = folder
        (folder / "specs").mkdir(parents=True)
        (folder / "roadmark.toml").write_text(configuration)
        if spec:
            (folder / "specs" / "greeting.md").write_text(spec)

    def run(self, task: str) -> subprocess.Popen[str]:
        asked = [sys.executable, "-m", "roadmark.cli.main", "run", task]
        return subprocess.Popen(asked, cwd=self.folder, text=True, stdout=subprocess.PIPE)

    def carry_through(self, task: str) -> None:
        with self.run(task) as process:
            said = process.communicate()[0]
        assert process.returncode == 0, said


Team = Callable[[str, str], Machine]


@pytest.fixture
def make_team(tmp_path: Path, repo: Path, postgresql_server) -> Callable[[str], Team]:
    """Machines over a database and a remote of their own; their agent waits at the gate if it is there."""
    script = tmp_path / "agent.sh"
    script.write_text(AGENT.format(gate=tmp_path / "gate"))
    script.chmod(0o755)

    def make(team: str) -> Team:
        remote, url = tmp_path / f"{team}.git", postgresql_server.make_database()
        git(repo, "clone", "-q", "--bare", str(repo), str(remote))
        configuration = CONFIGURATION.format(url=url, remote=remote, script=script)
        return lambda name, spec: Machine(tmp_path / f"{team}-{name}", configuration, spec)

    return make


def test_a_host_that_is_killed_in_an_attempt_costs_that_attempt_alone(
    make_team: Callable[[str], Team], tmp_path: Path
) -> None:
    machine = make_team("broken")
    gate, spec = tmp_path / "gate", SPEC.replace("'semi_auto'", "'full_auto'")
    os.mkfifo(gate)
    first = machine("one", spec)
    with first.run("greeting.md") as process, gate.open() as said:
        assert said.readline() == "began\n"
        process.kill()
    gate.unlink()
    shutil.rmtree(first.folder)
    second = machine("two", "")
    with opened(second) as service:
        service.hold("two")
        migration_id = str(service.tracker.fleet()[0].task.migration_id)
        service.advance(migration_id)
        view = service.tracker.migration(migration_id)
        assert view.migration.status is Status.COMPLETED
        assert [(one.phase, one.outcome) for one in view.attempts] == [
            (1, "done"),
            (2, "interrupted"),
            (2, "done"),
        ]
    make_team("whole")("one", spec).carry_through("greeting.md")
    assert result(tmp_path / "broken.git") == result(tmp_path / "whole.git")


@contextmanager
def opened(machine: Machine) -> Iterator[Service]:
    service = Service(load_settings(machine.folder, {}, {}))
    yield service
    service.stop()
