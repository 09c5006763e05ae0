"""Notifications by Apprise, and the link in them that lets one person answer one question."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from roadmark.executor.config import load_settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.outside import NOTIFY_ON, NotifySettings
from roadmark.executor.reminders import Reminders
from roadmark.executor.reply_links import LINK_LIFE, ReplyLinks
from roadmark.executor.secret_source import SecretSource
from roadmark.executor.states import Move, Status
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.reply_links import ReplyLinkRepository
from roadmark.executor.store.waits import WaitRepository
from roadmark.web.app import create_app
from starlette.testclient import TestClient

from .conftest import BASE, Workbench, sign_in
from .receiver import Received, Receiver, receiver

pytest.importorskip("apprise", reason="the extra roadmark[notify] is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """What Apprise posts to: its plainest service is JSON over HTTP."""
    with receiver() as made:
        made.statuses = [200]
        monkeypatch.setenv("ANNAS_PHONE", f"json://127.0.0.1:{made.port}/phone?key=of-the-service")
        yield made


def notify(on: tuple[str, ...] = NOTIFY_ON, person: str | None = "anna") -> NotifySettings:
    source = SecretSource(where="[[notify]] phone", variable="ANNAS_PHONE")
    return NotifySettings(name="phone", url=source, on=on, person=person)


@pytest.fixture
def client(bench: Workbench, phone: Receiver) -> Iterator[TestClient]:
    """A browser that nobody knows, on the phone that is told."""
    bench.settings = replace(bench.settings, notify=(notify(),), public_url=BASE)
    with TestClient(create_app(bench), base_url=BASE, follow_redirects=False) as made:
        made.headers["Origin"] = BASE
        yield made


def said(message: Received) -> tuple[str, str]:
    """Title and text."""
    body = json.loads(message.body)
    return body["title"], body["message"]


def link_of(message: Received) -> str:
    """The path of the link in a message."""
    found = re.search(rf"{BASE}(/reply/\S+)", said(message)[1])
    assert found is not None, said(message)
    return found[1]


def asked(bench: Workbench, phone: Receiver, name: str = "tidy-shelf.md") -> tuple[str, str]:
    """A migration that waits, and the link that its message brings."""
    migration = bench.asked(name)
    return migration.id, link_of(phone.wait_for(1)[-1])


def status_of(bench: Workbench, migration_id: str) -> Status:
    return bench.tracker.migration(migration_id).migration.status


def test_whoever_is_waited_for_is_told_with_the_question_and_a_link(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    bench.asked()
    title, text = said(phone.wait_for(1)[0])
    assert title == "Your reply, please: Tidy Shelf"
    assert "Phase 1 is ready." in text
    assert "Reply with: " in text
    assert f"{BASE}/reply/rmr_" in text


def test_a_reminder_is_told_like_the_question(bench: Workbench, client: TestClient, phone: Receiver) -> None:
    _, link = asked(bench, phone)
    wait = bench.tracker.inbox()[0].wait
    soon = bench.clock.now() + timedelta(minutes=30)
    bench.store.write(lambda transaction: WaitRepository(transaction.connection).extend(wait, soon))
    Reminders(bench.store, (1800,)).give_due()
    told = phone.wait_for(1)[-1]
    assert said(told)[0] == "Your reply, please: Tidy Shelf"
    assert link_of(told) != link


def test_one_click_and_one_word_answer(bench: Workbench, client: TestClient, phone: Receiver) -> None:
    migration_id, link = asked(bench, phone)
    page = client.get(link)
    assert page.status_code == 200
    assert 'name="text" value="sorted"' in page.text
    assert client.post(link, data={"text": "sorted"}).headers["location"] == link
    assert "Taken" in client.get(link).text
    (reply,) = bench.tracker.migration(migration_id).replies
    assert (reply.actor, reply.via, reply.outcome) == ("anna", "link", "accepted")


def test_looking_at_the_link_answers_nothing_and_signs_nobody_in(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    migration_id, link = asked(bench, phone)
    for _ in range(3):
        assert "set-cookie" not in client.get(link).headers
    assert status_of(bench, migration_id) is Status.WAITING
    assert client.get("/").status_code == 303
    assert client.get("/api/tasks").status_code == 401


def test_an_unclear_word_asks_again_and_keeps_it(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    migration_id, link = asked(bench, phone)
    again = client.post(link, data={"text": "hm, perhaps"})
    assert again.status_code == 422
    assert 'value="hm, perhaps"' in again.text
    assert status_of(bench, migration_id) is Status.WAITING


def test_a_link_is_for_its_own_question_and_no_later_one(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    migration_id, link = asked(bench, phone)
    client.post(link, data={"text": "sorted"})
    bench.ask(migration_id, prompt="Phase 2 is ready.")
    late = client.post(link, data={"text": "sorted"})
    assert late.status_code == 409
    assert "Phase 2" not in late.text
    assert status_of(bench, migration_id) is Status.WAITING


@pytest.mark.parametrize("key", ["rmr_", "rmr_guess", "x" * 200, "rml_abc"])
def test_a_wrong_link_opens_nothing(client: TestClient, key: str) -> None:
    assert client.get(f"/reply/{key}").status_code == 404
    assert client.post(f"/reply/{key}", data={"text": "done"}).status_code == 404


def test_a_link_of_another_kind_or_age_opens_nothing(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    _, link = asked(bench, phone)
    assert client.get(link.replace("rmr_", "rml_")).status_code == 404

    def age(transaction: Transaction) -> None:
        links = ReplyLinkRepository(transaction.connection)
        links.forget_before(transaction.now)

    bench.store.write(age)
    assert client.get(link).status_code == 404


def test_another_site_cannot_answer_by_the_link(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    migration_id, link = asked(bench, phone)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(link, data={"text": "sorted"}, headers=headers).status_code == 403
    assert status_of(bench, migration_id) is Status.WAITING


def test_the_key_of_a_link_is_kept_nowhere(bench: Workbench, client: TestClient, phone: Receiver) -> None:
    _, link = asked(bench, phone)
    kept = b"".join(path.read_bytes() for path in bench.settings.state_dir.glob("roadmark.db*"))
    assert link.removeprefix("/reply/").encode() not in kept
    assert b"of-the-service" not in kept


def test_failures_and_ends_are_told_with_a_link_to_the_task(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    failed = bench.start("a.md")
    bench.move(failed.id, Move.CLAIM, Move.FAIL, reason="tests are red")
    title, text = said(phone.wait_for(1)[-1])
    assert (title, text) == (
        "Needs you: Tidy Shelf",
        f"tests are red\n{BASE}/tasks/{failed.task_id}",
    )
    done = bench.start("b.md")
    bench.move(done.id, Move.CLAIM, Move.FINISH)
    assert said(phone.wait_for(1)[-1])[0] == "Done: Tidy Shelf"


def test_only_what_is_asked_for_is_told_and_without_a_person_the_link_asks_to_sign_in(
    bench: Workbench, phone: Receiver
) -> None:
    bench.settings = replace(bench.settings, notify=(notify(("waiting",), None),), public_url=BASE)
    with TestClient(create_app(bench), base_url=BASE):
        failed = bench.start("a.md")
        bench.move(failed.id, Move.CLAIM, Move.FAIL, reason="tests are red")
        waiting = bench.asked("b.md")
        (told,) = phone.wait_for(1)
    assert f"{BASE}/tasks/{waiting.task_id}#reply" in said(told)[1]
    assert "/reply/" not in said(told)[1]


def test_a_question_that_was_answered_meanwhile_is_not_told(bench: Workbench, phone: Receiver) -> None:
    bench.settings = replace(bench.settings, notify=(notify(),))
    with TestClient(create_app(bench), base_url=BASE):
        pass
    first = bench.asked("a.md")
    bench.manager.reply(first.id, "sorted", "anna", "page")
    second = bench.asked("b.md")
    with TestClient(create_app(bench), base_url=BASE):
        phone.wait_for(1)
    assert len(phone.received) == 1
    assert second.id != first.id


def test_an_admin_sees_notifications_and_sends_a_test(
    bench: Workbench, client: TestClient, phone: Receiver
) -> None:
    sign_in(bench, client, ("admin",))
    assert client.post("/webhooks/notify:phone/test").status_code == 303
    assert said(phone.wait_for(1)[0])[0] == "Roadmark: a test"
    page = client.get("/webhooks").text
    assert "notify:phone" in page
    assert "of-the-service" not in page


def test_a_link_lives_thirty_days(bench: Workbench) -> None:
    assert LINK_LIFE.days == 30
    wait = bench.tracker.migration(bench.asked().id).wait
    assert wait is not None
    links = ReplyLinks(bench.store)
    key = links.make(wait, "anna")
    found = links.find(key)
    assert found is not None
    assert (found.wait_id, found.name) == (wait.id, "anna")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[[notify]]\nname = 'a'\nurl = 'tgram://x'\n", "does not belong into this file"),
        ("[[notify]]\nname = 'a'\nurl_env = 'A'\non = ['always']\n", "not one of waiting, failed, finished"),
        ("[[notify]]\nname = 'a'\nurl_env = 'A'\nperson = ''\n", "needs person"),
    ],
)
def test_a_wrong_notification_is_named_with_its_place(tmp_path: Path, toml: str, said: str) -> None:
    (tmp_path / "roadmark.toml").write_text(toml)
    with pytest.raises(ConfigurationWrong, match=said):
        load_settings(tmp_path, {"XDG_STATE_HOME": str(tmp_path)}, {})
