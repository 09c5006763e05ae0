"""Sizes, deadlines, rates, repeated requests."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Iterator

import pytest
from roadmark.executor.store.access import AccessRepository, KeptAnswer
from roadmark.web.app import create_app
from roadmark.web.limits import ACTS, GUESSES, SIGN_INS, BodyLimit, Buckets, Rate
from roadmark.web.problems import Problem, as_json
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from .conftest import BASE, Workbench

MEBIBYTE = 1024 * 1024


def test_a_body_beyond_a_mebibyte_is_refused(api: TestClient) -> None:
    answer = api.post("/api/migration", content=b" " * (MEBIBYTE + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


def test_a_body_that_does_not_say_its_size_is_counted(api: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(17):
            yield b" " * 65_536

    assert api.post("/api/migration", content=pieces()).status_code == 413


def test_a_caller_who_goes_away_is_no_fault_of_ours(
    bench: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    told = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    headers = [(b"host", b"127.0.0.1"), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "path": "/api/migration", "raw_path": b"", "query_string": b""}

    async def receive() -> Message:
        return told.pop(0)

    async def send(message: Message) -> None:
        del message

    with caplog.at_level(logging.INFO, "roadmark.web.requests"):
        asyncio.run(create_app(bench)({**scope, "scheme": "http", "headers": headers}, receive, send))
    assert "POST no route: 400, by nobody known" in caplog.text


def test_a_body_that_takes_too_long_is_refused() -> None:
    sent: list[Message] = []

    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        await PlainTextResponse(body)(scope, receive, send)

    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def keep(message: Message) -> None:
        sent.append(message)

    def answer(scope: Scope, problem: Problem) -> Response:
        return as_json(problem)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(BodyLimit(echo, answer, deadline_s=0.01)(scope, never, keep))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff", 400, "not JSON"),
        (b'{"task_id": NaN}', 400, "NaN"),
        (b'{"task_id": "a", "task_id": "b"}', 400, "twice"),
        (b'{"task_id": "half \\ud800"}', 400, "half a character"),
        (b"[" * 70 + b"]" * 70, 400, "64 levels"),
        (b"[" * 500_000, 400, "64 levels"),
        (b"[]", 422, "object"),
        (b"{}", 422, "task_id"),
        (b'{"task_id": 7}', 422, "/task_id"),
        (b'{"task_id": ""}', 422, "/task_id"),
        (b'{"task_id": "x", "extra": 1}', 422, "extra"),
        (b'{"task_id": "nobody"}', 404, "nobody"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_with_the_place(
    api: TestClient, body: bytes, status: int, says: str
) -> None:
    answer = api.post("/api/migration", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert says in json.dumps(answer.json())


def test_brackets_inside_strings_are_no_depth(api: TestClient) -> None:
    body = json.dumps({"task_id": '\\"' + "[" * 200})
    answer = api.post("/api/migration", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 404


def test_a_body_must_say_that_it_is_json(api: TestClient) -> None:
    answer = api.post("/api/migration", content=b'{"task_id": "x"}', headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/not-json")


def test_query_values_are_checked(api: TestClient) -> None:
    for query in ("limit=0", "limit=101", "limit=x", "limit=-1", "limit=1e3", "cursor=%00", "cursor=!!"):
        assert api.get(f"/api/tasks?{query}").status_code == 400, query
    assert api.get("/api/audit?cursor=YWJj").status_code == 400


def test_an_if_match_that_names_no_version_is_stale(bench: Workbench, api: TestClient) -> None:
    path = f"/api/migration/{bench.start().id}/pause"
    assert api.post(path, headers={"If-Match": '"other"'}).status_code == 412
    assert api.post(path, headers={"If-Match": "*"}).status_code == 200


def test_a_bucket_gives_what_it_holds_and_fills_again() -> None:
    now = [0.0]
    buckets, rate = Buckets(lambda: now[0]), Rate("test", burst=2, per_minute=60)
    assert [buckets.take(rate, "a") for _ in range(3)] == [0, 0, pytest.approx(1.0)]
    assert buckets.take(rate, "b") == 0
    now[0] = 1.0
    assert buckets.take(rate, "a") == 0
    assert buckets.left(rate, "a") == 0


def test_too_many_acts_are_told_when_to_come_back(bench: Workbench, api: TestClient) -> None:
    path = f"/api/migration/{bench.start().id}/reply"
    statuses = (api.post(path).status_code for _ in range(100 * ACTS.burst))
    assert 429 in statuses
    refused = api.post(path)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit"].startswith('"acts";r=0')
    assert api.get("/api/tasks").status_code == 200


def test_guessed_tokens_are_cut_off(anonymous: TestClient) -> None:
    headers = {"Authorization": "Bearer rmk_guess"}
    statuses = [anonymous.get("/api/tasks", headers=headers).status_code for _ in range(GUESSES.burst + 1)]
    assert statuses[-1] == 429
    assert set(statuses[:-1]) == {401}
    assert anonymous.get("/livez").status_code == 200


def test_guessed_links_are_cut_off(anonymous: TestClient) -> None:
    path = "/sign-in/rml_guess"
    statuses = [anonymous.post(path, headers={"Origin": BASE}).status_code for _ in range(SIGN_INS.burst + 1)]
    assert statuses[-1] == 429


def test_a_repeated_order_is_done_once(bench: Workbench, api: TestClient) -> None:
    body = {"task_id": bench.drop("tidy-shelf.md")}
    headers = {"Idempotency-Key": "k-1"}
    first = api.post("/api/migration", json=body, headers=headers)
    again = api.post("/api/migration", json=body, headers=headers)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert len(bench.tracker.migrations_of(body["task_id"])) == 1


def test_a_refusal_is_repeated_as_it_was(bench: Workbench, api: TestClient) -> None:
    path = f"/api/migration/{bench.asked().id}/reply"
    for _ in range(3):
        answer = api.post(path, json={"text": "hardly"}, headers={"Idempotency-Key": "same"})
        assert answer.status_code == 422
    assert api.get(path.removesuffix("/reply")).json()["wait"]["tries"] == 1


def test_a_key_belongs_to_one_request_and_one_caller(bench: Workbench, api: TestClient) -> None:
    task_id = bench.drop("tidy-shelf.md")
    headers = {"Idempotency-Key": "k"}
    api.post("/api/migration", json={"task_id": task_id}, headers=headers)
    other = api.post("/api/migration", json={"task_id": "other"}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-reused")
    api.headers["Authorization"] = f"Bearer {bench.access.make_token('other', ['run'])}"
    mine = api.post("/api/migration", json={"task_id": task_id}, headers=headers)
    assert mine.status_code == 409
    assert api.post("/api/migration", json={}, headers={"Idempotency-Key": "x" * 256}).status_code == 400


def test_an_order_whose_outcome_is_unknown_is_not_done_again(bench: Workbench, api: TestClient) -> None:
    """As after a crash between the order and its answer: the key is claimed and has no answer."""
    body = json.dumps({"task_id": bench.drop("tidy-shelf.md")}).encode()
    digest = hashlib.sha256(b"/api/migration\n" + body).hexdigest()
    claimed = KeptAnswer(
        key="crashed",
        caller="robot",
        request_sha256=digest,
        status=None,
        headers=None,
        body=None,
        created_at=bench.clock.now(),
    )
    bench.store.write(lambda t: AccessRepository(t.connection).begin_answer(claimed))
    headers = {"Idempotency-Key": "crashed", "Content-Type": "application/json"}
    answer = api.post("/api/migration", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/in-flight")
    assert bench.tracker.migrations(None, 10) == []
