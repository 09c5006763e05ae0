"""Answers that are kept, and when they are not."""

from pathlib import Path

from roadmark.executor.access import SCOPES
from roadmark.executor.clock import SystemClock
from roadmark.executor.events import Event
from roadmark.executor.store.database import open_mark
from roadmark.executor.store.store import Store
from roadmark.executor.store.urls import url_of
from starlette.testclient import TestClient

from .conftest import Workbench, sign_in


def test_the_mark_changes_with_commits_of_this_and_of_other_stores(bench: Workbench) -> None:
    mark = open_mark(url_of(bench.settings.state_dir, ""))
    first = mark.value()
    assert mark.value() == first
    bench.store.record(Event(kind="test.own"))
    second = mark.value()
    assert second != first
    other = Store(bench.settings.state_dir, SystemClock())
    other.record(Event(kind="test.other"))
    other.close()
    assert mark.value() != second
    mark.close()
    mark.close()


def test_an_answer_is_fresh_after_every_order(bench: Workbench, api: TestClient) -> None:
    path = f"/api/migration/{bench.start().id}"
    for name, status in (("pause", "paused"), ("resume", "queued")) * 20:
        api.post(f"{path}/{name}")
        assert api.get(path).json()["status"] == status
        assert api.get("/api/migration/status").json()["counts"] == {status: 1}


def test_an_answer_is_fresh_after_another_process_wrote(bench: Workbench, api: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    assert api.get(f"/api/tasks/{task_id}").json()["title"] == "Tidy Shelf"
    other = Workbench.beside(bench)
    other.manager.start(task_id, "terminal")
    assert api.get(f"/api/tasks/{task_id}").json()["migration"]["started_by"] == "terminal"
    other.store.close()


def test_a_kept_answer_is_the_same_to_the_byte_under_an_id_of_its_own(
    bench: Workbench, api: TestClient
) -> None:
    path = f"/api/migration/{bench.start().id}"
    first, again = api.get(path), api.get(path)
    assert again.content == first.content
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    del again.headers["x-request-id"], first.headers["x-request-id"]
    assert dict(again.headers) == dict(first.headers)
    unchanged = api.get(path, headers={"If-None-Match": again.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_nobody_gets_what_was_kept_for_another(bench: Workbench, anonymous: TestClient) -> None:
    migration = bench.asked()
    path = f"/tasks/{migration.task_id}"
    sign_in(bench, anonymous, SCOPES)
    assert "Confirm with" in anonymous.get(path).text
    anonymous.cookies.clear()
    sign_in(bench, anonymous, ("read",))
    assert "Confirm with" not in anonymous.get(path).text
    anonymous.cookies.clear()
    sign_in(bench, anonymous, ("run",))
    assert anonymous.get(path).status_code == 403


def test_a_log_is_read_anew_each_time(bench: Workbench, browser: TestClient) -> None:
    migration = bench.start()
    attempt = bench.attempt(migration.id, ("one",))
    path = f"/tasks/{migration.task_id}/log"
    assert ">two<" not in browser.get(path).text
    with Path(attempt.log_path).open("a") as log:
        log.write("12:00:01 agent  two\n")
    assert ">two<" in browser.get(path).text
