"""Schedules by the API, and by the pages."""

from starlette.testclient import TestClient

from .conftest import Workbench, sign_in


def test_a_schedule_is_added_listed_and_removed(bench: Workbench, api: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    made = api.post("/api/schedules", json={"task_id": "Tidy Shelf", "cron": "0 2 * * 1-5"})
    assert (made.status_code, made.json()["task_id"], made.json()["agent"]) == (201, task_id, None)
    listed = api.get("/api/schedules").json()["items"]
    assert [(row["id"], row["title"]) for row in listed] == [(made.json()["id"], "Tidy Shelf")]
    removed = api.post(f"/api/schedules/{made.json()['id']}/remove")
    assert removed.status_code == 200
    assert api.get("/api/schedules").json()["items"] == []
    assert api.post(f"/api/schedules/{made.json()['id']}/remove").status_code == 404


def test_what_is_no_cron_expression_is_refused_with_its_reason(bench: Workbench, api: TestClient) -> None:
    bench.drop("tidy-shelf.md")
    answer = api.post("/api/schedules", json={"task_id": "Tidy Shelf", "cron": "at night"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/cron-wrong")
    assert "at night" in answer.json()["detail"]
    assert api.post("/api/schedules", json={"task_id": "x", "cron": "0 2 * * *"}).status_code == 404
    assert api.post("/api/schedules", json={"task_id": "Tidy Shelf"}).status_code == 422


def test_what_a_schedule_did_is_told_in_the_history(bench: Workbench, api: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    schedule = bench.schedules.add(task_id, "0 2 * * *", "anna")
    api.post(f"/api/schedules/{schedule.id}/remove")
    text = api.get(f"/tasks/{task_id}/history", headers={"accept": "text/html"}).text
    assert "Scheduled by cron: 0 2 * * *" in text
    assert "Schedule removed" in text


def test_a_schedule_is_added_on_the_task_page_and_removed_on_its_own(
    bench: Workbench, browser: TestClient
) -> None:
    task_id = bench.drop("tidy-shelf.md")
    assert "Nothing is started by cron." in browser.get("/schedules").text
    assert f'action="/tasks/{task_id}/schedule"' in browser.get(f"/tasks/{task_id}").text
    added = browser.post(f"/tasks/{task_id}/schedule", data={"cron": " 0 2 * * 1-5 "})
    assert (added.status_code, added.headers["location"]) == (303, f"/tasks/{task_id}")
    (schedule,) = bench.schedules.of_task(task_id)
    shown = browser.get("/schedules").text
    for words in ("<code>0 2 * * 1-5</code>", ">Tidy Shelf</a>", "<td>anna</td>", "not yet", " left</time>"):
        assert words in shown, words
    assert f'datetime="{schedule.due_at:%Y-%m-%dT%H:%M:%SZ}"' in shown
    gone = browser.post(f"/schedules/{schedule.id}/remove")
    assert (gone.status_code, gone.headers["location"]) == (303, "/schedules")
    assert bench.schedules.all() == []
    assert browser.post(f"/schedules/{schedule.id}/remove").status_code == 404


def test_a_schedule_may_name_its_agent(bench: Workbench, browser: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    form = browser.get(f"/tasks/{task_id}").text.split('/schedule"')[1].split("</form>")[0]
    assert '<option value="">scaffold, as configured</option>' in form
    assert "<option>mason</option>" in form
    for agent in ("mason", ""):
        browser.post(f"/tasks/{task_id}/schedule", data={"cron": "0 2 * * *", "agent": agent})
    assert {schedule.agent for schedule in bench.schedules.of_task(task_id)} == {"mason", None}


def test_a_mistyped_cron_expression_comes_back_with_its_reason(bench: Workbench, browser: TestClient) -> None:
    path = f"/tasks/{bench.drop('tidy-shelf.md')}/schedule"
    answer = browser.post(path, data={"cron": "at <night>", "agent": "mason"})
    assert answer.status_code == 422
    assert "<option selected>mason</option>" in answer.text
    assert 'value="at &lt;night&gt;"' in answer.text
    assert 'role="alert">' in answer.text
    assert bench.schedules.all() == []
    assert browser.post("/tasks/none/schedule", data={"cron": "0 2 * * *"}).status_code == 404


def test_who_may_only_read_is_offered_no_change_of_schedules(bench: Workbench, anonymous: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    bench.schedules.add(task_id, "0 2 * * *", "anna")
    sign_in(bench, anonymous, ("read",))
    assert "/remove" not in anonymous.get("/schedules").text
    assert '/schedule"' not in anonymous.get(f"/tasks/{task_id}").text
