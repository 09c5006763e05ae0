"""What a start puts right after a service that just vanished."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from roadmark.executor.attempt import AttemptRunner
from roadmark.executor.config import AgentSettings
from roadmark.executor.errors import StateDirInUse
from roadmark.executor.service import Service
from roadmark.executor.states import Status

WRITE = {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"}
DONE = {"do": "say", "text": "done\n"}


class _Vanished(BaseException):
    """The process is gone: nothing below may catch it."""


@pytest.fixture
def agents() -> dict[str, AgentSettings]:
    return {"script": AgentSettings(name="script", kind="scripted", options={"attempts": [[WRITE, DONE]]})}


@pytest.fixture
def abandoned(spec: Path, settings, agents, driver_of) -> Iterator[Service]:
    """A service whose migration waits for its start; the test lets it vanish by dropping its lock."""
    service = Service(replace(settings, agents={**settings.agents, **agents}))
    service.start("the one that vanishes")
    yield service
    service.stop()


def _let_go(service: Service) -> None:
    """What a process holds ends with it: the lock on the state directory, and that on the database."""
    service._lock.release()
    service.store._writer.dispose()


def _confirmed(service: Service, driver_of) -> str:
    driver = driver_of(service)
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    service.engine.stop()
    driver.say(migration_id, "done")
    return migration_id


def _vanish_in_the_middle(
    service: Service, migration_id: str, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Run the worker until it reaches the named function, as if the power went there."""

    def vanish(*_: object, **__: object) -> None:
        raise _Vanished

    monkeypatch.setattr(f"roadmark.executor.attempt.{where}", vanish)
    with pytest.raises(_Vanished):
        service._worker.advance(migration_id)
    monkeypatch.undo()


def test_an_attempt_that_was_cut_off_is_closed_as_interrupted_and_goes_on(
    abandoned, agents, start_service, driver_of, monkeypatch
) -> None:
    migration_id = _confirmed(abandoned, driver_of)
    _vanish_in_the_middle(abandoned, migration_id, monkeypatch, "take_checkpoint")
    _let_go(abandoned)
    driver = driver_of(start_service(agents))
    driver.until(migration_id, Status.WAITING)
    view = driver.service.tracker.migration(migration_id)
    assert [attempt.outcome for attempt in view.attempts] == ["interrupted", "confirm"]
    assert view.phases[0].attempts_used == 0
    assert driver.service.store.verify_journal() == []


def test_three_crashes_use_no_attempt_and_each_further_one_does_until_none_is_left(
    abandoned, driver_of, monkeypatch
) -> None:
    migration_id = _confirmed(abandoned, driver_of)
    service, used = abandoned, []
    with ExitStack() as stops:
        for _ in range(6):
            _vanish_in_the_middle(service, migration_id, monkeypatch, "take_checkpoint")
            _let_go(service)
            service = Service(abandoned.settings)
            stops.callback(service.stop)
            service.hold("the next one")
            used.append(service.tracker.migration(migration_id).phases[0].attempts_used)
        view = service.tracker.migration(migration_id)
        service.manager.retry(migration_id, "anna")
        granted = service.tracker.migration(migration_id).phases[0]

    assert used == [0, 0, 0, 1, 2, 3]
    assert view.migration.status is Status.FAILED
    assert "no attempt is left" in view.migration.reason
    assert [attempt.used for attempt in view.attempts] == [False] * 3 + [True] * 3
    assert (granted.attempts_used, granted.interruptions) == (0, 0)


def test_an_attempt_that_reached_its_checkpoint_is_taken_over_and_not_done_again(
    abandoned, agents, start_service, driver_of, monkeypatch
) -> None:
    migration_id = _confirmed(abandoned, driver_of)
    _vanish_in_the_middle(abandoned, migration_id, monkeypatch, "close_attempt")
    _let_go(abandoned)
    driver = driver_of(start_service(agents))
    driver.until(migration_id, Status.WAITING)
    view = driver.service.tracker.migration(migration_id)
    assert [attempt.outcome for attempt in view.attempts] == ["confirm"]
    assert [checkpoint.name for checkpoint in view.checkpoints] == ["start", "attempt-1-1"]


def test_a_cancelled_migration_is_ended_by_the_next_start(
    abandoned, agents, start_service, driver_of, monkeypatch
) -> None:
    migration_id = _confirmed(abandoned, driver_of)

    def vanish(*_: object, **__: object) -> None:
        abandoned.manager.cancel(migration_id, "anna")
        raise _Vanished

    monkeypatch.setattr(AttemptRunner, "_evidence", vanish)
    with pytest.raises(_Vanished):
        abandoned._worker.advance(migration_id)
    monkeypatch.undo()
    _let_go(abandoned)
    driver = driver_of(start_service(agents))
    assert driver.until(migration_id, Status.CANCELLED)
    assert [one.outcome for one in driver.service.tracker.migration(migration_id).attempts] == ["interrupted"]


@pytest.mark.parametrize("where", ["take_checkpoint", "restore", "publish_revert", "_finish"])
def test_a_rollback_that_was_cut_off_is_finished_by_the_next_start(
    abandoned, agents, start_service, driver_of, monkeypatch, where: str, spec: Path
) -> None:
    driver = driver_of(abandoned)
    migration_id = driver.begin()
    driver.carry_through(migration_id)
    abandoned.engine.stop()
    abandoned.rollbacks.request(migration_id, "start", "the wrong way", "anna")

    def vanish(*_: object, **__: object) -> None:
        raise _Vanished

    monkeypatch.setattr(f"roadmark.executor.rollback.{where}", vanish)
    with pytest.raises(_Vanished):
        abandoned._worker.advance(migration_id)
    monkeypatch.undo()
    _let_go(abandoned)
    later = driver_of(start_service(agents))
    later.until(migration_id, Status.ROLLED_BACK)
    view = later.service.tracker.migration(migration_id)
    start = next(checkpoint for checkpoint in view.checkpoints if checkpoint.name == "start")
    assert [(one.state, one.result["tree"]) for one in view.rollbacks] == [("done", start.tree)]
    assert "[x]" not in spec.read_text()


@pytest.mark.parametrize("where", ["publish", "Landing._record"])
def test_a_landing_that_was_cut_off_publishes_once(
    abandoned, agents, start_service, driver_of, monkeypatch, where: str, repo: Path
) -> None:
    driver = driver_of(abandoned)
    migration_id = driver.begin()
    for _ in range(2):
        driver.until(migration_id, Status.WAITING)
        if _ == 1:
            abandoned.engine.stop()
        driver.say(migration_id, "done")

    def vanish(*_: object, **__: object) -> None:
        raise _Vanished

    monkeypatch.setattr(f"roadmark.executor.landing.{where}", vanish)
    with pytest.raises(_Vanished):
        abandoned._worker.advance(migration_id)
    monkeypatch.undo()
    _let_go(abandoned)
    later = driver_of(start_service(agents))
    assert later.carry_through(migration_id).status is Status.COMPLETED
    commits = [run.published_commit for run in later.service.tracker.migration(migration_id).phases]
    assert len(set(commits)) == 2


def test_a_second_service_is_refused_by_the_name_of_the_first(abandoned, settings) -> None:
    second = Service(settings)
    with pytest.raises(StateDirInUse, match="the one that vanishes"):
        second.start("the second")
    second.store.close()
