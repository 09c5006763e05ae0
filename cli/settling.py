"""Carries an order out here, or waits while a running service does."""

import time

from roadmark.executor.errors import StateDirInUse
from roadmark.executor.model import Migration, RollbackState
from roadmark.executor.service import Service
from roadmark.executor.states import WORKING, Status

_LOOK_EVERY_S = 0.2
_UNSETTLED = WORKING | {Status.QUEUED}


def settle(service: Service, *migration_ids: str) -> Migration:
    """The last one once all rest: carried on here one by one where no service runs, else by the service."""
    try:
        service.hold("a command on a terminal")
    except StateDirInUse:
        while any(_is_moving(service, migration_id) for migration_id in migration_ids):
            time.sleep(_LOOK_EVERY_S)
    else:
        for migration_id in migration_ids:
            service.advance(migration_id)
    return service.tracker.migration(migration_ids[-1]).migration


def _is_moving(service: Service, migration_id: str) -> bool:
    view = service.tracker.migration(migration_id)
    is_awaited = any(rollback.state is RollbackState.REQUESTED for rollback in view.rollbacks)
    return is_awaited or view.migration.status in _UNSETTLED
