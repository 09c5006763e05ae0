"""Where a migration stands, as a checkpoint keeps it: enough to put the rows and boxes back later."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from roadmark.executor.model import Json, Migration, PhaseRun
from roadmark.executor.states import PhaseState, Status
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.store.statements import Answer
from roadmark.executor.store.tasks import TaskRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A migration's place: its phase, the state of each phase, the boxes that were ticked."""

    status: Status
    phase: int
    attempt: int
    start_confirmed: bool
    published_commit: str | None
    states: dict[int, PhaseState]
    published: dict[int, str | None]
    ticked: tuple[str, ...]

    def as_json(self) -> Json:
        """The position as its column holds it."""
        return {
            "status": self.status.value,
            "phase": self.phase,
            "attempt": self.attempt,
            "start_confirmed": self.start_confirmed,
            "published_commit": self.published_commit,
            "states": {str(phase): state.value for phase, state in self.states.items()},
            "published": {str(phase): commit for phase, commit in self.published.items()},
            "ticked": list(self.ticked),
        }


def position_of(migration: Migration, runs: Iterable[PhaseRun], ticked: Iterable[str]) -> Position:
    """Where the migration stands, with these phases and the keys of these boxes."""
    return Position(
        status=migration.status,
        phase=migration.phase,
        attempt=migration.attempt,
        start_confirmed=migration.start_confirmed,
        published_commit=migration.published_commit,
        states={run.phase: run.state for run in runs},
        published={run.phase: run.published_commit for run in runs},
        ticked=tuple(ticked),
    )


def ask_position(connection: sa.Connection, migration: Migration) -> Answer[Position]:
    """Ask for where the migration stands now, to be waited for later."""
    runs = MigrationRepository(connection).ask_phase_runs(migration.id)
    ticked = TaskRepository(connection).ask_ticked(migration.id)
    return lambda: position_of(migration, runs(), ticked())


def read_position(kept: Json) -> Position:
    """The position that a checkpoint keeps."""
    values: dict[str, Any] = dict(kept)
    return Position(
        status=Status(values["status"]),
        phase=values["phase"],
        attempt=values["attempt"],
        start_confirmed=values["start_confirmed"],
        published_commit=values["published_commit"],
        states={int(phase): PhaseState(state) for phase, state in values["states"].items()},
        published={int(phase): commit for phase, commit in values["published"].items()},
        ticked=tuple(values["ticked"]),
    )
