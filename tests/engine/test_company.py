"""Which processes may work on a database beside each other."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from roadmark.executor.config import load_settings
from roadmark.executor.errors import DatabaseUnusable, WorkersRefused
from roadmark.executor.service import Service
from roadmark.executor.states import Status, TaskStatus

from .fleet import Fleet, spec, until


@pytest.fixture
def fleet(tmp_path: Path, postgresql_server) -> Iterator[Fleet]:
    with Fleet(tmp_path, postgresql_server.make_database()) as made:
        yield made


@pytest.fixture
def service(fleet: Fleet) -> Iterator[type]:
    """Make a service with a state directory of its own; all are stopped."""
    made = []

    def make(name: str, **changes: object) -> Service:
        slots = changes.pop("slots", None)
        flags = {"state_dir": fleet.folder / name, **changes}
        made.append(Service(load_settings(fleet.folder, {}, flags), slots=slots))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_workers_are_beside_one_that_serves_and_a_second_that_serves_is_refused(service) -> None:
    service("one").start("roadmark serve at http://first")
    service("two").work("a worker")
    service("three").work("another worker")
    with pytest.raises(DatabaseUnusable, match="http://first"):
        service("four").start("roadmark serve at http://second")


def test_a_service_alone_and_workers_keep_each_other_off(service) -> None:
    worker = service("one")
    worker.work("a worker")
    with pytest.raises(DatabaseUnusable, match="a worker"):
        service("two", engine="embedded").start("alone")
    worker.stop()
    service("three", engine="embedded").start("alone")
    with pytest.raises(DatabaseUnusable, match="alone"):
        service("four").work("a worker")


def test_one_that_only_serves_leaves_the_work_to_a_worker(fleet: Fleet, service) -> None:
    fleet.open_gate()
    only_serves = service("one", slots=0)
    only_serves.start("roadmark serve")
    (migration_id,) = fleet.begin(1)
    worker = service("two")
    assert only_serves.tracker.migration(migration_id).migration.status is Status.QUEUED
    worker.work("a worker")
    until("it is over", fleet.is_over)
    assert len(fleet.starts()) == 2


def specs_elsewhere(fleet: Fleet) -> Path:
    """What another host has: one of the two specs under another name, and one that is only there."""
    elsewhere = fleet.folder / "elsewhere"
    elsewhere.mkdir()
    shutil.copy2(fleet.folder / "specs" / "task-0.md", elsewhere / "renamed.md")
    (elsewhere / "new.md").write_text(spec("New"))
    os.utime(elsewhere / "new.md", (1, 1))
    return elsewhere


def statuses(fleet: Fleet) -> dict[str, TaskStatus]:
    return {row.task.source_path: row.task.status for row in fleet.desk.tracker.fleet()}


def test_a_host_with_other_specs_adds_its_own_and_takes_none_away(fleet: Fleet, service) -> None:
    fleet.begin(2)
    before = statuses(fleet)
    service("one", specs=specs_elsewhere(fleet)).intake.rescan_settled()
    assert statuses(fleet) == before | {"new.md": TaskStatus.PENDING}


def test_the_one_that_serves_says_what_is_gone_and_moved(fleet: Fleet, service) -> None:
    fleet.begin(2)
    serving = service("one", specs=specs_elsewhere(fleet), slots=0)
    serving.start("roadmark serve")
    serving.intake.rescan_settled()
    found = statuses(fleet)
    assert sorted(found) == ["new.md", "renamed.md", "task-1.md"]
    assert found["task-1.md"] is TaskStatus.WITHDRAWN


def job_states(fleet: Fleet) -> list[str]:
    with fleet.desk.store.read() as connection:
        return list(connection.exec_driver_sql("SELECT status FROM procrastinate_jobs").scalars())


def test_jobs_that_are_lost_are_made_anew(fleet: Fleet, service) -> None:
    fleet.open_gate()
    fleet.begin(1)
    worker = service("one")
    worker.store.write(
        lambda transaction: transaction.connection.exec_driver_sql("DELETE FROM procrastinate_jobs")
    )
    worker.work("a worker")
    until("it is over", fleet.is_over)


def test_a_job_that_a_living_worker_forgot_holds_nothing_up_for_good(fleet: Fleet, service) -> None:
    """The worker has done it, and its end was lost when the database crashed."""
    fleet.open_gate()
    worker = service("one")
    worker.work("a worker")
    (migration_id,) = fleet.begin(1, "semi_auto")
    until("it asks", fleet.desk.tracker.inbox)
    until("its job is over", lambda: "doing" not in job_states(fleet))

    def forgotten(transaction) -> None:
        transaction.connection.exec_driver_sql(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args, status, worker_id)"
            " SELECT 'mine', 'roadmark.advance', %s, '{}', 'doing', max(id) FROM procrastinate_workers",
            (migration_id,),
        )

    worker.store.write(forgotten)
    fleet.desk.manager.reply(migration_id, "done", "anna", "test")
    until("it asks again", lambda: [row.wait.phase for row in fleet.desk.tracker.inbox()] == [1])
    assert len(fleet.starts()) == 1


def test_a_migration_has_one_job_that_is_deferred_with_the_move(fleet: Fleet) -> None:
    (migration_id,) = fleet.begin(1)
    for order in (fleet.desk.manager.pause, fleet.desk.manager.resume):
        order(migration_id, "anna")
    with fleet.desk.store.read() as connection:
        found = connection.exec_driver_sql("SELECT lock, queue_name, status FROM procrastinate_jobs").all()
    assert found == [(migration_id, "mine", "todo")]


def test_workers_without_a_way_to_the_files_are_refused(service) -> None:
    with pytest.raises(WorkersRefused, match="git"):
        service("one", git_remote="").work("a worker")


def test_a_worker_on_sqlite_is_refused_with_what_it_needs(tmp_path: Path) -> None:
    asked = [sys.executable, "-m", "roadmark.cli.main", "worker", "--state-dir", str(tmp_path / "state")]
    ended = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, "[database] url" in ended.stderr) == (1, True)
