"""Questions have deadlines, and a deadline is never a yes. Time is moved by the test."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings
from roadmark.executor.errors import AlreadyRunning, Conflict, MoveRefused, NotFound
from roadmark.executor.service import Service
from roadmark.executor.states import Status

WRITE = {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"}
DONE = {"do": "say", "text": "done\n"}


class MovableClock:
    """The machine's clock: time that passes, `ahead`, and a wall clock that somebody sets, `set_by`."""

    def __init__(self) -> None:
        self.ahead = self.set_by = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead + self.set_by

    def monotonic_s(self) -> float:
        return time.monotonic() + self.ahead.total_seconds()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def driver(spec: Path, settings, clock: MovableClock, driver_of):
    agents = {"script": AgentSettings(name="script", kind="scripted", options={"attempts": [[WRITE, DONE]]})}
    service = Service(replace(settings, agents={**settings.agents, **agents}), clock)
    service.start("a test")
    yield driver_of(service)
    service.stop()


def test_a_start_that_nobody_answers_is_paused(driver, clock: MovableClock) -> None:
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    clock.ahead = timedelta(days=2)
    paused = driver.until(migration_id, Status.PAUSED)
    assert "nobody answered" in paused.reason
    driver.service.manager.resume(migration_id, "anna")
    driver.until(migration_id, Status.WAITING)


def test_a_result_that_nobody_confirms_uses_an_attempt_and_never_counts_as_a_yes(driver, clock) -> None:
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    for days in (2, 4, 6):
        driver.until(migration_id, Status.WAITING)
        clock.ahead = timedelta(days=days)
        driver.until(migration_id, Status.QUEUED, Status.RUNNING, Status.FAILED)
    failed = driver.until(migration_id, Status.FAILED)
    assert "no reply in time" in failed.reason
    view = driver.service.tracker.migration(migration_id)
    assert [wait for wait in view.phases if wait.state == "done"] == []
    assert view.progress.done == 0


def test_a_deadline_can_be_extended(driver, clock: MovableClock) -> None:
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    before = driver.service.tracker.migration(migration_id).wait.deadline_at
    clock.ahead = timedelta(hours=3)
    assert driver.service.manager.extend(migration_id, "anna").deadline_at > before


def test_a_parked_migration_goes_on_when_its_time_has_come(driver, clock: MovableClock, settings) -> None:
    limited = {"attempts": [[{"do": "end", "end": "rate_limited"}], [WRITE, DONE]]}
    driver.service.registry._agents["script"] = AgentSettings(name="script", kind="scripted", options=limited)
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    driver.until(migration_id, Status.PARKED)
    clock.ahead = timedelta(hours=1)
    driver.until(migration_id, Status.WAITING)


def test_orders_that_do_not_fit_are_refused_and_change_nothing(driver) -> None:
    migration_id = driver.begin("script")
    waiting = driver.until(migration_id, Status.WAITING)
    manager = driver.service.manager
    for order in (manager.resume, manager.retry):
        with pytest.raises(MoveRefused):
            order(migration_id, "anna")
    with pytest.raises(Conflict):
        manager.cancel(migration_id, "anna", version=waiting.version - 1)
    with pytest.raises(NotFound):
        manager.pause("no such migration", "anna")
    with pytest.raises(NotFound):
        manager.start("no such task", "anna")
    with pytest.raises(NotFound):
        manager.start(driver.task_id(), "anna", "no such agent")
    assert driver.service.tracker.migration(migration_id).migration == waiting


def test_an_older_migration_cannot_come_back_beside_a_newer_one(driver) -> None:
    first = driver.begin("script")
    driver.until(first, Status.WAITING)
    driver.service.manager.cancel(first, "anna")
    second = driver.begin("script")
    driver.until(second, Status.WAITING)
    with pytest.raises(AlreadyRunning):
        driver.begin("script")
    with pytest.raises(MoveRefused):
        driver.service.manager.resume(first, "anna")
    assert [m.id for m in driver.service.tracker.migrations_of(driver.task_id())] == [second, first]
