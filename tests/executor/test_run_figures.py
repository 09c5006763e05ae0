"""What a migration took: time by what it was doing, attempts, tokens and money, against its estimate."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.run_figures import times_of
from roadmark.executor.service import Service
from roadmark.executor.states import ENDED, Status

from .clocks import NOON, SetClock

USAGE = {"do": "usage", "tokens_in": 600, "tokens_out": 400, "cost_usd": 0.5}
WORDS = {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"}
PAGE = {"do": "write", "path": "greeting/page.py", "text": "PAGE = 'hello'\n"}
DONE = {"do": "say", "text": "done\n"}
PHASES = {"1": [[USAGE, DONE], [USAGE, WORDS, DONE]], "2": [[PAGE, DONE]]}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def service(spec: Path, settings: Settings, clock: SetClock) -> Iterator[Service]:
    agents = {"script": AgentSettings(name="script", kind="scripted", options={"phases": PHASES})}
    service = Service(replace(settings, agents=agents, retry_delay_s=0.0), clock)
    service.hold("a test")
    service.intake.rescan()
    yield service
    service.stop()


def test_a_run_tells_what_it_waited_queued_and_cost(service: Service, clock: SetClock) -> None:
    migration_id = service.manager.start(service.tracker.fleet()[0].task.id, "anna", "script").id
    clock.let_pass(timedelta(minutes=2))
    service.advance(migration_id)
    clock.let_pass(timedelta(minutes=30))
    service.manager.reply(migration_id, "done", "anna", "test")
    clock.let_pass(timedelta(minutes=1))
    service.advance(migration_id)
    clock.let_pass(timedelta(seconds=20))
    service.advance(migration_id)
    clock.let_pass(timedelta(hours=1))
    figures = service.tracker.figures(migration_id, clock.now())
    times = figures.times
    assert (times.queued_s, times.waiting_s, times.held_s) == (200.0, 5400.0, 0.0)
    assert times.elapsed_s == (clock.now() - NOON).total_seconds()
    assert (figures.attempts, figures.attempts_used) == (2, 1)
    assert (figures.tokens_in, figures.tokens_out, figures.cost_usd) == (1200, 800, 1.0)
    assert (figures.estimated_hours, figures.peak_memory_bytes) == (3.0, None)


def test_the_time_after_the_end_is_nobodys(service: Service, clock: SetClock) -> None:
    migration_id = service.manager.start(service.tracker.fleet()[0].task.id, "anna", "script").id
    clock.let_pass(timedelta(minutes=2))
    service.manager.cancel(migration_id, "anna")
    clock.let_pass(timedelta(days=2))
    figures = service.tracker.figures(migration_id, clock.now())
    assert (figures.times.elapsed_s, figures.tokens_out, figures.cost_usd) == (120.0, None, None)


def test_work_is_held_against_the_estimate() -> None:
    hour = timedelta(hours=1)
    moves = [
        (NOON, Status.QUEUED),
        (NOON + hour, Status.RUNNING),
        (NOON + 3 * hour, Status.PARKED),
        (NOON + 4 * hour, Status.PAUSED),
        (NOON + 5 * hour, Status.ROLLING_BACK),
        (NOON + 6 * hour, Status.COMPLETED),
    ]
    times = times_of(moves, NOON + 100 * hour)
    assert (times.queued_s, times.working_s, times.parked_s, times.held_s) == (3600, 10_800, 3600, 3600)


@given(
    st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(sorted(set(Status) - ENDED))), min_size=1),
    st.integers(0, 10_000),
)
def test_the_parts_are_the_whole(steps: list[tuple[int, Status]], rest: int) -> None:
    moves, at = [], NOON
    for seconds, status in steps:
        moves.append((at, status))
        at += timedelta(seconds=seconds)
    now = at + timedelta(seconds=rest)
    assert times_of(moves, now).elapsed_s == (now - NOON).total_seconds()
