"""When something is due by cron: the five fields as crontab(5) has them, reckoned by APScheduler.

Names of months and weekdays are understood; 0 and 7 are Sunday. A day of the month together with a weekday is
refused: crontab takes it for "either", which hardly anybody means.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from apscheduler.triggers.cron import CronTrigger
from roadmark.executor.errors import CronWrong

_NICKNAMES: Mapping[str, str] = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PLAIN = re.compile(r"[0-9*,/-]+")
_MONTH = re.compile(r"[0-9a-z*,/-]+")
_WEEKDAYS = re.compile(r"(?:\*|([a-z]{3}|[0-7])(?:-([a-z]{3}|[0-7]))?)(?:/([1-9]))?")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HORIZON = timedelta(days=366 * 9)
"""What is not due within it is never due; 29 February may be eight years away."""


def next_time(expression: str, after: datetime, zone: tzinfo | None = None) -> datetime:
    """The first moment after `after` that fits, in UTC; the fields are of `zone`, by default the machine's.

    An hour that the clocks repeat in autumn counts once where the expression names hours.

    Raises: CronWrong.
    """
    fields = _fields(expression)
    found = _fitting(expression, fields, after, zone)
    if _is_repeated(found) and not fields[1].startswith("*"):
        found = _fitting(expression, fields, found, zone)
    return found.astimezone(UTC)


def _is_repeated(local: datetime) -> bool:
    """Whether its zone's clocks showed this time once before; APScheduler does not always set `fold`."""
    return bool(local.astimezone(UTC).astimezone(local.tzinfo).fold)


def _fitting(
    expression: str, fields: tuple[str, str, str, str, str], after: datetime, zone: tzinfo | None
) -> datetime:
    minute, hour, day, month, weekdays = fields
    try:
        trigger = CronTrigger(
            minute=minute,
            hour=hour,
            day=day,
            month=month,
            day_of_week=weekdays,
            timezone=zone,
            end_date=after + _HORIZON,
        )
        found: datetime | None = trigger.get_next_fire_time(
            None, after.astimezone(UTC) + timedelta(microseconds=1)
        )
    except (ValueError, OverflowError) as error:
        raise CronWrong(expression, str(error)) from error
    if found is None:
        raise CronWrong(expression, "no such moment ever comes")
    return found


def _fields(expression: str) -> tuple[str, str, str, str, str]:
    text = expression.strip().lower()
    parts = _NICKNAMES.get(text, text).split()
    if len(parts) != 5:
        raise CronWrong(expression, f"it has {len(parts)} fields")
    minute, hour, day, month, weekday = parts
    for part, allowed in ((minute, _PLAIN), (hour, _PLAIN), (day, _PLAIN), (month, _MONTH)):
        if not allowed.fullmatch(part):
            raise CronWrong(expression, f"{part!r} cannot be read")
    if day != "*" and weekday != "*":
        raise CronWrong(expression, "it names both a day of the month and a weekday; name one of them")
    return minute, hour, day, month, _weekdays(expression, weekday)


def _weekdays(expression: str, field: str) -> str:
    """The names of the days, since APScheduler counts them from Monday and crontab from Sunday."""
    found = sorted({day % 7 for part in field.split(",") for day in _days_of(expression, part)})
    return ",".join(_DAYS[day] for day in found)


def _days_of(expression: str, part: str) -> Iterator[int]:
    read = _WEEKDAYS.fullmatch(part)
    if read is None:
        raise CronWrong(expression, f"{part!r} is no weekday")
    first, last, step = read.groups()
    begin = _day(expression, first or "0")
    end = _day(expression, last) if last else 6 if first is None or step else begin
    if last in ("sun", "0") and begin > 0:
        end = 7
    if end < begin:
        raise CronWrong(expression, f"{part!r} ends before it begins")
    yield from range(begin, end + 1, int(step or 1))


def _day(expression: str, name: str) -> int:
    if name.isdigit():
        return int(name)
    if name not in _DAYS:
        raise CronWrong(expression, f"{name!r} is no weekday")
    return _DAYS.index(name)
