"""Carries an order out here, or waits while a running service does."""

import time

from roadmark.executor.errors import StateDirInUse
from roadmark.executor.model import Migration
from roadmark.executor.service import Service
from roadmark.executor.states import WORKING, Status

_LOOK_EVERY_S = 0.2
_UNSETTLED = WORKING | {Status.QUEUED}


def settle(service: Service, migration_id: str) -> Migration:
    """The migration once it rests: carried on here where no service runs, else by the service."""
    try:
        service.hold("a command on a terminal")
    except StateDirInUse:
        while service.tracker.migration(migration_id).migration.status in _UNSETTLED:
            time.sleep(_LOOK_EVERY_S)
    else:
        service.advance(migration_id)
    return service.tracker.migration(migration_id).migration
