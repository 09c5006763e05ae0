"""What the commands that change something share: the service's parts, opened but not started."""

from collections.abc import Iterator
from contextlib import contextmanager

from roadmark.cli.opening import fail
from roadmark.executor.config import Settings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.service import Service


@contextmanager
def opened(settings: Settings) -> Iterator[Service]:
    """The service's parts, not started; closed at the end. Ends the program where the state is unusable."""
    try:
        service = Service(settings)
    except RoadmarkError as error:
        fail(error)
    try:
        yield service
    except RoadmarkError as error:
        fail(error)
    finally:
        service.stop()
