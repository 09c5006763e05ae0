"""What the service counts of itself, and how Prometheus reads it.

Source: Prometheus text exposition format 0.0.4. Requests are counted by the template of their route, never
by their path, so that the number of series has an end.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from roadmark.executor.histogram import Counted, Histogram
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STREAMS = ("/live/{name}", "/api/events")


class Telemetry:
    """Counts requests by method, route and status, and how long they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self._durations: dict[str, Histogram] = defaultdict(lambda: Histogram(BUCKETS_S))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One answered request. Streams are counted, but how long they are open says nothing."""
        with self._lock:
            self._requests[method, route, status] += 1
            if route not in _STREAMS:
                self._durations[route].note(seconds)

    def lines(self) -> Iterator[str]:
        """The counts as exposition text."""
        with self._lock:
            requests, durations = dict(self._requests), dict(self._durations)
        yield from _family("roadmark_http_requests_total", "counter", "Answered requests.")
        for (method, route, status), count in sorted(requests.items()):
            labels = {"method": method, "route": route, "status": str(status)}
            yield _sample("roadmark_http_requests_total", labels, count)
        name = "roadmark_http_request_duration_seconds"
        yield from _family(name, "histogram", "How long requests took.")
        for route, histogram in sorted(durations.items()):
            yield from _histogram(name, {"route": route}, histogram.held())


class Counting:
    """Counts every request that passes."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, clock_s: Callable[[], float]) -> None:
        self._app, self._telemetry, self._clock_s = app, telemetry, clock_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it pass, and count what was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._clock_s(), 500

        async def send_and_see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_see)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._telemetry.count(scope["method"], route, status, self._clock_s() - began)


def exposition(service: Service, telemetry: Telemetry, streams: int) -> str:
    """Everything that is counted, as text for Prometheus."""
    parts = (_service_lines(service), _database_lines(service), _stream_lines(streams), telemetry.lines())
    return "\n".join(chain.from_iterable(parts)) + "\n"


def _service_lines(service: Service) -> Iterator[str]:
    counts = service.tracker.counts()
    yield from _family("roadmark_migrations", "gauge", "Migrations by status.")
    for status in Status:
        yield _sample("roadmark_migrations", {"status": str(status)}, counts.get(status, 0))
    yield from _wait_lines(service)
    yield from _family("roadmark_slots", "gauge", "Agents that may work at once.")
    yield _sample("roadmark_slots", {}, service.settings.slot_count())
    yield from _family("roadmark_journal_entries", "counter", "Entries of the journal.")
    yield _sample("roadmark_journal_entries", {}, service.tracker.last_seq())
    durations = service.metrics.attempt_durations()
    yield from _family("roadmark_attempt_duration_seconds", "summary", "How long attempts took.")
    for quantile, value in (("0.5", durations.p50_s), ("0.95", durations.p95_s)):
        if value is not None:
            yield _sample("roadmark_attempt_duration_seconds", {"quantile": quantile}, value)
    yield from _family("roadmark_ready", "gauge", "The checks of /readyz: 1 holds, 0 fails.")
    for name, holds in service.health().items():
        yield _sample("roadmark_ready", {"check": name}, int(holds))


def _wait_lines(service: Service) -> Iterator[str]:
    waits, now = [row.wait for row in service.tracker.inbox()], service.clock.now()
    yield from _family("roadmark_waits_open", "gauge", "Questions that wait for a person.")
    yield _sample("roadmark_waits_open", {}, len(waits))
    if waits:
        yield from _family("roadmark_wait_deadline_seconds", "gauge", "Until the earliest deadline of these.")
        yield _sample("roadmark_wait_deadline_seconds", {}, (waits[0].deadline_at - now).total_seconds())


def _database_lines(service: Service) -> Iterator[str]:
    name = "roadmark_database_duration_seconds"
    yield from _family(name, "histogram", "How long reads took, and writes until they were on the disk.")
    for operation, histogram in service.store.times.items():
        yield from _histogram(name, {"operation": operation}, histogram.held())


def _stream_lines(streams: int) -> Iterable[str]:
    yield from _family("roadmark_live_streams", "gauge", "Open live streams that wait for news.")
    yield _sample("roadmark_live_streams", {}, streams)


def _family(name: str, kind: str, help_text: str) -> tuple[str, str]:
    return f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"


def _histogram(name: str, labels: Mapping[str, str], held: Counted) -> Iterator[str]:
    total = 0
    for bound, count in zip((*map(str, held.bounds_s), "+Inf"), held.counts, strict=True):
        total += count
        yield _sample(f"{name}_bucket", {**labels, "le": bound}, total)
    yield _sample(f"{name}_sum", labels, held.sum_s)
    yield _sample(f"{name}_count", labels, total)


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    listed = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{listed}}} {value:g}" if listed else f"{name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
