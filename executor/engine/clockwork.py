"""The clock of an engine: APScheduler with its memory store, whose ticks may be late, missed or doubled."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor as SchedulerPool
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler

ASIDE = "aside"
"""The thread for what may take long."""


def make_clockwork() -> BackgroundScheduler:
    """A scheduler that is not started; nothing of it has to survive a crash."""
    return BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": SchedulerPool(1), ASIDE: SchedulerPool(1)},
        job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        timezone=UTC,
    )


def add_aside(clockwork: BackgroundScheduler, seconds: float, work: Callable[[], object], name: str) -> None:
    """Have `work` done beside the ticks, first within a minute."""
    first = datetime.now(UTC) + timedelta(seconds=min(seconds, 60.0))
    clockwork.add_job(work, "interval", seconds=seconds, id=name, executor=ASIDE, next_run_time=first)
