"""Traces of requests, attempts and moves; none where no endpoint is set up."""

import importlib
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, cast

from roadmark.executor.config import Settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.events import Bus
from starlette.middleware import Middleware


class Traces(Protocol):
    """What makes spans."""

    def middleware(self) -> list[Middleware]:
        """What makes a span of each request."""
        ...

    def following(self, bus: Bus) -> AbstractContextManager[None]:
        """Makes spans of what the journal tells, while the context lasts."""
        ...


class NoTraces:
    """Makes none."""

    def middleware(self) -> list[Middleware]:
        """Nothing."""
        return []

    def following(self, bus: Bus) -> AbstractContextManager[None]:
        """Nothing."""
        del bus
        return nullcontext()


def open_traces(settings: Settings) -> Traces:
    """What the configuration asks for. Raises: ConfigurationWrong where OpenTelemetry is missing."""
    if not settings.otlp_endpoint:
        return NoTraces()
    try:
        module = importlib.import_module("roadmark.web.otel")
    except ImportError as error:
        why = "needs OpenTelemetry: pip install 'roadmark[otel]'"
        raise ConfigurationWrong("[telemetry] otlp_endpoint", why) from error
    return cast(Traces, module.OtelTraces(settings.otlp_endpoint))
