"""A worker that lost its migration to another one, and only then wakes up or fails, changes nothing more."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from roadmark.executor import attempt, rollback
from roadmark.executor.config import AgentSettings
from roadmark.executor.model import Migration, RollbackState
from roadmark.executor.service import Service
from roadmark.executor.states import Status

AGENT = AgentSettings(
    name="script",
    kind="scripted",
    options={
        "attempts": [
            [
                {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"},
                {"do": "say", "text": "done\n"},
            ]
        ]
    },
)


@pytest.fixture
def sleepy(spec: Path, settings, driver_of) -> Iterator[Service]:
    """A service whose worker is called by the test alone."""
    service = Service(replace(settings, agents={**settings.agents, "script": AGENT}))
    service.start("the one that sleeps")
    yield service
    service.stop()


@pytest.fixture
def other(sleepy: Service) -> Iterator[Service]:
    """Another program over the same state."""
    service = Service(sleepy.settings)
    yield service
    service.store.close()


def _ready(sleepy: Service, driver_of) -> str:
    """A migration whose first attempt is next."""
    driver = driver_of(sleepy)
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    sleepy.engine.stop()
    driver.say(migration_id, "done")
    return migration_id


def _taken_over(other: Service, migration_id: str) -> Migration:
    """The migration as it is once the other program has found it abandoned and works on it."""
    other._recovery.run()
    assert other._worker._claim(migration_id) is not None
    return other.tracker.migration(migration_id).migration


@pytest.mark.parametrize("end", [None, OSError("no space left")], ids=["goes on", "fails"])
def test_an_attempt_that_wakes_up_too_late_moves_nothing(
    sleepy, other, driver_of, monkeypatch, end: Exception | None
) -> None:
    migration_id = _ready(sleepy, driver_of)
    take, seen = attempt.take_checkpoint, []

    def asleep(*arguments):
        seen.append(_taken_over(other, migration_id))
        if end is not None:
            raise end
        return take(*arguments)

    monkeypatch.setattr(attempt, "take_checkpoint", asleep)
    sleepy._worker.advance(migration_id)
    view = other.tracker.migration(migration_id)
    assert seen == [view.migration]
    assert view.migration.status is Status.RUNNING
    assert len(view.attempts) == 1
    assert other.store.verify_journal() == []


@pytest.mark.parametrize("end", [None, OSError("no space left")], ids=["goes on", "fails"])
def test_a_rollback_that_wakes_up_too_late_moves_nothing(
    sleepy, other, driver_of, monkeypatch, end: Exception | None
) -> None:
    migration_id = _ready(sleepy, driver_of)
    sleepy._worker.advance(migration_id)
    sleepy.rollbacks.request(migration_id, "start", "the wrong way", "anna")
    restore, seen = rollback.restore, []

    def asleep(*arguments):
        proof = restore(*arguments)
        seen.append(_taken_over(other, migration_id))
        if end is not None:
            raise end
        return proof

    monkeypatch.setattr(rollback, "restore", asleep)
    sleepy._worker.advance(migration_id)
    view = other.tracker.migration(migration_id)
    assert seen == [view.migration]
    assert [one.state for one in view.rollbacks] == [RollbackState.REQUESTED]
    monkeypatch.undo()
    other._worker.advance(migration_id)
    assert other.tracker.migration(migration_id).migration.status is Status.ROLLED_BACK
