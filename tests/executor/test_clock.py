"""A clock that is set harms nothing: no deadline passes by it, no delay becomes years. The test turns it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.model import JournalEntry
from roadmark.executor.service import Service
from roadmark.executor.states import Status

from .clocks import SetClock

WORK = [
    {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"},
    {"do": "say", "text": "done\n"},
]
LIMITED = [{"do": "end", "end": "rate_limited"}]
UNDONE = [{"do": "say", "text": "I have begun."}]


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def service(spec: Path, settings: Settings, clock: SetClock) -> Iterator[Service]:
    """A service that is not started: the test looks at the times and advances migrations itself."""
    scripts = {"works": [WORK], "limited": [LIMITED, WORK], "fails": [UNDONE, WORK]}
    agents = {
        name: AgentSettings(name=name, kind="scripted", options={"attempts": script})
        for name, script in scripts.items()
    }
    service = Service(replace(settings, agents=agents, retry_delay_s=60.0), clock)
    service.hold("a test")
    service.intake.rescan()
    yield service
    service.stop()


def begin(service: Service, agent: str) -> str:
    """A migration that was started and answered, as far as it goes then."""
    migration_id = service.manager.start(service.tracker.fleet()[0].task.id, "anna", agent).id
    service.advance(migration_id)
    service.manager.reply(migration_id, "done", "anna", "test")
    service.advance(migration_id)
    return migration_id


def status(service: Service, migration_id: str) -> Status:
    return service.tracker.migration(migration_id).migration.status


def jumps(service: Service) -> list[JournalEntry]:
    return [entry for entry in service.tracker.events_after(0, 1000) if entry.kind == "clock.jumped"]


@pytest.mark.parametrize("days", [-3650, -1, 1, 3650])
def test_a_clock_that_is_set_leaves_a_question_the_time_that_it_had(service, clock, days: int) -> None:
    migration_id = begin(service, "works")
    clock.let_pass(timedelta(hours=3))
    service.timers.look()
    clock.set_by(timedelta(days=days))
    service.timers.look()
    wait = service.tracker.migration(migration_id).wait
    assert (status(service, migration_id), wait.deadline_at - clock.now()) == (
        Status.WAITING,
        timedelta(hours=1),
    )
    assert [entry.detail for entry in jumps(service)] == [{"by_seconds": days * 86_400}]
    clock.let_pass(timedelta(hours=1))
    service.timers.look()
    assert status(service, migration_id) is Status.QUEUED


def test_a_question_asked_by_the_clock_as_it_was_set_keeps_its_deadline(service, clock) -> None:
    clock.set_by(timedelta(days=3650))
    migration_id = begin(service, "works")
    service.timers.look()
    wait = service.tracker.migration(migration_id).wait
    assert wait.deadline_at - clock.now() == timedelta(hours=4)


def test_time_that_passes_and_seconds_that_are_corrected_are_no_jump(service, clock) -> None:
    migration_id = begin(service, "works")
    for span in (timedelta(days=2), timedelta(seconds=1)):
        clock.set_by(timedelta(seconds=299))
        clock.let_pass(span)
        service.timers.look()
    assert (jumps(service), status(service, migration_id)) == ([], Status.QUEUED)


@pytest.mark.parametrize("days", [-3650, 3650])
def test_what_is_parked_looks_again_when_the_clock_is_set(service, clock, days: int) -> None:
    migration_id = begin(service, "limited")
    assert status(service, migration_id) is Status.PARKED
    clock.set_by(timedelta(days=days))
    service.timers.look()
    assert status(service, migration_id) is Status.QUEUED


def test_a_delay_before_the_next_attempt_stays_as_long_as_it_was(service, clock) -> None:
    migration_id = begin(service, "fails")
    before = service.tracker.migration(migration_id).migration
    assert before.status is Status.QUEUED
    clock.set_by(timedelta(days=-3650))
    service.timers.look()
    assert service.tracker.migration(migration_id).migration.due_at == before.due_at - timedelta(days=3650)


def test_a_time_that_a_person_named_stays(service, clock) -> None:
    at = clock.now() + timedelta(hours=9)
    task_id = service.tracker.fleet()[0].task.id
    migration_id = service.manager.start(task_id, "anna", "works", at).id
    clock.set_by(timedelta(days=1))
    service.timers.look()
    assert service.tracker.migration(migration_id).migration.due_at == at


def test_between_two_commits_and_two_moments_a_tick_has_nothing_to_look_for(service, clock) -> None:
    looks = [service.timers.look(), service.timers.look()]
    clock.let_pass(timedelta(days=1))
    looks.append(service.timers.look())
    begin(service, "works")
    looks.append(service.timers.look())
    assert (looks, service.timers.look()) == ([True, False, False, True], False)


def test_the_end_of_a_delay_before_an_attempt_is_a_moment_to_look(service, clock) -> None:
    migration_id = begin(service, "fails")
    service.timers.look()
    clock.let_pass(timedelta(seconds=59))
    early = service.timers.look()
    clock.let_pass(timedelta(seconds=1))
    assert (status(service, migration_id), early, service.timers.look()) == (Status.QUEUED, False, True)
