"""Reminders of open questions: at each of the times before a deadline, once, also after a restart."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from roadmark.executor.config import Settings, load_settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.service import Service
from roadmark.executor.states import Status

from .clocks import SetClock

HOUR = timedelta(hours=1)


class Room:
    """A service that is not started, with a question open for four hours."""

    def __init__(self, settings: Settings, clock: SetClock) -> None:
        self._settings, self._clock = settings, clock
        self.service = self._open()
        self.service.intake.rescan()
        task_id = self.service.tracker.fleet()[0].task.id
        self.migration_id = self.service.manager.start(task_id, "anna").id
        self.service.advance(self.migration_id)

    def restart(self) -> None:
        self.service.stop()
        self.service = self._open()

    def after(self, span: timedelta) -> list[int]:
        """Let time pass and look; gives how many seconds each reminder so far left."""
        self._clock.let_pass(span)
        self.service.timers.look()
        entries = self.service.tracker.events_after(0, 1000, migration_id=self.migration_id)
        return [entry.detail["left_seconds"] for entry in entries if entry.kind == "wait.reminded"]

    def _open(self) -> Service:
        service = Service(self._settings, self._clock)
        service.hold("a test")
        return service


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def room(spec: Path, settings: Settings, clock: SetClock) -> Iterator[Room]:
    room = Room(replace(settings, remind_s=(3600, 600)), clock)
    yield room
    room.service.stop()


def test_each_reminder_is_given_once_at_its_time(room: Room) -> None:
    assert room.after(3 * HOUR - timedelta(seconds=1)) == []
    assert room.after(timedelta(seconds=1)) == [3600]
    assert room.after(timedelta(minutes=49)) == [3600]
    assert room.after(timedelta(minutes=1)) == [3600, 600]
    assert room.after(timedelta(minutes=9)) == [3600, 600]


def test_a_restart_reminds_nobody_again(room: Room) -> None:
    assert room.after(3 * HOUR) == [3600]
    room.restart()
    assert room.after(timedelta(minutes=1)) == [3600]
    room.restart()
    assert room.after(timedelta(minutes=49)) == [3600, 600]


def test_of_reminders_that_were_missed_only_the_last_is_given(room: Room) -> None:
    assert room.after(timedelta(hours=3, minutes=55)) == [300]


def test_a_deadline_that_has_passed_is_no_reminder(room: Room) -> None:
    assert room.after(5 * HOUR) == []
    assert room.service.tracker.migration(room.migration_id).migration.status is Status.PAUSED


def test_a_new_deadline_has_its_own_reminders(room: Room) -> None:
    room.after(3 * HOUR)
    room.service.manager.extend(room.migration_id, "anna")
    assert room.after(2 * HOUR) == [3600]
    assert room.after(HOUR) == [3600, 3600]


def test_a_paused_question_reminds_nobody(room: Room) -> None:
    room.service.manager.pause(room.migration_id, "anna")
    assert room.after(3 * HOUR) == []


@pytest.mark.parametrize("days", [-400, 400])
def test_a_clock_that_is_set_repeats_no_reminder(room: Room, clock: SetClock, days: int) -> None:
    assert room.after(3 * HOUR) == [3600]
    clock.set_by(timedelta(days=days))
    assert room.after(timedelta(minutes=1)) == [3600]
    assert room.after(timedelta(minutes=49)) == [3600, 600]


def test_a_question_shorter_than_a_reminder_is_not_reminded_of_at_once(
    spec: Path, settings: Settings, clock: SetClock
) -> None:
    room = Room(replace(settings, remind_s=(3600, 600), wait_s=1800), clock)
    assert room.after(timedelta(seconds=1)) == []
    assert room.after(timedelta(minutes=20)) == [599]
    room.service.stop()


def test_without_times_nobody_is_reminded(spec: Path, settings: Settings, clock: SetClock) -> None:
    room = Room(replace(settings, remind_s=()), clock)
    assert room.after(timedelta(hours=3, minutes=59)) == []
    room.service.stop()


def test_with_a_real_clock_a_reminder_comes_by_itself(spec, start_service, driver_of) -> None:
    service = start_service(remind_s=(3599,), wait_s=3600)
    reminded = threading.Event()
    service.store.bus.subscribe(
        lambda entries: reminded.set() if any(entry.kind == "wait.reminded" for entry in entries) else None
    )
    driver_of(service).begin()
    assert reminded.wait(30)


def test_with_a_real_clock_the_deadline_comes_by_itself(spec, start_service, driver_of) -> None:
    driver = driver_of(start_service(wait_s=1))
    driver.until(driver.begin(), Status.PAUSED)


@pytest.mark.parametrize(
    ("written", "read"), [("[7200, 600]", (7200, 600)), ("[]", ()), ("'7200,600'", (7200, 600))]
)
def test_the_times_are_read_from_the_settings(tmp_path: Path, written: str, read: tuple[int, ...]) -> None:
    (tmp_path / "roadmark.toml").write_text(f"[run]\nremind_seconds = {written}\n")
    assert load_settings(tmp_path, {}, {}).remind_s == read


@pytest.mark.parametrize("written", ["60", "['soon']", "[-1]", "true"])
def test_times_that_are_none_are_refused(tmp_path: Path, written: str) -> None:
    (tmp_path / "roadmark.toml").write_text(f"[run]\nremind_seconds = {written}\n")
    with pytest.raises(ConfigurationWrong, match="remind_seconds"):
        load_settings(tmp_path, {}, {})
