"""Reads a state directory for a command, beside whoever works on it."""

from collections.abc import Iterator
from contextlib import contextmanager

from roadmark.cli.opening import fail
from roadmark.executor.config import Settings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.store.reading import Reading
from roadmark.executor.tracker import MigrationTracker


@contextmanager
def reading(settings: Settings) -> Iterator[MigrationTracker]:
    """What is known, beside whoever works on it. Ends the program where there is nothing to read."""
    try:
        source = Reading(settings.state_dir, settings.database_url)
    except RoadmarkError as error:
        fail(error)
    try:
        yield MigrationTracker(source)
    except RoadmarkError as error:
        fail(error)
    finally:
        source.close()
