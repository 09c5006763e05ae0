"""Traces, as a collector on loopback receives them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from roadmark.executor.access import SCOPES
from roadmark.executor.states import Move
from roadmark.web.app import create_app
from roadmark.web.requests import HEADER
from roadmark.web.traces import NoTraces, open_traces
from starlette.testclient import TestClient

from .conftest import BASE, Workbench

otlp = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="roadmark[otel] is not installed"
)


@dataclass
class Collector:
    """What was received."""

    url: str
    spans: list[Any] = field(default_factory=list)

    def named(self, name: str) -> list[Any]:
        """The spans of a name, in the order of their beginning."""
        found = [span for span in self.spans if span.name == name]
        return sorted(found, key=lambda span: span.start_time_unix_nano)


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = otlp.ExportTraceServiceRequest()
            sent.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            made.spans += [
                span for group in sent.resource_spans for scope in group.scope_spans for span in scope.spans
            ]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *values: object) -> None:
            """The test says what it saw."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    """The attributes of a span."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}


def test_requests_attempts_and_moves_are_traced(bench: Workbench, collector: Collector) -> None:
    bench.settings = replace(bench.settings, otlp_endpoint=collector.url)
    token = bench.access.make_token("robot", SCOPES)
    headers = {
        "Authorization": f"Bearer {token}",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    with TestClient(create_app(bench), base_url=BASE, headers=headers) as client:
        migration = bench.start()
        asked = client.get(f"/api/migration/{migration.id}")
        client.get("/api/tasks/none")
        bench.move(migration.id, Move.CLAIM)
        bench.attempt(migration.id, ("rmk_secret-line",))
        bench.record(migration.id, "attempt.ended", {"outcome": "fail", "reason": "tests are red"})
    (request,) = collector.named("GET /api/migration/{id}")
    assert request.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert attributes(request)["http.response.status_code"] == 200
    assert attributes(request)["roadmark.request"] == asked.headers[HEADER]
    assert attributes(collector.named("GET /api/tasks/{id}")[0])["http.response.status_code"] == 404
    moves = collector.named("migration.moved")
    assert [attributes(span)["roadmark.to_status"] for span in moves] == ["running"]
    (attempt,) = collector.named("attempt")
    assert UUID(bytes=attempt.trace_id) == UUID(migration.id)
    assert attempt.end_time_unix_nano >= attempt.start_time_unix_nano
    assert attributes(attempt)["roadmark.outcome"] == "fail"
    assert "secret" not in str(collector.spans)
    assert "tests are red" not in str(collector.spans)


def test_nothing_is_traced_unless_it_is_set_up(bench: Workbench) -> None:
    assert isinstance(open_traces(bench.settings), NoTraces)
