"""What holds for every engine, whatever becomes of the processes that carry out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .fleet import Fleet, until

pytestmark = pytest.mark.slow


@pytest.fixture
def fleet(tmp_path: Path, database_url: str) -> Iterator[Fleet]:
    """SQLite with the embedded engine, PostgreSQL with the distributed one."""
    with Fleet(tmp_path, database_url) as made:
        yield made


@pytest.fixture
def workers(tmp_path: Path, postgresql_server) -> Iterator[Fleet]:
    """Only what several processes can do."""
    with Fleet(tmp_path, postgresql_server.make_database()) as made:
        yield made


def test_what_a_killed_process_had_is_finished_by_another(fleet: Fleet) -> None:
    fleet.begin(3)
    first = fleet.run(1)
    held = until("agents work", lambda: fleet.held_by(first))
    first.kill()
    fleet.run(2)
    fleet.open_gate()
    until("everything is over", fleet.is_over)
    fleet.look_at_the_end()
    interrupted = {
        one.migration_id
        for migration_id in held
        for one in fleet.desk.tracker.migration(migration_id).attempts
        if one.outcome == "interrupted"
    }
    assert interrupted == set(held)


def test_all_processes_are_killed_again_and_again_and_nothing_is_lost(fleet: Fleet) -> None:
    fleet.begin(3)
    for _ in range(3):
        seen = len(fleet.starts())
        running = [fleet.run(number) for number in ((1, 2) if fleet.is_distributed else (1,))]
        until("another agent works", lambda seen=seen: len(fleet.starts()) > seen)
        for runner in running:
            runner.kill()
    fleet.open_gate()
    fleet.run(1)
    until("everything is over", fleet.is_over)
    fleet.look_at_the_end()


def test_a_frozen_worker_does_nothing_more_when_it_wakes_up(workers: Fleet) -> None:
    workers.begin(2)
    first = workers.run(1)
    held = until("agents work", lambda: workers.held_by(first))
    first.freeze()
    workers.run(2)
    workers.open_gate()
    until("everything is over", workers.is_over)
    before = workers.desk.tracker.last_seq()
    first.thaw()
    until("it noticed", lambda: first.log.read_text().count("left to whoever has it now") >= len(held))
    assert workers.desk.tracker.last_seq() == before
    workers.look_at_the_end()


def test_a_worker_that_is_told_to_end_leaves_its_work_to_another_at_once(workers: Fleet) -> None:
    workers.begin(2)
    first = workers.run(1)
    held = until("agents work", lambda: workers.held_by(first))
    workers.run(2)
    first.process.terminate()
    assert first.process.wait(30) == 0
    workers.open_gate()
    until("everything is over", workers.is_over)
    workers.look_at_the_end()
    attempts = [one for each in held for one in workers.desk.tracker.migration(each).attempts]
    assert not any(one.used for one in attempts if one.outcome == "interrupted")


def test_a_worker_whose_disk_is_lost_is_replaced(workers: Fleet) -> None:
    workers.begin(2)
    first = workers.run(1)
    until("agents work", lambda: workers.held_by(first))
    first.kill()
    workers.forget(first)
    workers.open_gate()
    workers.run(2)
    until("everything is over", workers.is_over)
    workers.look_at_the_end()


def test_workers_go_on_after_the_crash_of_their_database(workers: Fleet, postgresql_server) -> None:
    workers.begin(3)
    first, second = workers.run(1), workers.run(2)
    until("agents work", lambda: workers.held_by(first) or workers.held_by(second))
    until("both have begun", lambda: first.has_begun() and second.has_begun())
    postgresql_server.stop("immediate")
    postgresql_server.start()
    workers.open_gate()
    until("everything is over", workers.is_over)
    workers.look_at_the_end()
    assert [first.process.poll(), second.process.poll()] == [None, None]


def test_a_worker_takes_only_what_its_host_has_the_label_for(workers: Fleet) -> None:
    wanted = workers.begin(2, host_label="gpu")
    other = workers.run(1, host_labels="macos,arm")
    until("it has begun", other.has_begun)
    able = workers.run(2, host_labels="arm,gpu")
    until("all are taken", lambda: set(workers.held_by(able)) == set(wanted))
    workers.open_gate()
    until("everything is over", workers.is_over)
    workers.look_at_the_end()
