"""Replies in: signed, fresh, once, from known senders, and only to the question that they name."""

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.config import load_settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.model import Wait
from roadmark.executor.states import Status
from roadmark.executor.store.receipts import Receipt, ReceiptRepository
from roadmark.web.app import create_app
from roadmark.web.hooks.replies import said_on_github
from roadmark.web.hooks.signing import headers_for
from starlette.testclient import TestClient

from .conftest import BASE, Workbench, sign_in
from .doors import SECRETS, open_doors, signature
from .receiver import receiver

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def outside(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A program that nobody knows, before a service whose three doors are open."""
    open_doors(bench, monkeypatch)
    with TestClient(create_app(bench), base_url=BASE, follow_redirects=False) as client:
        yield client


def question(bench: Workbench, name: str = "tidy-shelf.md") -> Wait:
    """An open question."""
    wait = bench.tracker.migration(bench.asked(name).id).wait
    assert wait is not None
    return wait


def now_s(bench: Workbench) -> int:
    return int(bench.clock.now().timestamp())


def status_of(bench: Workbench, wait: Wait) -> Status:
    return bench.tracker.migration(wait.migration_id).migration.status


def by_hook(bench: Workbench, client: TestClient, data: Mapping[str, object], **how: object) -> Response:
    """A signed message; `age_s`, `message_id` and `secret` may be others."""
    body = json.dumps({"type": "reply", "data": data}).encode()
    given = {"age_s": 0, "message_id": "msg_1", "secret": SECRETS["reply"], **how}
    stamp = now_s(bench) - int(str(given["age_s"]))
    headers = headers_for(str(given["secret"]), str(given["message_id"]), stamp, body)
    return client.post("/hooks/reply", content=body, headers={**JSON, **headers})


def by_slack(
    bench: Workbench,
    client: TestClient,
    form: Mapping[str, str],
    *,
    age_s: int = 0,
    secret: str = SECRETS["slack"],
) -> Response:
    """A signed form."""
    body, stamp = urlencode(form).encode(), str(now_s(bench) - age_s)
    signed = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}
    return client.post("/hooks/slack", content=body, headers={**FORM, **headers})


def comment(bench: Workbench, text: str, **more: object) -> dict[str, object]:
    """An event as GitHub tells of a new comment."""
    return {
        "action": "created",
        "issue": {"number": 7},
        "comment": {
            "id": 11,
            "node_id": "IC_11",
            "user": {"login": "Octo-Anna"},
            "created_at": bench.clock.now().isoformat(),
            "body": text,
        },
        "sender": {"login": "Octo-Anna"},
        **more,
    }


def by_github(
    client: TestClient, event: object, *, kind: str = "issue_comment", secret: str = SECRETS["github"]
) -> Response:
    """A signed event."""
    body = json.dumps(event).encode()
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": kind, "X-Hub-Signature-256": f"sha256={signed}"}
    return client.post("/hooks/github", content=body, headers={**JSON, **headers})


def test_a_signed_reply_counts_as_a_persons(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    answer = by_hook(bench, outside, {"wait": wait.id, "text": "sorted", "from": "chat"})
    assert answer.status_code == 200
    assert answer.json() == {"outcome": "accepted", "migration_id": wait.migration_id, "status": "queued"}
    (reply,) = bench.tracker.migration(wait.migration_id).replies
    assert (reply.text, reply.actor, reply.via) == ("sorted", "hook:chat", "hook")


def test_a_message_that_comes_again_gets_the_first_answer_and_does_nothing(
    bench: Workbench, outside: TestClient
) -> None:
    wait = question(bench)
    said = {"wait": wait.id, "text": "perhaps"}
    first = by_hook(bench, outside, said)
    assert (first.status_code, first.json()["type"]) == (422, "/problems/reply-unclear")
    again = by_hook(bench, outside, said)
    assert (again.status_code, again.json()) == (422, first.json())
    assert len(bench.tracker.migration(wait.migration_id).replies) == 1
    assert by_hook(bench, outside, {**said, "text": "sorted"}, message_id="msg_2").status_code == 200
    assert by_hook(bench, outside, {**said, "text": "sorted"}, message_id="msg_2").status_code == 200
    assert len(bench.tracker.migration(wait.migration_id).replies) == 2


def test_a_reply_answers_the_question_that_it_names_and_no_later_one(
    bench: Workbench, outside: TestClient
) -> None:
    old = question(bench)
    assert by_hook(bench, outside, {"wait": old.id, "text": "sorted"}).status_code == 200
    bench.ask(old.migration_id, prompt="Phase 2 is ready.")
    late = by_hook(bench, outside, {"wait": old.id, "text": "sorted"}, message_id="msg_2")
    assert (late.status_code, late.json()["type"]) == (409, "/problems/no-open-wait")
    assert status_of(bench, old) is Status.WAITING


@pytest.mark.parametrize(
    "how", [{"age_s": 301}, {"age_s": -400}, {"secret": "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"}]
)
def test_an_old_or_foreign_message_is_refused(
    bench: Workbench, outside: TestClient, how: dict[str, object]
) -> None:
    wait = question(bench)
    answer = by_hook(bench, outside, {"wait": wait.id, "text": "sorted"}, **how)
    assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthenticated")
    assert status_of(bench, wait) is Status.WAITING


def test_nothing_signed_is_nothing_believed(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    for name in ("reply", "slack", "github"):
        body = json.dumps({"data": {"wait": wait.id, "text": "sorted"}})
        assert outside.post(f"/hooks/{name}", content=body, headers=JSON).status_code == 401
    assert status_of(bench, wait) is Status.WAITING


def test_guessing_signatures_is_stopped(bench: Workbench, outside: TestClient) -> None:
    statuses = [outside.post("/hooks/reply", json={}).status_code for _ in range(30)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_a_claim_that_a_crash_left_is_taken_over(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    key = hashlib.sha256(b"msg_1").hexdigest()
    now = bench.clock.now()

    def claim(age_s: int) -> None:
        left = Receipt("reply", key, None, now.fromtimestamp(now.timestamp() - age_s, now.tzinfo))
        bench.store.write(lambda transaction: ReceiptRepository(transaction.connection).drop(left))
        bench.store.write(lambda transaction: ReceiptRepository(transaction.connection).claim(left, left.at))

    claim(5)
    assert by_hook(bench, outside, {"wait": wait.id, "text": "sorted"}).status_code == 409
    claim(90)
    assert by_hook(bench, outside, {"wait": wait.id, "text": "sorted"}).status_code == 200


def test_a_slash_command_answers(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    form = {
        "command": "/roadmark",
        "text": f"{wait.id[:8]} sorted",
        "user_id": "U2147483697",
        "trigger_id": "1",
    }
    answer = by_slack(bench, outside, form)
    assert answer.json()["text"] == "Taken: sorted (anna)"
    assert answer.json()["response_type"] == "in_channel"
    (reply,) = bench.tracker.migration(wait.migration_id).replies
    assert (reply.actor, reply.via) == ("anna", "slack")


def test_a_button_answers(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    pressed = {
        "type": "block_actions",
        "user": {"id": "U2147483697"},
        "actions": [{"value": f"{wait.id} done"}],
    }
    assert by_slack(bench, outside, {"payload": json.dumps(pressed)}).json()["text"] == "Taken: done (anna)"
    assert status_of(bench, wait) is Status.QUEUED


def test_a_button_is_answered_where_slack_takes_it(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    with receiver() as slack:
        pressed = {
            "type": "block_actions",
            "user": {"id": "U2147483697"},
            "actions": [{"value": f"{wait.id[:8]} done"}],
            "response_url": slack.url,
        }
        assert by_slack(bench, outside, {"payload": json.dumps(pressed)}).text == ""
        assert slack.received == []
        assert status_of(bench, wait) is Status.QUEUED
        hook = bench.settings.replies["slack"]
        hooks = {"slack": replace(hook, allow=(ipaddress.ip_network("127.0.0.0/8"),))}
        bench.settings = replace(bench.settings, replies=hooks)
        pressed["actions"] = [{"value": f"{wait.id[:8]} done <!channel>"}]
        assert by_slack(bench, outside, {"payload": json.dumps(pressed)}).status_code == 200
        message = json.loads(slack.wait_for(1)[0].body)
    assert message["response_type"] == "ephemeral"
    assert "no open question" in message["text"]


@pytest.mark.parametrize(
    ("text", "user", "said"),
    [
        ("{code} sorted", "U0", "'U0' may not answer"),
        ("{code} perhaps", "U2147483697", "does not confirm"),
        ("deadbeef sorted", "U2147483697", "it was answered, or it lapsed"),
        ("sorted", "U2147483697", "say /roadmark CODE REPLY"),
        ("the shelf is sorted", "U2147483697", "names no question"),
    ],
)
def test_slack_says_what_is_refused_to_the_sender_alone(
    bench: Workbench, outside: TestClient, text: str, user: str, said: str
) -> None:
    wait = question(bench)
    answer = by_slack(bench, outside, {"text": text.format(code=wait.id[:8]), "user_id": user})
    assert (answer.status_code, answer.json()["response_type"]) == (200, "ephemeral")
    assert said in answer.json()["text"]
    assert status_of(bench, wait) is Status.WAITING


def test_an_old_or_foreign_form_is_refused(bench: Workbench, outside: TestClient) -> None:
    form = {"text": f"{question(bench).id[:8]} sorted", "user_id": "U2147483697"}
    assert by_slack(bench, outside, form, age_s=301).status_code == 401
    assert by_slack(bench, outside, form, secret="another").status_code == 401
    assert by_slack(bench, outside, form).json()["text"] == "Taken: sorted (anna)"
    assert by_slack(bench, outside, form).json()["text"] == "Taken: sorted (anna)"


def test_a_comment_answers_and_what_it_quotes_does_not(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    code = wait.id[:8]
    quoted, own = f"> /roadmark {code} done", f"/roadmark {code} not good because\nthe labels are missing"
    text = f"{quoted}\n\nLooks wrong to me.\n\n{own}"
    answer = by_github(outside, comment(bench, text))
    assert (answer.status_code, answer.json()["outcome"]) == (200, "sent_back")
    (reply,) = bench.tracker.migration(wait.migration_id).replies
    assert reply.text == "not good because\nthe labels are missing"
    assert (reply.actor, reply.via) == ("anna", "github")


def test_a_comment_that_is_delivered_again_counts_once(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    event = comment(bench, f"/roadmark {wait.id[:8]} sorted")
    first, again = by_github(outside, event), by_github(outside, event)
    assert first.json() == again.json()
    assert len(bench.tracker.migration(wait.migration_id).replies) == 1


def test_comments_that_are_no_replies_are_left_alone(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    command = f"/roadmark {wait.id[:8]} sorted"
    quiet = [
        comment(bench, "This is done."),
        comment(bench, f"`{command}` would do it"),
        comment(bench, command, action="edited"),
        comment(bench, command, sender={"login": "somebody-else"}),
        {"action": "created"},
        [],
    ]
    for event in quiet:
        assert by_github(outside, event).json() == {"outcome": "ignored"}
    assert by_github(outside, comment(bench, command), kind="ping").json() == {"outcome": "ignored"}
    assert status_of(bench, wait) is Status.WAITING


def test_a_foreign_old_or_forged_comment_is_refused(bench: Workbench, outside: TestClient) -> None:
    wait = question(bench)
    command = f"/roadmark {wait.id[:8]} sorted"
    mallory = {
        "id": 1,
        "user": {"login": "mallory"},
        "body": command,
        "created_at": bench.clock.now().isoformat(),
    }
    foreign = comment(bench, command, comment=mallory, sender={"login": "mallory"})
    assert by_github(outside, foreign).status_code == 403
    old = {**mallory, "user": {"login": "Octo-Anna"}, "created_at": "2026-01-01T00:00:00Z"}
    assert by_github(outside, comment(bench, command, comment=old)).status_code == 401
    assert by_github(outside, comment(bench, command), secret="another").status_code == 401
    assert status_of(bench, wait) is Status.WAITING


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=20),
        lambda inner: st.dictionaries(
            st.sampled_from(["action", "comment", "user", "login", "body", "sender", "created_at"]),
            inner,
            max_size=5,
        ),
        max_leaves=12,
    )
)
def test_whatever_an_event_holds_it_is_read_without_breaking(event: object) -> None:
    if isinstance(event, dict):
        assert said_on_github(event, 0.0) is None


HOSTILE = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"[" * 5000,
    b'{"data": {"wait": "\\ud800\\ud800", "text": "\\ud800"}}',
    b'{"data": {"wait": "........", "text": 3}}',
    b'{"action": "created", "comment": [], "sender": 3}',
    b'{"action": "created", "comment": {"user": {"login": "a"}, "body": "/roadmark ../../x y"}}',
    b"payload=%7B%22user%22%3A3%2C%22actions%22%3A%5B3%5D%7D",
    b"payload=%5B" * 100,
    b"&".join(b"a=b" for _ in range(5000)),
    b"text=%00%ff%fe+x&user_id=U2147483697",
    b"text=" + b"9" * 100_000 + b"+done&user_id=U2147483697",
]


def test_the_task_page_tells_the_code_where_replies_come_from_elsewhere(
    bench: Workbench, outside: TestClient
) -> None:
    wait = question(bench)
    sign_in(bench, outside, ("read",))
    task_id = bench.tracker.migration(wait.migration_id).migration.task_id
    assert f"<code>{wait.id[:8]}</code>" in outside.get(f"/tasks/{task_id}").text


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_signed_is_answered_honestly(bench: Workbench, outside: TestClient, body: bytes) -> None:
    wait = question(bench)
    for name, media_type in (("reply", JSON), ("slack", FORM), ("github", JSON)):
        path, headers = f"/hooks/{name}", {**media_type, **signature(name, body, now_s(bench))}
        answer = outside.post(path, content=body, headers=headers)
        assert answer.status_code in (200, 400, 401, 403, 415, 422), (path, answer.text)
    assert status_of(bench, wait) is Status.WAITING


def test_a_door_that_is_not_set_up_is_none(anonymous: TestClient) -> None:
    for name in ("reply", "slack", "github"):
        answer = anonymous.post(f"/hooks/{name}", json={})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_door_without_its_secret_says_so_without_detail(
    bench: Workbench, outside: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_OF_reply")
    answer = by_hook(bench, outside, {"wait": question(bench).id, "text": "sorted"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[replies]\nslack = 3\n", r"must be tables: \[replies.reply\]"),
        ("[replies.matrix]\nsecret_env = 'S'\n", "unknown; known are reply, slack, github"),
        ("[replies.slack]\nsecret_env = 'S'\n", "nobody else may answer"),
        ("[replies.slack]\nsecret_env = 'S'\nusers = { U1 = 3 }\n", "must say who senders are"),
        ("[replies.reply]\nsecret = 'S'\n", "does not belong into this file"),
    ],
)
def test_a_wrong_door_is_named_with_its_place(
    tmp_path_factory: pytest.TempPathFactory, toml: str, said: str
) -> None:
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "roadmark.toml").write_text(toml)
    with pytest.raises(ConfigurationWrong, match=said):
        load_settings(folder, {"XDG_STATE_HOME": str(folder)}, {})
