"""The pages, as a browser without a script sees them."""

from roadmark.executor.states import Move
from starlette.testclient import TestClient

from .conftest import Workbench


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
