"""Schedules by the API."""

from starlette.testclient import TestClient

from .conftest import Workbench


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
