"""The operator's limits: each stops before the next call, and uses no attempt."""

from datetime import UTC, datetime, time, timedelta

import pytest
from roadmark.executor.config import AgentSettings, load_settings
from roadmark.executor.errors import ConfigurationWrong
from roadmark.executor.limits import next_opening
from roadmark.executor.states import Status

USAGE = {"do": "usage", "tokens_in": 600, "tokens_out": 400, "cost_usd": 0.5}
DONE = {"do": "say", "text": "done\n"}
AGENTS = {"script": AgentSettings(name="script", kind="scripted", options={"attempts": [[USAGE, DONE]]})}


@pytest.mark.parametrize(
    ("name", "most", "status"),
    [
        ("attempts_per_migration", 1, Status.BLOCKED),
        ("attempts_per_task", 1, Status.BLOCKED),
        ("tokens_per_migration", 1000, Status.BLOCKED),
        ("cost_usd_per_task", 0.5, Status.BLOCKED),
        ("tokens_per_day", 1000, Status.PARKED),
        ("attempts_per_day", 1, Status.PARKED),
    ],
)
def test_a_limit_stops_before_the_next_attempt(
    spec, start_service, driver_of, name: str, most: float, status: Status
) -> None:
    driver = driver_of(start_service(AGENTS, **{name: most}))
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    held = driver.until(migration_id, Status.BLOCKED, Status.PARKED, Status.FAILED)
    assert (held.status, f"[limits] {name}" in held.reason) == (status, True)
    view = driver.service.tracker.migration(migration_id)
    assert (len(view.attempts), view.phases[0].attempts_used) == (1, 1)
    assert (held.due_at is not None) == (status is Status.PARKED)


def test_outside_the_active_hours_it_is_parked_and_no_attempt_is_begun(
    spec, start_service, driver_of
) -> None:
    begin = datetime.now().astimezone() + timedelta(hours=3)
    hours = f"{begin:%H:%M}-{begin + timedelta(hours=1):%H:%M}"
    driver = driver_of(start_service(AGENTS, active_hours=hours))
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    parked = driver.until(migration_id, Status.PARKED, Status.FAILED)
    assert parked.status is Status.PARKED
    assert parked.due_at is not None
    assert parked.due_at == begin.replace(second=0, microsecond=0)
    assert driver.service.tracker.migration(migration_id).attempts == ()


@pytest.mark.parametrize(
    ("hours", "now", "opens"),
    [
        ("22:00-06:00", "23:00", None),
        ("22:00-06:00", "05:59", None),
        ("22:00-06:00", "06:00", "22:00"),
        ("09:00-17:00", "12:00", None),
        ("09:00-17:00", "08:00", "09:00"),
        ("09:00-17:00", "17:00", "09:00 next"),
        ("09:00-09:00", "03:00", None),
        ("", "03:00", None),
    ],
)
def test_the_hours_say_when_they_open(hours: str, now: str, opens: str | None) -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    moment = datetime.combine(day, time.fromisoformat(now), UTC)
    found = next_opening(hours, moment, UTC)
    if opens is None:
        assert found is None
        return
    expected = datetime.combine(day, time.fromisoformat(opens[:5]), UTC)
    assert found == expected + timedelta(days="next" in opens)


def test_hours_that_are_none_are_refused(tmp_path) -> None:
    (tmp_path / "roadmark.toml").write_text('[run]\nactive_hours = "25:00-06:00"\n')
    with pytest.raises(ConfigurationWrong, match="active_hours"):
        load_settings(tmp_path, {}, {})
