"""The branch gets to the operator's remote after each phase; a remote that refuses holds nothing up."""

import subprocess
import threading
from pathlib import Path

import pytest
from roadmark.executor.states import Status


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def remote(tmp_path: Path, repo: Path) -> Path:
    folder = tmp_path / "remote.git"
    git(repo, "init", "-q", "--bare", str(folder))
    git(repo, "remote", "add", "origin", str(folder))
    return folder


class Listener:
    """Waits for one kind of entry in the journal."""

    def __init__(self, service, kind: str) -> None:
        self._kind, self._heard, self._entry = kind, threading.Event(), None
        service.store.bus.subscribe(self._hear)

    def _hear(self, entries) -> None:
        for entry in entries:
            if entry.kind == self._kind:
                self._entry = entry
                self._heard.set()

    def entry(self):
        assert self._heard.wait(30)
        return self._entry


def test_each_phase_and_a_rollback_get_to_the_remote(
    spec: Path, start_service, driver_of, repo: Path, remote: Path
) -> None:
    service = start_service(push_remote="origin")
    service.intake.rescan_settled()
    driver = driver_of(service)
    migration_id = driver.begin()
    assert driver.carry_through(migration_id).status is Status.COMPLETED
    service.rollbacks.request(migration_id, "phase-1", "it was too much", "anna")
    driver.until(migration_id, Status.ROLLED_BACK)
    service.stop()
    assert git(remote, "rev-parse", "feature/greeting") == git(repo, "rev-parse", "feature/greeting")
    assert git(remote, "for-each-ref", "--format=%(refname)") == "refs/heads/feature/greeting"


def test_a_remote_that_refuses_is_noted_and_holds_nothing_up(
    spec: Path, start_service, driver_of, remote: Path
) -> None:
    remote.rename(remote.with_name("elsewhere.git"))
    service = start_service(push_remote="origin")
    service.intake.rescan_settled()
    driver = driver_of(service)
    refused = Listener(service, "branch.push_failed")
    migration_id = driver.begin()
    assert driver.carry_through(migration_id).status is Status.COMPLETED
    assert "push it by hand" in refused.entry().detail["reason"]


def test_nothing_is_pushed_where_no_remote_is_named(driver, remote: Path) -> None:
    migration_id = driver.begin()
    driver.carry_through(migration_id)
    driver.service.stop()
    assert git(remote, "for-each-ref") == ""
