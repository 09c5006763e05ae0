"""The operator's limits on what may start: slots an agent, active hours, caps on what is spent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from operator import attrgetter
from typing import Literal

import sqlalchemy as sa
from roadmark.executor.config import Settings
from roadmark.executor.model import Migration
from roadmark.executor.store.migrations import MigrationRepository, Spent

Scope = Literal["migration", "task", "day"]


_CAPS = attrgetter(
    *(
        f"{kind}_per_{scope}"
        for kind in ("attempts", "tokens", "cost_usd")
        for scope in ("migration", "task", "day")
    )
)


@dataclass(frozen=True, slots=True)
class Halt:
    """Why no attempt may begin now, and until when; without a time a person has to act."""

    reason: str
    until: datetime | None


def agent_slots(settings: Settings) -> Mapping[str, int]:
    """How many sessions each agent may have at once, where `[agents.NAME] slots` says so."""
    return {
        name: int(agent.options["slots"])
        for name, agent in settings.agents.items()
        if isinstance(agent.options.get("slots"), int)
    }


def halt_of(
    connection: sa.Connection, settings: Settings, migration: Migration, now: datetime
) -> Halt | None:
    """What keeps the next attempt from beginning: the hours, then the caps."""
    opens_at = next_opening(settings.active_hours, now)
    if opens_at is not None:
        return Halt(f"outside the active hours {settings.active_hours}", opens_at)
    if not _is_limited(settings):
        return None
    migrations = MigrationRepository(connection)
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    scopes: tuple[tuple[Scope, Spent, datetime | None], ...] = (
        ("migration", migrations.spent(migration_id=migration.id), None),
        ("task", migrations.spent(task_id=migration.task_id), None),
        ("day", migrations.spent(since=day), day + timedelta(days=1)),
    )
    for scope, spent, until in scopes:
        reached = _reached(settings, scope, spent)
        if reached:
            return Halt(f"the limit {reached} of roadmark.toml is reached", until)
    return None


def next_opening(active_hours: str, now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """When the hours begin next; None while they are open, or where there are none.

    `active_hours` is "22:00-06:00"; the same time twice means always. `zone` None: the machine's own.
    """
    if not active_hours:
        return None
    begin, end = (time.fromisoformat(part) for part in active_hours.split("-"))
    local = now.astimezone(zone)
    clock = local.time()
    is_open = begin <= clock < end if begin < end else clock >= begin or clock < end
    if is_open:
        return None
    opening = local.replace(hour=begin.hour, minute=begin.minute, second=0, microsecond=0)
    return (opening if opening > local else opening + timedelta(days=1)).astimezone(UTC)


def _is_limited(settings: Settings) -> bool:
    return any(_CAPS(settings))


def _reached(settings: Settings, scope: Scope, spent: Spent) -> str | None:
    used = (("attempts", spent.attempts), ("tokens", spent.tokens), ("cost_usd", spent.cost_usd))
    for what, amount in used:
        name = f"{what}_per_{scope}"
        most = getattr(settings, name)
        if most and amount >= most:
            return f"[limits] {name} = {most:g}"
    return None
