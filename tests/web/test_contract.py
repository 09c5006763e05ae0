"""The OpenAPI document is the API: its routes, its shapes, its problems."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from roadmark.web.app import create_app
from roadmark.web.auth import is_program
from roadmark.web.openapi import OPERATIONS, document
from roadmark.web.problems import KINDS
from roadmark.web.swagger import swagger_folder
from starlette.routing import Route
from starlette.testclient import TestClient

from .conftest import Workbench
from .contract import check


def test_the_document_names_every_route_of_the_api_and_no_other(bench: Workbench) -> None:
    routes = {
        (method.lower(), route.path)
        for route in create_app(bench).routes
        if isinstance(route, Route) and is_program({"path": route.path})
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert {(operation.method, operation.path) for operation in OPERATIONS} == routes


def test_every_shape_is_a_schema_and_every_pointer_leads_somewhere() -> None:
    shapes = document()["components"]["schemas"]
    for schema in shapes.values():
        Draft202012Validator.check_schema(schema)
    pointed = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document())))
    assert pointed <= shapes.keys()


def test_every_body_has_an_example_that_has_its_shape() -> None:
    for operation in OPERATIONS:
        described = document()["paths"][operation.path][operation.method]
        contents = [described.get("requestBody", {}).get("content", {})]
        contents += [described["responses"][str(status)].get("content", {}) for status in operation.answers]
        for content in contents:
            for media_type in content.keys() & {"application/json", "application/x-www-form-urlencoded"}:
                check(content[media_type]["example"], content[media_type]["schema"])


def test_operations_have_names_of_their_own() -> None:
    names = [operation.id for operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_the_document_is_served_with_its_shapes(api: TestClient) -> None:
    served: dict[str, Any] = api.get("/api/openapi.json").json()
    assert served == json.loads(json.dumps(document()))
    assert api.get("/schemas/Migration.json").headers["content-type"] == "application/schema+json"
    assert api.get("/schemas/Nothing-like-it").status_code == 404


def test_every_schema_has_an_address_and_is_one(api: TestClient) -> None:
    addresses = api.get("/schemas/").json()["items"]
    assert {"/schemas/context.json", "/schemas/configuration.json", "/schemas/Migration.json"} <= set(
        addresses
    )
    for address in addresses:
        Draft202012Validator.check_schema(api.get(address).json())


def test_the_page_of_the_api_lists_the_operations_where_swagger_ui_is_missing(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roadmark.web.swagger.PACKAGE", "roadmark_no_such_package")
    swagger_folder.cache_clear()
    text = browser.get("/api/docs").text
    assert browser.get("/api/docs/swagger-ui.css").status_code == 404
    swagger_folder.cache_clear()
    assert "pip install" in text
    assert "POST /api/migration/{id}/reply" in text


def test_swagger_ui_is_served_where_it_is_installed(browser: TestClient) -> None:
    if swagger_folder() is None:
        pytest.skip("the extra `docs` is not installed")
    assert "swagger-ui-bundle.js" in browser.get("/api/docs").text
    assert browser.get("/api/docs/swagger-ui-bundle.js").headers["content-type"].startswith("text/javascript")
    assert browser.get("/api/docs/index.template.html").status_code == 404


def test_who_is_unknown_is_sent_from_the_page_of_the_api_to_the_sign_in(anonymous: TestClient) -> None:
    assert anonymous.get("/api/docs").headers["location"] == "/sign-in?next=/api/docs"


def test_every_problem_type_leads_to_its_explanation(browser: TestClient) -> None:
    for slug, kind in KINDS.items():
        page = browser.get(f"/problems/{slug}")
        assert f'id="{slug}" class="wanted"' in page.text
        assert kind.title in page.text


def test_the_page_about_the_api_names_every_operation_and_problem() -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for operation in OPERATIONS:
        assert f"`{operation.method.upper()} {operation.path}`" in text, operation.id
    for slug, kind in KINDS.items():
        assert f"| {kind.status} | `/problems/{slug}` | {kind.title} |" in text, slug
