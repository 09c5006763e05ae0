"""Every operation of the OpenAPI document, asked with the good and bad requests that schemathesis makes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from requests import PreparedRequest
from roadmark.executor.access import SCOPES
from roadmark.web.app import create_app
from roadmark.web.openapi import OPERATIONS, document
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.python.asgi import ASGIClient, get_client, shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .conftest import BASE, Workbench
from .doors import open_doors, signature

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class Known:
    """What exists, so that requests do not only ask for what there is not."""

    tasks: tuple[str, ...]
    migrations: tuple[str, ...]


@pytest.fixture
def known(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Known:
    open_doors(bench, monkeypatch)
    asked = bench.asked("asked.md")
    failing = bench.start("second.md")
    bench.open_workspace(asked.id)
    return Known((asked.task_id, failing.task_id, bench.drop("third.md")), (asked.id, failing.id))


@pytest.fixture
def client(bench: Workbench) -> Iterator[ASGIClient]:
    with get_client(create_app(bench), max_stream_events=1) as made:
        yield made
    shutdown_lifespans()


def test_the_document_is_openapi() -> None:
    validate(document())


def signer(bench: Workbench, case: Case) -> Callable[[PreparedRequest], PreparedRequest]:
    """Signs two of three messages as their senders do, so that more than signatures is looked at."""

    def sign(request: PreparedRequest) -> PreparedRequest:
        body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"")
        name, stamp_s = case.operation.path.rpartition("/")[2], int(bench.clock.now().timestamp())
        if len(body) % 3:
            request.headers.update(signature(name, body, stamp_s))
        return request

    return sign


@pytest.mark.parametrize("operation_id", [operation.id for operation in OPERATIONS])
def test_the_operation_answers_only_what_the_document_says(
    operation_id: str, bench: Workbench, known: Known, client: ASGIClient
) -> None:
    schema = schemathesis.openapi.from_dict(document())
    operation = schema.find_operation_by_id(operation_id)
    token = bench.access.make_token(operation_id, SCOPES)
    modes = st.sampled_from((GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    cases = modes.flatmap(lambda mode: operation.as_strategy(generation_mode=mode))

    @BOUNDED
    @given(case=cases, data=st.data())
    def ask(case: Case, data: st.DataObject) -> None:
        _name_what_exists(case, data, known)
        _let_something_come(case)
        headers = {"Authorization": f"Bearer {token}"}
        sign = signer(bench, case) if case.operation.path.startswith("/hooks/") else None
        answer = case.call(session=client, base_url=BASE, headers=headers, auth=sign)
        case.validate_response(answer, checks=CHECKS)

    ask()


def _name_what_exists(case: Case, data: st.DataObject, known: Known) -> None:
    """Let three of four requests be about something that there is."""
    names = known.tasks if "/tasks/" in case.operation.path else known.migrations
    if "id" in case.path_parameters and data.draw(st.integers(0, 3)):
        case.path_parameters["id"] = data.draw(st.sampled_from(names))
    if isinstance(case.body, dict) and data.draw(st.integers(0, 3)):
        for name, values in (("task_id", known.tasks), ("id", known.migrations), ("to", ("start",))):
            if name in case.body:
                case.body[name] = data.draw(st.sampled_from(values))


def _let_something_come(case: Case) -> None:
    """A stream says nothing until something happens, so it is asked for what has happened."""
    if case.operation.path != "/api/events":
        return
    case.headers.pop("Last-Event-ID", None)
    for name in ("migration_id", "task_id"):
        case.query.pop(name, None)
    if str(case.query.get("after", 0)).isdigit():
        case.query["after"] = 0
