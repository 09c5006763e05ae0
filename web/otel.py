"""Traces by OpenTelemetry, sent over OTLP. Imported only where an endpoint is set: it is an extra.

The trace of a migration has the migration's id as its own, without the dashes: who has one has the other.
Source: OpenTelemetry semantic conventions for HTTP; W3C Trace Context: `traceparent` of a caller is taken up.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from uuid import UUID

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from roadmark.executor.events import Bus
from roadmark.executor.model import JournalEntry
from roadmark.web.requests import REQUEST_ID
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STREAMS = ("/live/", "/api/events")
_TROUBLES = frozenset({"fail", "block", "quarantine", "doubt", "next_attempt", "interrupted"})
_Attempt = tuple[str, int | None, int | None]


class OtelTraces:
    """Spans of requests, of attempts from begin to end, and of the moves between."""

    def __init__(self, endpoint: str) -> None:
        """Send them to the collector at `endpoint`, such as http://127.0.0.1:4318."""
        resource = Resource.create({"service.name": "roadmark", "service.version": version("roadmark")})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("roadmark")
        self._attempts: dict[_Attempt, Span] = {}

    def middleware(self) -> list[Middleware]:
        """What makes a span of each request."""
        return [Middleware(_Traced, tracer=self._tracer)]

    @contextmanager
    def following(self, bus: Bus) -> Iterator[None]:
        """Makes spans of what the journal tells; at the end sends what is left."""
        end = bus.subscribe(self._heard)
        try:
            yield
        finally:
            end()
            self._provider.shutdown()

    def _heard(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            if entry.migration_id is None:
                continue
            match entry.kind:
                case "attempt.began":
                    self._attempts[_attempt_of(entry)] = self._begun("attempt", entry)
                case "attempt.ended":
                    self._end_attempt(entry)
                case "migration.moved":
                    self._begun("migration.moved", entry).end(_nanoseconds(entry.at))
                case _:
                    pass

    def _end_attempt(self, entry: JournalEntry) -> None:
        """End the attempt's span; one that began before this process did has only its end."""
        span = self._attempts.pop(_attempt_of(entry), None) or self._begun("attempt", entry)
        outcome = str(entry.detail.get("outcome", ""))
        span.set_attribute("roadmark.outcome", outcome)
        span.set_status(StatusCode.ERROR if outcome in _TROUBLES else StatusCode.OK)
        span.end(_nanoseconds(entry.at))

    def _begun(self, name: str, entry: JournalEntry) -> Span:
        known = {
            "roadmark.migration": entry.migration_id,
            "roadmark.task": entry.task_id,
            "roadmark.phase": entry.phase,
            "roadmark.attempt": entry.attempt,
            "roadmark.from_status": entry.from_status,
            "roadmark.to_status": entry.to_status,
        }
        return self._tracer.start_span(
            name,
            _migration_context(str(entry.migration_id)),
            attributes={key: value for key, value in known.items() if value is not None},
            start_time=_nanoseconds(entry.at),
        )


class _Traced:
    """A span a request, named by method and route; streams have none, since they are open for hours."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_STREAMS):
            await self._app(scope, receive, send)
            return
        carried = TraceContextTextMapPropagator().extract(dict(Headers(scope=scope)))
        with self._tracer.start_as_current_span(scope["method"], carried, kind=SpanKind.SERVER) as span:

            async def send_and_see(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _describe(span, scope, message["status"])
                await send(message)

            await self._app(scope, receive, send_and_see)


def _describe(span: Span, scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", "no route")
    span.update_name(f"{scope['method']} {route}")
    span.set_attributes(
        {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "roadmark.request": scope.get(REQUEST_ID, ""),
        }
    )
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def _migration_context(migration_id: str) -> Context:
    whole = UUID(migration_id).int
    parent = SpanContext(
        whole, whole & (2**64 - 1), is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _attempt_of(entry: JournalEntry) -> _Attempt:
    return str(entry.migration_id), entry.phase, entry.attempt


def _nanoseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e9)
