"""A worker that lost its migration to another one, and only then wakes up or fails, changes nothing more."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from roadmark.executor import attempt, rollback
from roadmark.executor.clock import SystemClock
from roadmark.executor.config import AgentSettings
from roadmark.executor.errors import Conflict, LeaseLost
from roadmark.executor.model import Migration, RollbackState
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository

LEASE_S = 3600.0


class MovedClock(SystemClock):
    """Both clocks, ahead by what a test moved them."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_s)

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


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
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def sleepy(spec: Path, settings, clock, driver_of) -> Iterator[Service]:
    """A service whose worker is called by the test alone."""
    agents = {**settings.agents, "script": AGENT}
    service = Service(replace(settings, agents=agents, lease_s=LEASE_S), clock)
    service.start("the one that sleeps")
    yield service
    service.stop()


@pytest.fixture
def other(sleepy: Service, clock) -> Iterator[Service]:
    """Another program over the same state."""
    service = Service(sleepy.settings, clock)
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
    other._recovery.after_own()
    assert other._worker._claim(migration_id) is not None
    return other.tracker.migration(migration_id).migration


def test_a_lease_that_is_lost_in_the_same_commit_changes_nothing_more(sleepy, driver_of) -> None:
    migration_id = _ready(sleepy, driver_of)
    lease, gate, store = sleepy._worker._claim(migration_id), threading.Event(), sleepy.store

    def under_the_lease(transaction: Transaction) -> int:
        return MigrationRepository(transaction.connection).held(migration_id, lease.fence).fence

    def take_it(transaction: Transaction) -> None:
        migrations = MigrationRepository(transaction.connection)
        migrations.change(migrations.get(migration_id), transaction.now, fence=lease.fence + 1)

    gathering = store.submit(lambda transaction: gate.wait(30))
    before = store.submit(under_the_lease, migration_id)
    taking = store.submit(take_it, migration_id)
    after = store.submit(under_the_lease, migration_id)
    gate.set()
    gathering.result(), taking.result()
    assert before.result() == lease.fence
    with pytest.raises(LeaseLost):
        after.result()


def test_who_comes_behind_a_change_in_the_same_commit_sees_it(sleepy, driver_of) -> None:
    migration_id = _ready(sleepy, driver_of)
    gate, store = threading.Event(), sleepy.store
    seen = sleepy.tracker.migration(migration_id).migration

    def change(transaction: Transaction) -> int:
        return MigrationRepository(transaction.connection).change(seen, transaction.now, attempt=7).version

    def look(transaction: Transaction) -> tuple[int, int]:
        migration = MigrationRepository(transaction.connection).get(migration_id)
        return migration.version, migration.attempt

    gathering = store.submit(lambda transaction: gate.wait(30))
    first, looked = store.submit(change, migration_id), store.submit(look, migration_id)
    second = store.submit(change, migration_id)
    gate.set()
    gathering.result()
    assert first.result() == seen.version + 1
    assert looked.result() == (seen.version + 1, 7)
    with pytest.raises(Conflict):
        second.result()
    assert store.write(look) == (seen.version + 1, 7)


def test_who_comes_behind_a_change_that_was_undone_does_not_see_it(sleepy, driver_of) -> None:
    migration_id = _ready(sleepy, driver_of)
    gate, store = threading.Event(), sleepy.store
    seen = sleepy.tracker.migration(migration_id).migration

    def fail(transaction: Transaction) -> None:
        MigrationRepository(transaction.connection).change(seen, transaction.now, attempt=7)
        raise ValueError("its own trouble")

    def change(transaction: Transaction) -> Migration:
        return MigrationRepository(transaction.connection).change(seen, transaction.now, phase=1)

    gathering = store.submit(lambda transaction: gate.wait(30))
    failing, changing = store.submit(fail, migration_id), store.submit(change, migration_id)
    gate.set()
    gathering.result()
    with pytest.raises(ValueError, match="trouble"):
        failing.result()
    with store.read() as connection:
        assert changing.result() == MigrationRepository(connection).get(migration_id)
    assert changing.result().attempt == seen.attempt


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
    other._recovery.after_own()
    other._worker.advance(migration_id)
    assert other.tracker.migration(migration_id).migration.status is Status.ROLLED_BACK


def _while_asleep(sleepy: Service, migration_id: str, monkeypatch: pytest.MonkeyPatch, happens) -> None:
    """Have the first attempt carried out, and `happens` in the middle of it."""
    take = attempt.take_checkpoint

    def asleep(*arguments):
        happens()
        return take(*arguments)

    monkeypatch.setattr(attempt, "take_checkpoint", asleep)
    sleepy._worker.advance(migration_id)


def test_a_lease_that_ran_out_is_taken_over_and_the_attempt_is_done_again(
    sleepy, other, clock, driver_of, monkeypatch
) -> None:
    migration_id = _ready(sleepy, driver_of)

    def time_passes() -> None:
        other.takeover.look()
        clock.ahead_s += LEASE_S + 1
        other.takeover.look()

    _while_asleep(sleepy, migration_id, monkeypatch, time_passes)
    view = other.tracker.migration(migration_id)
    assert (view.migration.status, view.migration.lease_owner) == (Status.QUEUED, None)
    assert [one.outcome for one in view.attempts] == ["interrupted"]
    monkeypatch.undo()
    other._worker.advance(migration_id)
    view = other.tracker.migration(migration_id)
    assert [(one.number, one.outcome) for one in view.attempts] == [(1, "interrupted"), (2, "confirm")]


def test_a_lease_that_is_renewed_stays_where_it_is(sleepy, other, clock, driver_of, monkeypatch) -> None:
    migration_id = _ready(sleepy, driver_of)

    def time_passes() -> None:
        for _ in range(6):
            clock.ahead_s += LEASE_S / 3
            sleepy._leases._renew()
            other.takeover.look()

    _while_asleep(sleepy, migration_id, monkeypatch, time_passes)
    view = other.tracker.migration(migration_id)
    assert view.migration.status is Status.WAITING
    assert [one.outcome for one in view.attempts] == ["confirm"]


def test_a_lease_that_is_renewed_just_before_it_is_taken_stays(
    sleepy, other, clock, driver_of, monkeypatch
) -> None:
    migration_id = _ready(sleepy, driver_of)

    def time_passes() -> None:
        seen = other.tracker.migration(migration_id).migration
        clock.ahead_s += 2 * LEASE_S
        sleepy._leases._renew()
        other._recovery.take_over(seen)

    _while_asleep(sleepy, migration_id, monkeypatch, time_passes)
    assert sleepy.tracker.migration(migration_id).migration.status is Status.WAITING


def test_a_clock_that_runs_ahead_takes_nothing_from_a_worker_that_lives(
    sleepy, other, clock, driver_of, monkeypatch
) -> None:
    migration_id = _ready(sleepy, driver_of)
    other.store.clock = MovedClock()

    def time_passes() -> None:
        other.store.clock.ahead_s = clock.ahead_s + 2 * LEASE_S
        other.takeover.look()

    _while_asleep(sleepy, migration_id, monkeypatch, time_passes)
    assert other.tracker.migration(migration_id).migration.status is Status.WAITING


def test_a_rollback_waits_for_nobody_once_its_migration_rests(sleepy, driver_of) -> None:
    migration_id = _ready(sleepy, driver_of)
    sleepy._worker.advance(migration_id)
    assert sleepy.tracker.migration(migration_id).migration.lease_until is None
    sleepy.rollbacks.request(migration_id, "start", "the wrong way", "anna")
    sleepy._worker.advance(migration_id)
    assert sleepy.tracker.migration(migration_id).migration.status is Status.ROLLED_BACK
