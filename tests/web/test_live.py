"""The live streams, over a real connection in the process."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from roadmark.executor.access import SCOPES
from roadmark.executor.states import Move
from starlette.testclient import TestClient

from .conftest import Workbench, sign_in


class Events:
    """Reads server-sent events one by one."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def next(self) -> dict[str, str]:
        """The next event that carries data, as its fields."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                if "data" in fields:
                    return fields
                fields = {}
                continue
            name, _, value = line.partition(": ")
            if name:
                fields[name] = f"{fields[name]}\n{value}" if name in fields else value
        raise AssertionError("the stream ended")

    def swap(self) -> dict[str, str]:
        """The next event that changes the page."""
        while True:
            fields = self.next()
            if "event" not in fields:
                return fields


def entries(events: Events, count: int) -> list[dict[str, Any]]:
    """The next journal entries of the API's stream."""
    return [json.loads(events.next()["data"]) for _ in range(count)]


def test_the_stream_tells_every_entry_once_and_in_order(bench: Workbench, api: TestClient) -> None:
    migration = bench.asked()
    last = bench.tracker.last_seq()
    with api.stream("GET", "/api/events?after=0") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = entries(Events(answer.iter_lines()), last)
    assert [entry["seq"] for entry in told] == list(range(1, last + 1))
    assert told[-1]["migration_id"] == migration.id
    assert told[-1]["to_status"] == "waiting"


def test_a_stream_goes_on_where_it_stopped(bench: Workbench, api: TestClient) -> None:
    bench.asked()
    with api.stream("GET", "/api/events", headers={"Last-Event-ID": "2"}) as answer:
        first = Events(answer.iter_lines()).next()
    assert first["id"] == "3"


def test_a_commit_reaches_an_open_stream(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    with api.stream("GET", f"/api/events?migration_id={migration.id}") as answer:
        events = Events(answer.iter_lines())
        bench.manager.pause(migration.id, "anna")
        entry = entries(events, 1)[0]
    assert (entry["kind"], entry["to_status"], entry["actor"]) == ("migration.moved", "paused", "anna")


def test_a_stream_of_one_task_leaves_the_others_out(bench: Workbench, api: TestClient) -> None:
    first, second = bench.start("a.md"), bench.start("b.md")
    bench.manager.pause(first.id, "anna")
    bench.manager.pause(second.id, "anna")
    with api.stream("GET", f"/api/events?after=0&task_id={second.task_id}") as answer:
        told = entries(Events(answer.iter_lines()), 3)
    assert {entry["task_id"] for entry in told} == {second.task_id}


def test_a_stream_behind_the_journals_end_starts_anew_and_says_so(bench: Workbench, api: TestClient) -> None:
    bench.start()
    with api.stream("GET", "/api/events?after=9999") as answer:
        event = Events(answer.iter_lines()).next()
    assert (event["event"], json.loads(event["data"])) == ("reset", {"seq": bench.tracker.last_seq()})


@pytest.fixture
def page(bench: Workbench, anonymous: TestClient) -> TestClient:
    """A signed-in browser."""
    sign_in(bench, anonymous, SCOPES)
    return anonymous


def test_a_page_is_sent_the_parts_that_changed(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    with page.stream("GET", f"/live/task?id={migration.task_id}") as answer:
        events = Events(answer.iter_lines())
        bench.ask(migration.id)
        html = events.swap()["data"]
        while "Is this phase ready?" not in html:
            html = events.swap()["data"]
    assert '<hx-partial hx-target="#task-wait" hx-swap="outerMorph">' in html
    assert '<hx-partial hx-target="#nav-needs" hx-swap="outerMorph">' in html


def test_what_did_not_change_is_not_sent_again(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    with page.stream("GET", f"/live/task?id={migration.task_id}") as answer:
        events = Events(answer.iter_lines())
        bench.manager.pause(migration.id, "anna")
        assert "#task-more" in events.swap()["data"]
        bench.manager.resume(migration.id, "anna")
        again = events.swap()["data"]
    assert "#task-head" in again
    assert "#task-more" not in again


def test_lines_of_the_log_are_appended_once(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    bench.attempt(migration.id, ("one", "two"))
    query = f"id={migration.task_id}&log={migration.id}.1.1&line=1"
    with page.stream("GET", f"/live/task?{query}") as answer:
        events = Events(answer.iter_lines())
        first = events.swap()["data"]
        bench.output(migration.id, "three")
        second = events.swap()["data"]
    assert 'hx-target="#log-lines" hx-swap="beforeend"' in first
    assert ">two<" in first
    assert ">one<" not in first
    assert ">three<" in second
    assert ">two<" not in second


def test_a_log_that_grows_without_a_word_in_the_journal_is_seen(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    attempt = bench.attempt(migration.id, ("one",))
    query = f"id={migration.task_id}&log={migration.id}.1.1&line=1"
    with page.stream("GET", f"/live/task?{query}") as answer:
        events = Events(answer.iter_lines())
        with open(attempt.log_path, "a") as log:
            log.write("12:00:01 agent  quiet\n")
        assert ">quiet<" in events.swap()["data"]


def test_a_new_attempt_goes_on_in_the_same_log(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    with page.stream("GET", f"/live/task?id={migration.task_id}") as answer:
        events = Events(answer.iter_lines())
        bench.attempt(migration.id, ("first words",))
        html = "".join(events.swap()["data"] for _ in range(2))
    assert "Phase 1, attempt 1" in html
    assert "first words" in html


def test_a_log_outside_of_the_logs_folder_is_not_read(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    outside = bench.settings.state_dir / "1-1.log"
    outside.write_text("12:00:00 agent  a secret\n")
    for log in ("...1.1", "../x.1.1", f"{outside.parent}.1.1", "a.b.c", ""):
        params = {"id": migration.task_id, "log": log or "x", "line": "0"}
        assert page.get("/live/task", params=params).status_code == 404, log


def test_another_tasks_doings_change_only_the_count(bench: Workbench, page: TestClient) -> None:
    mine, other = bench.start("a.md"), bench.start("b.md")
    with page.stream("GET", f"/live/task?id={mine.task_id}") as answer:
        events = Events(answer.iter_lines())
        bench.move(other.id, Move.CLAIM, Move.FAIL, reason="red")
        html = events.swap()["data"]
    assert "#nav-needs" in html
    assert "#task-head" not in html


def test_hostile_output_is_text_on_the_page(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    with page.stream("GET", f"/live/task?id={migration.task_id}") as answer:
        events = Events(answer.iter_lines())
        bench.attempt(migration.id, ("</li><script>alert(1)</script>",))
        html = "".join(events.swap()["data"] for _ in range(2))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_unknown_live_pages_are_not_found(page: TestClient) -> None:
    assert page.get("/live/nothing").status_code == 404
    assert page.get("/live/task").status_code == 404


def test_a_point_to_go_on_from_that_is_no_number_is_refused(api: TestClient) -> None:
    answer = api.get("/api/events?after=yesterday")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")


def test_a_page_that_comes_back_gets_the_parts_and_only_new_lines(bench: Workbench, page: TestClient) -> None:
    migration = bench.start()
    bench.attempt(migration.id, ("one",))
    stream = f"/live/task?id={migration.task_id}&after=0&log={migration.id}.1.1&line=1"
    with page.stream("GET", stream) as answer:
        events = Events(answer.iter_lines())
        events.swap()
        bench.output(migration.id, "two")
        last = until(events, ">two<")
    bench.output(migration.id, "three")
    bench.move(migration.id, Move.PAUSE)
    with page.stream("GET", stream, headers={"Last-Event-ID": last["id"]}) as answer:
        events = Events(answer.iter_lines())
        assert "#task-head" in events.swap()["data"]
        lines = until(events, ">three<")["data"]
    assert ">two<" not in lines


def test_a_page_that_comes_back_goes_on_in_the_log_of_a_later_attempt(
    bench: Workbench, page: TestClient
) -> None:
    migration = bench.start()
    bench.attempt(migration.id, ("one",))
    stream = f"/live/task?id={migration.task_id}&after=0&log={migration.id}.1.1&line=1"
    with page.stream("GET", stream) as answer:
        events = Events(answer.iter_lines())
        bench.attempt(migration.id, ("again",), number=2)
        last = until(events, ">again<")
    bench.output(migration.id, "and on", number=2)
    with page.stream("GET", stream, headers={"Last-Event-ID": last["id"]}) as answer:
        events = Events(answer.iter_lines())
        events.swap()
        lines = until(events, ">and on<")["data"]
    assert ">again<" not in lines
    assert "attempt 2" not in lines


def until(events: Events, words: str) -> dict[str, str]:
    """The first event that holds the words."""
    while True:
        event = events.swap()
        if words in event["data"]:
            return event
