"""What the journal records, and who is told of it after the commit.

An event is written in the transaction of the change that it reports; observers hear of it only once
it is durable, and cannot break the change.
"""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from roadmark.executor.model import JournalEntry

log = logging.getLogger(__name__)

SYSTEM = "roadmark"
"""The actor of what nobody ordered: timers, recovery, the worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A thing that happened. `kind` is `noun.verb`, for example `migration.moved`."""

    kind: str
    actor: str = SYSTEM
    task_id: str | None = None
    migration_id: str | None = None
    phase: int | None = None
    attempt: int | None = None
    from_status: str | None = None
    to_status: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


Observer = Callable[[Sequence[JournalEntry]], None]


class Bus:
    """Tells observers of what was committed, in the order of the journal."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []
        self._lock = threading.Lock()

    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Tell `observer` from now on; call what comes back, once or more often, to end that."""
        with self._lock:
            self._observers.append(observer)

        def end() -> None:
            with self._lock:
                self._observers = [one for one in self._observers if one is not observer]

        return end

    def publish(self, entries: Sequence[JournalEntry]) -> None:
        """Tell everybody; an observer that fails is logged and does not hold up the others."""
        with self._lock:
            observers = tuple(self._observers)
        for observer in observers:
            try:
                observer(entries)
            except Exception:
                log.exception("an observer of the journal failed")
