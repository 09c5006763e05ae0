"""The pages, as a browser without a script sees them."""

import html
import os
import re

import pytest
from roadmark.executor.lease import Lease
from roadmark.executor.states import Move
from roadmark.web.app import create_app
from starlette.testclient import TestClient

from .conftest import BASE, SPEC, Workbench


def test_every_page_opens_on_an_empty_service(browser: TestClient) -> None:
    for path in ("/", "/inbox", "/specs", "/problems"):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_fleet_shows_where_every_task_stands(bench: Workbench, browser: TestClient) -> None:
    asked = bench.asked("a.md")
    failed = bench.start("b.md")
    bench.move(failed.id, Move.CLAIM, Move.FAIL, reason="tests are red: test_order.py:4")
    text = browser.get("/").text
    assert "Waiting for you" in text
    assert "tests are red: test_order.py:4" in text
    assert "<title>(2) Fleet" in text
    assert f'href="/tasks/{asked.task_id}#reply"' in text


def test_the_task_page_shows_all_that_the_spec_says(bench: Workbench, browser: TestClient) -> None:
    migration = bench.asked()
    bench.attempt(migration.id, ("sorting", "sorted all"))
    text = browser.get(f"/tasks/{migration.task_id}").text
    for words in (
        "Tidy Shelf",
        "Is this phase ready?",
        "Sort the books by author",
        "shelf/order.py",
        "A book is lost",
        "Every book stands where the list says",
        "Labels are on the boards",
        "feature/tidy-shelf",
        "sorted all",
    ):
        assert words in text, words


def test_a_reply_on_the_page_is_taken_and_an_unclear_one_keeps_its_text(
    bench: Workbench, browser: TestClient
) -> None:
    migration = bench.asked()
    path = f"/tasks/{migration.task_id}"
    unclear = browser.post(f"{path}/reply", data={"text": "nearly sorted perhaps"})
    assert unclear.status_code == 422
    assert 'value="nearly sorted perhaps"' in unclear.text
    assert 'role="alert"' in unclear.text
    taken = browser.post(f"{path}/reply", data={"text": "sorted"})
    assert (taken.status_code, taken.headers["location"]) == (303, path)
    assert bench.tracker.migration(migration.id).wait is None


def test_enter_in_the_reply_field_never_sends_a_confirming_word(
    bench: Workbench, browser: TestClient
) -> None:
    """A browser submits with the first button of the field's form; that must be Send."""
    text = browser.get(f"/tasks/{bench.asked().task_id}").text
    form = next(part for part in text.split("<form")[1:] if "data-reply" in part).split("</form>")[0]
    assert form.count("<button") == 1
    assert 'class="chip"' not in form


def test_the_forms_start_steer_and_tick(bench: Workbench, browser: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    path = f"/tasks/{task_id}"
    assert browser.post(f"{path}/start").headers["location"] == path
    migration = bench.tracker.migrations_of(task_id)[0]
    assert migration.started_by == "anna"
    for name, status in {"pause": "paused", "resume": "queued", "cancel": "cancelled"}.items():
        assert browser.post(f"{path}/{name}").status_code == 303
        assert bench.tracker.migration(migration.id).migration.status == status
    key = bench.tracker.task(task_id).items_of(1)[0].key
    assert browser.post(f"{path}/tick", data={"box": f"x:{key}"}).status_code == 303
    assert bench.tracker.task(task_id).progress.done == 2
    assert browser.post(f"{path}/tick", data={"box": "nonsense"}).status_code == 400


def test_the_page_asks_which_agent_to_start_with(bench: Workbench, browser: TestClient) -> None:
    path = f"/tasks/{bench.drop('tidy-shelf.md')}"
    form = browser.get(path).text.partition(f'action="{path}/start"')[2].partition("</form>")[0]
    assert "<option>mason</option>" in form
    browser.post(f"{path}/start", data={"agent": "mason"})
    assert bench.tracker.migrations_of(path.rpartition("/")[2])[0].agent == "mason"


def test_a_form_that_comes_too_late_is_told_so_on_a_page(bench: Workbench, browser: TestClient) -> None:
    migration = bench.start()
    bench.manager.cancel(migration.id, "ben")
    answer = browser.post(f"/tasks/{migration.task_id}/pause")
    assert answer.status_code == 409
    assert "cancelled: cannot pause" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    unstarted = browser.post(f"/tasks/{bench.drop('b.md')}/pause")
    assert unstarted.status_code == 404


def test_only_acts_that_make_sense_are_offered(bench: Workbench, browser: TestClient) -> None:
    def offered(task_id: str) -> set[str]:
        text = browser.get(f"/tasks/{task_id}").text
        return {
            name
            for name in ("start", "pause", "resume", "retry", "cancel", "undo")
            if f'action="/tasks/{task_id}/{name}"' in text
        }

    task_id = bench.drop("a.md")
    assert offered(task_id) == {"start"}
    migration = bench.manager.start(task_id, "anna")
    assert offered(task_id) == {"pause", "cancel"}
    bench.manager.pause(migration.id, "anna")
    assert offered(task_id) == {"resume", "cancel"}
    bench.manager.resume(migration.id, "anna")
    bench.move(migration.id, Move.CLAIM, Move.FAIL, reason="red")
    assert offered(task_id) == {"start", "retry", "cancel"}


@pytest.mark.parametrize(("said", "status"), [("sorted", 204), ("hm", 422)])
def test_a_script_is_told_by_the_stream_alone(
    said: str, status: int, bench: Workbench, browser: TestClient
) -> None:
    migration = bench.asked()
    answer = browser.post(
        f"/tasks/{migration.task_id}/reply", data={"text": said}, headers={"HX-Request": "true"}
    )
    assert (answer.status_code, answer.text) == (status, "")


def test_a_reply_from_the_inbox_goes_back_there_unless_it_was_unclear(
    bench: Workbench, browser: TestClient
) -> None:
    migration = bench.asked()
    path = f"/tasks/{migration.task_id}/reply"
    unclear = browser.post(path, data={"text": "hm", "next": "/inbox"})
    assert unclear.headers["location"] == f"/tasks/{migration.task_id}#reply"
    assert browser.post(path, data={"text": "done", "next": "/inbox"}).headers["location"] == "/inbox"


def test_a_rollback_is_shown_asked_for_and_undone_by_forms(bench: Workbench, browser: TestClient) -> None:
    migration = bench.start()
    workspace = bench.open_workspace(migration.id)
    (workspace / "junk.txt").write_text("one\n")
    bench.move(migration.id, Move.CLAIM, Move.FAIL, reason="red")
    path = f"/tasks/{migration.task_id}"
    shown = browser.get(f"{path}/rollback").text
    assert "junk.txt" in shown
    assert "This cannot be undone" in shown
    order = {"to": "start", "branch": "feature/tidy-shelf"}
    missing = browser.post(f"{path}/rollback", data={**order, "reason": " "})
    assert (missing.status_code, "needs a reason" in missing.text) == (422, True)
    stale = browser.post(f"{path}/rollback", data={**order, "reason": "typed", "version": "1"})
    assert stale.status_code == 409
    assert ">typed</textarea>" in stale.text
    done = browser.post(f"{path}/rollback", data={**order, "reason": "wrong"})
    assert done.headers["location"] == path
    bench.rollbacks.carry_out(Lease(migration.id, migration.fence))
    assert "Rolled back by anna" in browser.get(path).text
    told = browser.get(f"{path}/history").text
    assert ("because “wrong”" in told, "looked over: everything agrees" in told) == (True, True)
    link = re.search(r'href="(/tasks/[^"]*/changes[^"]*)"', told)
    assert link is not None
    assert "junk.txt" in browser.get(html.unescape(link[1])).text
    assert browser.post(f"{path}/undo", data={"reason": "right"}).status_code == 303
    bench.rollbacks.carry_out(Lease(migration.id, migration.fence))
    assert (workspace / "junk.txt").exists()


def test_changes_are_shown_line_by_line(bench: Workbench, browser: TestClient) -> None:
    migration = bench.start()
    path = f"/tasks/{migration.task_id}/changes"
    assert browser.get(path).status_code == 404
    workspace = bench.open_workspace(migration.id)
    (workspace / "README.md").write_text("A tidy <shelf>.\n")
    bench.checkpoint(migration.id, "later")
    text = browser.get(path).text
    assert '<li class="removed">-A shelf.</li>' in text
    assert '<li class="added">+A tidy &lt;shelf&gt;.</li>' in text
    between = browser.get(path, params={"since": "start", "until": "later"}).text
    assert "README.md" in between
    assert browser.get(path, params={"since": "nowhere"}).status_code == 404
    assert browser.get(f"/tasks/{bench.drop('b.md')}/changes").status_code == 404


def test_a_log_is_read_in_pages_and_searched(bench: Workbench, browser: TestClient) -> None:
    migration = bench.start()
    path = f"/tasks/{migration.task_id}/log"
    assert browser.get(path).status_code == 404
    attempt = bench.attempt(migration.id, tuple(f"line {n}" for n in range(1, 1501)))
    bench.output(migration.id, "AssertionError: red")
    last = browser.get(path).text
    assert "line 1500" in last
    assert ">line 400<" not in last
    earlier = browser.get(path, params={"attempt": attempt.id, "before": 502}).text
    assert ">line 400<" in earlier
    assert ">line 1500<" not in earlier
    found = browser.get(path, params={"find": "LINE 77"}).text
    assert "11 lines fit" in found
    assert "1 line fits" in browser.get(path, params={"errors": "1"}).text
    raw = browser.get(f"{path}/{attempt.id}")
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"
    assert len(raw.text.splitlines()) == 1501
    assert browser.get(f"{path}/none").status_code == 404


def test_an_earlier_run_can_be_looked_at(bench: Workbench, browser: TestClient) -> None:
    first = bench.start()
    bench.attempt(first.id, ("from the first run",))
    bench.manager.cancel(first.id, "anna")
    bench.manager.start(first.task_id, "ben")
    path = f"/tasks/{first.task_id}"
    assert "from the first run" not in browser.get(path).text
    assert "from the first run" in browser.get(path, params={"run": first.id}).text
    assert first.id[:8] in browser.get(f"{path}/history").text
    other = bench.start("b.md")
    assert "from the first run" not in browser.get(f"/tasks/{other.task_id}?run={first.id}").text


def test_the_history_tells_what_happened_page_by_page(bench: Workbench, browser: TestClient) -> None:
    migration = bench.asked()
    for _ in range(60):
        bench.manager.pause(migration.id, "anna")
        bench.manager.resume(migration.id, "ben")
    path = f"/tasks/{migration.task_id}/history"
    text = browser.get(path).text
    assert "Paused" in text
    assert "Spec added" not in text
    following = text.split("?cursor=")[1].split('"')[0]
    assert "Spec added" in browser.get(path, params={"cursor": following}).text


def test_jumping_finds_the_one_task_that_fits(bench: Workbench, browser: TestClient) -> None:
    for name, title in (("a.md", "Red Door"), ("b.md", "Red Roof")):
        bench.drop(name, SPEC.replace("Tidy Shelf", title))
    assert browser.get("/jump?q=roof").headers["location"].startswith("/tasks/")
    assert browser.get("/jump?q=red").headers["location"] == "/?text=red"
    assert browser.get("/jump?q=").headers["location"] == "/"


def test_the_fleet_is_filtered(bench: Workbench, browser: TestClient) -> None:
    bench.asked("a.md")
    bench.drop("b.md", SPEC.replace("Tidy Shelf", "Low Bench").replace("Priority**: High", "Priority**: Low"))
    for query, shown in {
        "state=waiting": {"Tidy Shelf"},
        "state=none": {"Low Bench"},
        "priority=low": {"Low Bench"},
        "text=SHELF": {"Tidy Shelf"},
        "text=a.md": {"Tidy Shelf"},
        "state=failed": set(),
    }.items():
        table = browser.get(f"/?{query}").text.split('id="fleet-lines"')[1]
        assert {title for title in ("Tidy Shelf", "Low Bench") if title in table} == shown, query


def test_a_broken_spec_shows_its_place_and_the_rule(bench: Workbench, browser: TestClient) -> None:
    task_id = bench.drop("broken.md", SPEC.replace('"timeout_seconds": 600', '"timeout_seconds": '))
    text = browser.get("/specs").text
    assert '<a href="/rules/E101">E101</a>' in text
    assert "Spec has errors" in browser.get("/").text
    assert "cannot be executed" in browser.get(f"/tasks/{task_id}").text
    assert "JSON" in browser.get("/rules/e101").text
    assert browser.get("/rules/E999").status_code == 404


def test_files_that_are_no_task_are_listed(bench: Workbench, browser: TestClient) -> None:
    bench.drop("shelf.md")
    (bench.settings.specs / "notes.md").write_text("Only a note.\n")
    os.utime(bench.settings.specs / "notes.md", (1, 1))
    bench.intake.rescan()
    page = browser.get("/specs").text
    assert "<code>notes.md</code> is no spec" in page


def test_an_edit_of_the_spec_during_a_run_is_said(bench: Workbench, browser: TestClient) -> None:
    migration = bench.asked()
    path = f"/tasks/{migration.task_id}"
    key = bench.tracker.task(migration.task_id).items_of(1)[0].key
    bench.intake.tick(migration.task_id, key, "x", "anna")
    assert "was edited after" not in browser.get(path).text
    bench.drop("tidy-shelf.md", SPEC.replace("Print a label", "Paint a label"))
    assert "was edited after" in browser.get(path).text


def test_evidence_stands_beside_the_question(bench: Workbench, browser: TestClient) -> None:
    migration = bench.asked()
    attempt = bench.attempt(migration.id)
    evidence = {
        "changed_paths": ["shelf/order.py"],
        "missing_required": ["shelf/labels.py"],
        "missing_expected": [],
        "verification": "failed",
        "verification_tail": "test_order.py:4: AssertionError",
    }
    bench.close_attempt(attempt, "confirm", evidence)
    text = browser.get(f"/tasks/{migration.task_id}").text
    for words in ("shelf/order.py", "shelf/labels.py", "Your checks failed", "test_order.py:4"):
        assert words in text, words


def test_evidence_stands_beside_what_the_spec_calls_success(bench: Workbench, browser: TestClient) -> None:
    task_id = bench.drop("shelf.md", SPEC.replace("Every book stands", "In shelf/order.py every book stands"))
    migration = bench.manager.start(task_id, "anna")
    attempt = bench.attempt(migration.id)
    evidence = {"changed_paths": ["shelf/order.py"], "verification": "passed"}
    bench.close_attempt(attempt, "confirm", evidence)
    link = f'<a href="/tasks/{task_id}/log?attempt={attempt.id}">Phase 1, attempt 1</a>'
    before = browser.get(f"/tasks/{task_id}").text.split('id="criteria"')[1].split("</details>")[0]
    bench.finish_phase(migration.id)
    after = browser.get(f"/tasks/{task_id}").text.split('id="criteria"')[1].split("</details>")[0]
    assert link not in before
    assert link in after
    assert "shelf/order.py" in after.split(link)[1]


def test_a_task_shows_its_schedules(bench: Workbench, browser: TestClient) -> None:
    task_id = bench.drop("shelf.md")
    other_id = bench.drop("bench.md", SPEC.replace("Tidy Shelf", "Low Bench"))
    bench.schedules.add(task_id, "7 3 * * 1", "anna", "scaffold")
    text = browser.get(f"/tasks/{task_id}").text
    shown = text.split(">Schedules</a></h2>")[1].split("</section>")[0]
    for words in ("<code>7 3 * * 1</code>", "with scaffold", "by anna", " left</time>"):
        assert words in shown, words
    assert "7 3 * * 1" not in browser.get(f"/tasks/{other_id}").text


def test_hidden_characters_are_shown(bench: Workbench, browser: TestClient) -> None:
    bench.drop("a.md", SPEC.replace("Tidy Shelf", "Tidy\u202e Shelf"))
    text = browser.get("/").text
    assert "\u202e" not in text
    assert "Tidy\\u{202e} Shelf" in text


def test_colours_are_chosen_and_kept(browser: TestClient) -> None:
    assert 'data-theme="auto"' in browser.get("/").text
    answer = browser.post("/theme", data={"theme": "dark", "next": "/specs"})
    assert answer.headers["location"] == "/specs"
    assert 'data-theme="dark"' in browser.get("/").text
    assert "set-cookie" not in browser.post("/theme", data={"theme": '"><script>'}).headers


def test_a_page_that_is_not_there_is_a_page(browser: TestClient) -> None:
    for path in ("/nothing", "/tasks/none"):
        answer = browser.get(path)
        assert answer.status_code == 404
        assert "<h1>There is no such thing</h1>" in answer.text


def test_a_fault_of_ours_is_answered_without_its_detail(bench: Workbench) -> None:
    class Broken:
        def check_session(self, secret: str) -> None:
            raise RuntimeError("a secret detail")

        check_token = check_session

    bench.access = Broken()  # type: ignore[assignment]
    with TestClient(create_app(bench), base_url=BASE, raise_server_exceptions=False) as client:
        for headers in ({"Authorization": "Bearer x"}, {"Cookie": "roadmark_8484=x"}):
            for path in ("/api/tasks", "/"):
                answer = client.get(path, headers=headers)
                assert answer.status_code == 500
                assert "secret detail" not in answer.text
                assert answer.headers["x-content-type-options"] == "nosniff"
