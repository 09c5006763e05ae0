"""Replies: from a file beside the spec, and exactly one accepted however many come at once."""

import threading
from pathlib import Path

from roadmark.executor.errors import NoOpenWait
from roadmark.executor.reply_files import ReplyFiles
from roadmark.executor.states import Status
from roadmark.ingest.discovery import scan


def files_of(driver) -> ReplyFiles:
    return driver.service._reply_files


def test_a_file_beside_the_spec_answers_once_and_is_kept_under_another_name(driver, spec: Path) -> None:
    migration_id = driver.begin()
    driver.until(migration_id, Status.WAITING)
    reply = spec.with_name("greeting.reply.md")
    reply.write_text("done\n")
    files_of(driver).take()
    driver.until(migration_id, Status.QUEUED, Status.RUNNING, Status.WAITING)
    replies = driver.service.tracker.migration(migration_id).replies
    assert [(one.outcome, one.via) for one in replies] == [("accepted", "file")]
    assert (reply.exists(), spec.with_name("greeting.reply.done.md").read_text()) == (False, "done\n")
    assert set(scan(spec.parent).files) == {"greeting.md"}


def test_an_unclear_file_is_no_yes_and_is_kept(driver, spec: Path) -> None:
    migration_id = driver.begin()
    driver.until(migration_id, Status.WAITING)
    reply = spec.with_name("greeting.reply.md")
    reply.write_text("not done yet\n")
    files_of(driver).take()
    assert driver.until(migration_id, Status.WAITING).status is Status.WAITING
    assert spec.with_name("greeting.reply.unclear.md").read_text() == "not done yet\n"


def test_a_file_without_an_open_question_stays_as_it_is(driver, spec: Path) -> None:
    reply = spec.with_name("greeting.reply.md")
    reply.write_text("done\n")
    files_of(driver).take()
    assert reply.read_text() == "done\n"


def test_of_many_replies_at_once_exactly_one_is_accepted(driver) -> None:
    migration_id = driver.begin()
    waiting = driver.until(migration_id, Status.WAITING)
    wait = driver.service.tracker.migration(waiting.id).wait
    gate, outcomes = threading.Barrier(12), []

    def say() -> None:
        gate.wait()
        try:
            outcomes.append(
                driver.service.manager.reply(migration_id, "done", "anna", "test", wait.id).outcome
            )
        except NoOpenWait:
            outcomes.append("late")

    threads = [threading.Thread(target=say) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted"] + ["late"] * 11
    assert [one.outcome for one in driver.service.tracker.migration(migration_id).replies][:1] == ["accepted"]
