"""When something is due by cron; the clock and the zone are passed in."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.cron import next_time
from roadmark.executor.errors import CronWrong

MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("0 2 * * *", "2026-11-24 02:00"),
        ("*/15 9-17 * * mon-fri", "2026-11-23 12:15"),
        ("0 12 * * *", "2026-11-24 12:00"),
        ("0 0 * * 0", "2026-11-29 00:00"),
        ("0 0 * * 7", "2026-11-29 00:00"),
        ("0 0 * * 1", "2026-11-30 00:00"),
        ("0 0 * * SUN", "2026-11-29 00:00"),
        ("0 0 * * 5-7", "2026-11-27 00:00"),
        ("0 0 * * fri-sun", "2026-11-27 00:00"),
        ("0 0 * * 1/2", "2026-11-25 00:00"),
        ("0 0 * Jan,mar *", "2027-01-01 00:00"),
        ("30 6 1 * *", "2026-12-01 06:30"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        (" @weekly ", "2026-11-29 00:00"),
    ],
)
def test_an_expression_is_read_as_crontab_reads_it(expression: str, due: str) -> None:
    assert f"{next_time(expression, MONDAY_NOON, UTC):%Y-%m-%d %H:%M}" == due


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("* * * *", "4 fields"),
        ("", "0 fields"),
        ("@often", "1 fields"),
        ("61 * * * *", "maximum"),
        ("*/0 * * * *", "Increment"),
        ("0 0 last * *", "cannot be read"),
        ("0 0 * * 8", "no weekday"),
        ("0 0 * * abc", "no weekday"),
        ("0 0 * * fri-mon", "ends before"),
        ("0 0 1 * 1", "both"),
        ("0 0 30 2 *", "ever comes"),
        ("0 0 * foo *", "foo"),
        ("1;2 * * * *", "cannot be read"),
        ("\u0663 * * * *", "cannot be read"),
        ("0 0 * \u0661 *", "cannot be read"),
    ],
)
def test_what_is_no_expression_is_refused_with_a_reason(expression: str, why: str) -> None:
    with pytest.raises(CronWrong, match=why):
        next_time(expression, MONDAY_NOON, UTC)


@pytest.mark.parametrize(
    ("expression", "after", "dues"),
    [
        ("30 2 * * *", "2026-10-24 12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("30 2 * * *", "2026-03-28 12:00", ["2026-03-29 01:30", "2026-03-30 00:30"]),
        ("30 * * * *", "2026-10-25 00:00", ["2026-10-25 00:30", "2026-10-25 01:30"]),
    ],
)
def test_a_night_in_which_the_clocks_change_has_each_named_time_once(
    expression: str, after: str, dues: list[str]
) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    for due in dues:
        moment = next_time(expression, moment, BERLIN)
        assert f"{moment:%Y-%m-%d %H:%M}" == due


@given(
    st.floats(0, 4e9).map(lambda s: datetime.fromtimestamp(s, UTC)),
    st.integers(0, 59),
    st.integers(0, 23),
)
def test_the_next_time_is_later_and_fits(after: datetime, minute: int, hour: int) -> None:
    due = next_time(f"{minute} {hour} * * *", after, UTC)
    assert (due.minute, due.hour) == (minute, hour)
    assert timedelta() < due - after <= timedelta(days=1)
