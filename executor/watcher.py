"""Watches the spec folder and has the intake look when something moved in it."""

import logging
import threading
from pathlib import Path

from roadmark.executor.intake import SETTLED_S, Intake
from roadmark.ingest.discovery import is_spec_name
from watchfiles import Change, DefaultFilter, watch

log = logging.getLogger(__name__)

_POLL_MS = 1_000
_STEP_MS = 200
"""A change is told of after so long without a further one; so often the watch wakes up, all night.

The second time it wakes up after a change, a file has mostly been still for as long as it has to be.
"""

FIRST_LOOK_S = 2.0
"""A start waits this long for the first look; a folder that takes longer is read beside the service."""


class _SpecFilter(DefaultFilter):
    """Only what may be a spec, or a folder that holds some."""

    def __call__(self, change: Change, path: str) -> bool:
        name = Path(path).name
        return super().__call__(change, path) and (is_spec_name(name) or "." not in name)


class Watcher:
    """A thread that lives from `start` until the service stops."""

    def __init__(self, intake: Intake, stopping: threading.Event) -> None:
        self._intake, self._stopping = intake, stopping
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="spec-watcher", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether somebody watches."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Read the folder, then watch it. Returns when it was read, or soon where that takes long."""
        self._thread.start()
        self._looked.wait(FIRST_LOOK_S)

    def join(self) -> None:
        """Wait for the end; the service's stopping event was set before."""
        if self._thread.is_alive():
            self._thread.join()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
                self._looked.set()
                self._watch()
            except Exception:  # a folder that vanishes must not end the watch for good
                log.exception("watching %s failed; trying again", self._intake.folder)
                self._stopping.wait(1.0)

    def _watch(self) -> None:
        self._intake.folder.mkdir(parents=True, exist_ok=True)
        changes = watch(
            self._intake.folder,
            watch_filter=_SpecFilter(),
            debounce=2 * _STEP_MS,
            step=_STEP_MS,
            stop_event=self._stopping,
            rust_timeout=_POLL_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        for number, batch in enumerate(changes):
            if batch or number == 0:  # what changed before the watch began is not told by it
                self._look()
            elif not self._intake.folder.is_dir():
                return

    def _look(self) -> None:
        """Rescan, and once more after the settling time for as long as something is still being written."""
        while self._intake.rescan() and not self._stopping.wait(SETTLED_S):
            pass
