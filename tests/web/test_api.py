"""The public contract of the API."""

import json

import pytest
from roadmark.executor.lease import Lease
from roadmark.executor.states import Move, WaitKind
from starlette.testclient import TestClient

from .conftest import SPEC, Workbench


def test_a_start_is_accepted_with_the_address_of_its_migration(bench: Workbench, api: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    answer = api.post("/api/migration", json={"task_id": task_id})
    assert answer.status_code == 202
    body = answer.json()
    assert body["status"] == "queued"
    assert answer.headers["location"] == f"/api/migration/{body['id']}"
    assert api.get(answer.headers["location"]).json() == body


def test_a_migration_has_the_shape_of_the_contract(bench: Workbench, api: TestClient) -> None:
    migration = bench.asked()
    body = api.get(f"/api/migration/{migration.id}").json()
    assert {
        "id", "task_id", "title", "status", "phase", "phase_count", "attempt", "max_attempts", "progress",
        "wait", "branch", "base_commit", "published_commit", "reason", "version", "phases", "attempts",
        "checkpoints", "rollbacks", "created_at", "updated_at",
    } <= body.keys()  # fmt: skip
    assert body["progress"] == {"done": 1, "total": 3, "percent": 33}
    assert body["max_attempts"] == 3
    assert body["wait"].keys() == {
        "id", "kind", "phase", "attempt", "prompt", "keywords", "asked_at", "deadline_at", "tries",
        "max_tries",
    }  # fmt: skip
    assert body["wait"]["keywords"] == ["done", "sorted"]


def test_a_task_has_the_shape_of_the_contract(bench: Workbench, api: TestClient) -> None:
    body = api.get(f"/api/tasks/{bench.drop('tidy-shelf.md')}").json()
    assert (body["title"], body["priority"], body["category"]) == ("Tidy Shelf", "high", "backend")
    assert body["estimated_hours"] == 5
    assert [(phase["name"], phase["hours"], len(phase["items"])) for phase in body["phases"]] == [
        ("Sorting", 3, 2),
        ("Labels", 2, 1),
    ]
    assert body["phases"][0]["items"][1]["mark"] == "x"
    assert [file["path"] for file in body["files"]["create"]] == ["shelf/order.py"]
    assert [file["path"] for file in body["files"]["modify"]] == ["README.md"]
    assert body["risks"][0]["level"] == "high"
    assert [entry["text"] for entry in body["success_criteria"]] == ["Every book stands where the list says"]
    assert body["metadata"]["files_to_create"] == 1
    assert body["migration"] is None
    assert body["problems"] == [problem for problem in body["problems"] if problem["severity"] != "error"]


def test_a_nonce_or_prompt_of_an_attempt_is_never_shown(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    bench.attempt(migration.id)
    text = api.get(f"/api/migration/{migration.id}").text
    assert "secret-nonce" not in text
    assert "do it" not in text


def test_lists_are_cut_into_pages_that_meet_without_gap(bench: Workbench, api: TestClient) -> None:
    for name in "abcde":
        bench.drop(f"{name}.md")
    seen, address = [], "/api/tasks?limit=2"
    while address:
        answer = api.get(address)
        page = answer.json()
        assert page.keys() == {"items", "next"}
        seen += [item["source_path"] for item in page["items"]]
        address = answer.links["next"]["url"] if page["next"] else ""
    assert seen == [f"{name}.md" for name in "abcde"]


def test_migrations_are_listed_newest_first_and_by_status(bench: Workbench, api: TestClient) -> None:
    first, second = bench.start("a.md"), bench.start("b.md")
    bench.manager.cancel(first.id, "anna")
    listed = api.get("/api/migration?limit=1").json()
    assert [item["id"] for item in listed["items"]] == [second.id]
    rest = api.get("/api/migration", params={"cursor": listed["next"]}).json()
    assert [item["id"] for item in rest["items"]] == [first.id]
    cancelled = api.get("/api/migration?status=cancelled").json()["items"]
    assert [item["id"] for item in cancelled] == [first.id]
    assert api.get("/api/migration?status=nonsense").status_code == 400


def test_the_status_of_all_counts_them(bench: Workbench, api: TestClient) -> None:
    first, second = bench.start("a.md"), bench.asked("b.md")
    body = api.get("/api/migration/status").json()
    assert body["counts"] == {"queued": 1, "waiting": 1}
    assert {item["id"] for item in body["items"]} == {first.id, second.id}
    assert body["next"] is None
    one = api.get("/api/migration/status", params={"id": first.id}).json()
    assert one["id"] == first.id


def test_a_clear_reply_is_accepted(bench: Workbench, api: TestClient) -> None:
    migration = bench.asked()
    answer = api.post(f"/api/migration/{migration.id}/reply", json={"text": "sorted"})
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "accepted"
    assert answer.json()["wait"] is None


def test_an_unclear_reply_is_asked_again_with_the_words_that_would_do(
    bench: Workbench, api: TestClient
) -> None:
    migration = bench.asked()
    answer = api.post(f"/api/migration/{migration.id}/reply", json={"text": "unsorted"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "/problems/reply-unclear"
    assert body["keywords"] == ["done", "sorted"]
    assert api.get(f"/api/migration/{migration.id}").json()["wait"]["tries"] == 1


def test_a_reply_to_a_question_that_is_no_longer_open_is_refused(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    answer = api.post(f"/api/migration/{migration.id}/reply", json={"text": "done"})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/no-open-wait")


def test_a_deadline_can_be_put_off(bench: Workbench, api: TestClient) -> None:
    migration = bench.asked()
    answer = api.post(f"/api/migration/{migration.id}/extend")
    assert answer.status_code == 200
    assert answer.json()["keywords"] == ["done", "sorted"]


def test_a_migration_is_paused_resumed_and_cancelled(bench: Workbench, api: TestClient) -> None:
    path = f"/api/migration/{bench.start().id}"
    assert api.post(f"{path}/pause").json()["status"] == "paused"
    assert api.post(f"{path}/resume").json()["status"] == "queued"
    assert api.post(f"{path}/cancel", headers={"If-Match": "*"}).json()["status"] == "cancelled"
    refused = api.post(f"{path}/pause")
    assert refused.status_code == 409
    assert refused.json()["migration_status"] == "cancelled"


def test_a_failed_migration_is_retried(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    bench.move(migration.id, Move.CLAIM, Move.FAIL, reason="tests are red")
    body = api.get(f"/api/migration/{migration.id}").json()
    assert (body["status"], body["reason"]) == ("failed", "tests are red")
    assert api.post(f"/api/migration/{migration.id}/retry").json()["status"] == "queued"


def test_an_order_on_a_version_that_moved_on_is_refused(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    path = f"/api/migration/{migration.id}"
    tag = api.get(path).headers["etag"]
    api.post(f"{path}/pause")
    answer = api.post(f"{path}/resume", headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["type"]) == (412, "/problems/stale")
    fresh = api.get(path).headers["etag"]
    assert api.post(f"{path}/resume", headers={"If-Match": fresh}).status_code == 200


def test_what_takes_work_away_must_say_which_version_it_means(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    bench.open_workspace(migration.id)
    path = f"/api/migration/{migration.id}"
    tag = api.get(path).headers["etag"]
    back = {"to": "start", "reason": "wrong branch"}
    for order, body in (("cancel", {}), ("rollback", back)):
        answer = api.post(f"{path}/{order}", json=body)
        assert (answer.status_code, answer.json()["type"]) == (428, "/problems/version-missing")
    assert api.post(f"{path}/rollback", json={**back, "dry_run": True}).status_code == 200
    api.post(f"{path}/pause")
    for order, body in (("cancel", {}), ("rollback", back)):
        answer = api.post(f"{path}/{order}", json=body, headers={"If-Match": tag})
        assert (answer.status_code, answer.json()["type"]) == (412, "/problems/stale")
    assert api.get(path).json()["status"] == "paused"


def test_a_reply_to_a_version_that_moved_on_is_refused(bench: Workbench, api: TestClient) -> None:
    path = f"/api/migration/{bench.asked().id}"
    tag = api.get(path).headers["etag"]
    api.post(f"{path}/pause")
    api.post(f"{path}/resume")
    answer = api.post(f"{path}/reply", json={"text": "sorted"}, headers={"If-Match": tag})
    assert (answer.status_code, answer.json()["type"]) == (412, "/problems/stale")


def test_what_is_known_already_is_not_sent_again(bench: Workbench, api: TestClient) -> None:
    path = f"/api/migration/{bench.start().id}"
    tag = api.get(path).headers["etag"]
    again = api.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    api.post(f"{path}/pause")
    assert api.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_second_start_says_which_migration_runs(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    answer = api.post("/api/migration", json={"task_id": migration.task_id})
    assert answer.status_code == 409
    assert answer.json()["migration_id"] == migration.id


def test_a_broken_spec_is_listed_with_its_problems_and_cannot_start(
    bench: Workbench, api: TestClient
) -> None:
    task_id = bench.drop("broken.md", SPEC.replace('"timeout_seconds": 600', '"timeout_seconds": '))
    answer = api.post("/api/migration", json={"task_id": task_id})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/spec-not-executable")
    listed = api.get("/api/specs/problems").json()["items"]
    assert [item["source_path"] for item in listed] == ["broken.md"]
    assert {"code", "severity", "line", "column", "message", "hint"} <= listed[0]["problems"][0].keys()


def test_the_inbox_lists_open_questions(bench: Workbench, api: TestClient) -> None:
    migration = bench.asked()
    items = api.get("/api/inbox").json()["items"]
    assert [item["migration_id"] for item in items] == [migration.id]
    assert items[0]["wait"]["kind"] == WaitKind.CONFIRM


def test_a_box_is_ticked_in_row_and_file(bench: Workbench, api: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    key = api.get(f"/api/tasks/{task_id}").json()["phases"][0]["items"][0]["key"]
    answer = api.post(f"/api/tasks/{task_id}/tick", json={"key": key, "mark": "x"})
    assert answer.json()["progress"]["done"] == 2
    assert "- [x] Sort the books by author" in (bench.settings.specs / "tidy-shelf.md").read_text()


def test_a_rollback_is_shown_before_it_is_done_and_needs_a_reason(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    workspace = bench.open_workspace(migration.id)
    (workspace / "junk.txt").write_text("away with it\n")
    bench.move(migration.id, Move.CLAIM, Move.FAIL, reason="wrong")
    order = {"id": migration.id, "to": "start"}
    shown = api.post("/api/migration/rollback", json={**order, "dry_run": True})
    assert shown.status_code == 200
    assert "junk.txt" in json.dumps(shown.json()["plan"]["files"])
    assert shown.json()["plan"]["steps"]
    assert api.post("/api/migration/rollback", json=order).status_code == 422
    done = api.post(
        f"/api/migration/{migration.id}/rollback",
        json={"to": "start", "reason": "wrong branch"},
        headers={"If-Match": api.get(f"/api/migration/{migration.id}").headers["etag"]},
    )
    assert done.status_code == 202
    assert done.json()["status"] == "rolling_back"
    bench.rollbacks.carry_out(Lease(migration.id, migration.fence))
    body = api.get(f"/api/migration/{migration.id}").json()
    assert body["status"] == "rolled_back"
    assert not (workspace / "junk.txt").exists()
    undone = api.post(f"/api/migration/{migration.id}/undo", json={"reason": "it was right"})
    assert undone.status_code == 202
    bench.rollbacks.carry_out(Lease(migration.id, migration.fence))
    assert (workspace / "junk.txt").exists()


def test_a_choice_is_one_of_three(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    bench.open_workspace(migration.id)
    order = {"to": "start", "reason": "x", "choices": {"app.py": "burn"}}
    assert api.post(f"/api/migration/{migration.id}/rollback", json=order).status_code == 422


def test_an_unknown_checkpoint_is_not_found(bench: Workbench, api: TestClient) -> None:
    migration = bench.start()
    answer = api.post(
        "/api/migration/rollback", json={"id": migration.id, "to": "nowhere", "reason": "x", "dry_run": True}
    )
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/checkpoint-unknown")


def test_what_happened_to_a_migration_is_told_newest_first(bench: Workbench, api: TestClient) -> None:
    migration = bench.asked()
    items = api.get(f"/api/migration/{migration.id}/events").json()["items"]
    assert [item["seq"] for item in items] == sorted((item["seq"] for item in items), reverse=True)
    assert items[0]["to_status"] == "waiting"
    audit = api.get("/api/audit?limit=1").json()
    assert audit["items"][0]["hash"]
    following = api.get("/api/audit", params={"limit": 1, "cursor": audit["next"]}).json()
    assert following["items"][0]["seq"] == audit["items"][0]["seq"] - 1


def test_unknown_things_are_not_found(api: TestClient) -> None:
    for path in ("/api/migration/none", "/api/tasks/none", "/api/nothing", "/api/migration/none/events"):
        answer = api.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_method_names_all_that_are_right(api: TestClient) -> None:
    answer = api.delete("/api/migration")
    assert answer.status_code == 405
    assert {part.strip() for part in answer.headers["allow"].split(",")} == {"GET", "HEAD", "POST"}


def test_a_start_may_be_put_off_and_is_explained(bench: Workbench, api: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    unstarted = api.get(f"/api/tasks/{task_id}/explanation").json()
    assert unstarted["reasons"][0].startswith("It was not started")
    begun = api.post("/api/migration", json={"task_id": task_id, "at": "2040-12-24T19:00:00+01:00"}).json()
    assert (begun["status"], begun["due_at"]) == ("queued", "2040-12-24T18:00:00.000Z")
    for path in (f"/api/migration/{begun['id']}", f"/api/tasks/{task_id}"):
        assert "due at 2040-12-24T18:00:00" in " ".join(api.get(f"{path}/explanation").json()["reasons"])
    assert api.get("/api/tasks/none/explanation").status_code == 404


@pytest.mark.parametrize(
    "at", ["tomorrow", "2040-12-24T18:00:00", "2040-13-01T00:00:00Z", "", "0001-01-01T00:00:00+14:00"]
)
def test_a_moment_without_an_offset_or_sense_starts_nothing(
    bench: Workbench, api: TestClient, at: str
) -> None:
    answer = api.post("/api/migration", json={"task_id": bench.drop("tidy-shelf.md"), "at": at})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/at")
    assert api.get("/api/migration").json()["items"] == []
