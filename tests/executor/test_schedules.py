"""Tasks that are started by cron: each named time once, whatever happens to the service or to the clock."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.errors import CronWrong, NotFound
from roadmark.executor.model import Schedule
from roadmark.executor.schedules import Schedules
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.store.schedules import ScheduleRepository
from roadmark.executor.timers import Timers

from .clocks import SetClock

TWO = datetime(2026, 3, 2, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


class Room:
    """A service that is not started, with schedules in UTC; the test looks at the times."""

    def __init__(self, settings: Settings, clock: SetClock) -> None:
        self.service = Service(settings, clock)
        self.service.hold("a test")
        self.service.intake.keep_the_folder()
        self.service.intake.rescan()
        self.schedules = Schedules(self.service.store, self.service.manager, UTC)
        self.timers = Timers(self.service.store, self.service.manager, self.schedules)
        self.task_id = self.service.tracker.fleet()[0].task.id

    def look(self) -> int:
        """Look at the times; gives how many migrations there are."""
        self.timers.look()
        return len(self.service.tracker.migrations(None, 100))

    def end_run(self) -> None:
        """Whatever was started is ended."""
        migration_id = self.service.tracker.fleet()[0].migration.id
        self.service.manager.cancel(migration_id, "anna")

    def only(self) -> Schedule:
        return self.schedules.all()[0].schedule


Open = Callable[[], Room]


@pytest.fixture
def open_room(spec: Path, settings: Settings, clock: SetClock) -> Iterator[Open]:
    agents = {"script": AgentSettings(name="script", kind="scripted"), **settings.agents}
    opened: list[Room] = []

    def make() -> Room:
        while opened:
            opened.pop().service.stop()
        opened.append(Room(replace(settings, agents=agents), clock))
        return opened[-1]

    yield make
    while opened:
        opened.pop().service.stop()


@pytest.fixture
def room(open_room: Open) -> Room:
    return open_room()


def test_a_task_is_started_at_its_times_and_not_before(room: Room, clock: SetClock) -> None:
    room.schedules.add(room.task_id, "0 2 * * *", "anna", "script")
    clock.let_pass(timedelta(hours=14) - timedelta(seconds=1))
    assert room.look() == 0
    clock.let_pass(timedelta(seconds=1))
    assert (room.look(), room.look()) == (1, 1)
    migration = room.service.tracker.fleet()[0].migration
    schedule = room.only()
    assert (migration.agent, migration.started_by) == ("script", f"schedule {schedule.id[:8]}")
    assert (schedule.last_migration_id, schedule.last_due_at, schedule.due_at) == (
        migration.id,
        TWO,
        TWO + DAY,
    )


def test_a_run_that_is_not_over_is_left_alone_and_that_is_noted(room: Room, clock: SetClock) -> None:
    room.schedules.add(room.task_id, "0 2 * * *", "anna")
    clock.let_pass(DAY)
    assert room.look() == 1
    clock.let_pass(DAY)
    assert room.look() == 1
    assert "resume or cancel it first" in room.only().last_refusal
    kinds = [entry.kind for entry in room.service.tracker.timeline(room.task_id, 50)]
    assert kinds.count("schedule.skipped") == 1
    room.end_run()
    clock.let_pass(DAY)
    assert (room.look(), room.only().last_refusal) == (2, None)


def test_what_was_missed_is_made_up_for_once_also_after_a_restart(open_room: Open, clock: SetClock) -> None:
    room = open_room()
    room.schedules.add(room.task_id, "0 2 * * *", "anna")
    clock.let_pass(10 * DAY)
    room = open_room()
    assert room.look() == 1
    room.end_run()
    assert (room.look(), room.only().due_at) == (1, TWO + 10 * DAY)


@pytest.mark.parametrize("years", [1, 10])
def test_a_clock_set_forward_and_back_starts_nothing_twice(room: Room, clock: SetClock, years: int) -> None:
    room.schedules.add(room.task_id, "0 2 * * *", "anna")
    room.look()
    clock.set_by(years * 365 * DAY)
    assert room.look() == 1
    room.end_run()
    clock.set_by(-years * 365 * DAY)
    assert room.look() == 1
    assert room.only().due_at == TWO + DAY
    clock.let_pass(DAY)
    assert room.look() == 1
    clock.let_pass(DAY)
    assert room.look() == 2


def test_a_clock_set_back_an_hour_does_not_take_the_same_time_again(room: Room, clock: SetClock) -> None:
    room.schedules.add(room.task_id, "0 2 * * *", "anna")
    clock.let_pass(timedelta(hours=14, minutes=1))
    assert room.look() == 1
    room.end_run()
    clock.set_by(timedelta(hours=-1))
    room.look()
    clock.let_pass(timedelta(hours=2))
    assert (room.look(), room.only().due_at) == (1, TWO + DAY)


def test_a_clock_that_was_years_ahead_does_not_silence_a_schedule(room: Room, clock: SetClock) -> None:
    clock.set_by(3650 * DAY)
    room.look()
    room.schedules.add(room.task_id, "0 2 * * *", "anna")
    clock.set_by(-3650 * DAY)
    room.look()
    assert room.only().due_at == TWO


def test_a_schedule_can_be_removed_by_the_beginning_of_its_id(room: Room, clock: SetClock) -> None:
    schedule = room.schedules.add(room.task_id, "* * * * *", "anna")
    with pytest.raises(NotFound):
        room.schedules.remove("", "anna")
    room.schedules.remove(schedule.id[:8], "anna")
    clock.let_pass(DAY)
    assert (room.look(), room.schedules.all()) == (0, [])


def test_what_cannot_be_scheduled_is_refused_and_nothing_is_kept(room: Room) -> None:
    with pytest.raises(CronWrong):
        room.schedules.add(room.task_id, "every night", "anna")
    with pytest.raises(NotFound):
        room.schedules.add("no such task", "0 2 * * *", "anna")
    with pytest.raises(NotFound):
        room.schedules.add(room.task_id, "0 2 * * *", "anna", "no such agent")
    assert room.schedules.all() == []


def test_a_task_whose_file_is_gone_keeps_its_schedule_and_says_why(
    room: Room, clock: SetClock, spec: Path
) -> None:
    room.schedules.add(room.task_id, "0 2 * * *", "anna")
    spec.unlink()
    room.service.intake.rescan()
    clock.let_pass(DAY)
    assert (room.look(), "its file is gone" in str(room.only().last_refusal)) == (0, True)


def test_with_a_real_clock_a_schedule_starts_within_its_minute(spec, start_service, driver_of) -> None:
    service = start_service()
    driver = driver_of(service)
    task_id = driver.task_id()
    schedule = service.schedules.add(task_id, "* * * * *", "anna")
    assert timedelta() < schedule.due_at - service.clock.now() <= timedelta(minutes=1)
    _bring_forward(service, schedule)
    driver.until(_first_migration(service), Status.WAITING)


def test_with_a_real_clock_a_migration_begins_at_its_time_and_not_before(
    spec, start_service, driver_of
) -> None:
    service = start_service()
    driver = driver_of(service)
    at = service.clock.now() + timedelta(seconds=1.5)
    migration_id = service.manager.start(driver.task_id(), "anna", at=at).id
    driver.until(migration_id, Status.WAITING)
    assert service.tracker.migration(migration_id).wait.asked_at >= at


def _bring_forward(service: Service, schedule: Schedule) -> None:
    """So that nobody has to wait for the minute: the row says two seconds."""
    service.store.write(
        lambda transaction: ScheduleRepository(transaction.connection).change(
            schedule, due_at=transaction.now + timedelta(seconds=1)
        )
    )


def _first_migration(service: Service) -> str:
    moved = threading.Event()
    end = service.store.bus.subscribe(lambda entries: moved.set())
    try:
        while service.tracker.fleet()[0].migration is None:
            assert moved.wait(20)
            moved.clear()
    finally:
        end()
    return service.tracker.fleet()[0].migration.id
