"""Requests have ids, and the log says who ordered what under them."""

import logging

import pytest
from roadmark.web.app import create_app
from roadmark.web.requests import HEADER
from roadmark.web.routing import resource
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from .conftest import BASE, Workbench


def test_every_answer_carries_the_id_of_its_request(anonymous: TestClient) -> None:
    first, second = anonymous.get("/livez"), anonymous.get("/api/tasks")
    assert first.headers[HEADER] != second.headers[HEADER]
    assert len(first.headers[HEADER]) == 32


def test_a_callers_id_is_taken(anonymous: TestClient) -> None:
    assert anonymous.get("/livez", headers={HEADER: "caller-1234"}).headers[HEADER] == "caller-1234"


@pytest.mark.parametrize("given", ["short", "two\tparts", "x" * 65, "a<b>c;d,e"])
def test_a_callers_id_that_could_do_harm_is_not_taken(anonymous: TestClient, given: str) -> None:
    assert anonymous.get("/livez", headers={HEADER: given}).headers[HEADER] != given


def test_orders_are_logged_by_route_with_who_and_what_about(
    bench: Workbench, api: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    migration = bench.start()
    with caplog.at_level(logging.INFO, "roadmark.web.requests"):
        api.get(f"/api/migration/{migration.id}")
        api.post(f"/api/migration/{migration.id}/pause")
    (told,) = [record for record in caplog.records if record.name == "roadmark.web.requests"]
    assert told.getMessage() == "POST /api/migration/{id}/pause: 200, by robot"
    assert told.__dict__["migration_id"] == migration.id


def test_a_secret_in_a_path_is_not_logged(anonymous: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "roadmark.web.requests"):
        anonymous.post("/sign-in/rml_very-secret", headers={"Origin": BASE})
        anonymous.post("/nowhere/rml_very-secret")
    assert "very-secret" not in caplog.text
    assert "/sign-in/{secret}" in caplog.text


def test_a_fault_of_ours_names_its_request(bench: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: Request) -> Response:
        raise RuntimeError("not yours")

    app = create_app(bench)
    app.router.routes.insert(0, resource("/livez", get=broken))
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
        answer = client.get("/livez")
    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers[HEADER]
    assert "not yours" not in answer.text
    assert "GET /livez: 500, by nobody known" in caplog.text
