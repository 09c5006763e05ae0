"""Many agents at once in the real service: all finish, none is doubled, and the service stays small.

ROADMARK_MANY says how many; 12 where it is unset.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest

from .crashing import ROADMARK, STILL_S, Ground, git, until

MANY = int(os.environ.get("ROADMARK_MANY", "12"))
MOST_MB = 150


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """A slot for each of the tasks."""
    made = Ground(tmp_path / "ground")
    made.prepare(slots=MANY)
    for number in range(MANY):
        made.drop(f"One Of Many {number}", phases=1)
    return made


def test_many_agents_at_once_finish_and_the_service_stays_small(ground: Ground) -> None:
    with (ground.folder / "service.log").open("a") as log:
        service = subprocess.Popen(
            (*ROADMARK, *ground.serve()),
            cwd=ground.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until("it answers", ground.is_up)
        carry_out(ground)
        peak_mb = highest_resident_mb(service.pid)
    finally:
        service.terminate()
        ended = service.wait(30)
    assert ended == 0
    ground.look_at_the_end(phases=1)
    assert ground.statuses() == {"completed": MANY}
    branches = git(ground.folder / "repo", "branch", "--list", "feature/*").split()
    assert len(branches) == MANY
    assert peak_mb < MOST_MB


def carry_out(ground: Ground) -> None:
    """Start and answer until all is completed; something must move at least once a minute."""
    moved, still_since = -1, time.monotonic()
    while ground.statuses() != {"completed": MANY}:
        ground.push()
        seen = ground.rows("SELECT max(seq) FROM migration_tracking")[0][0]
        if seen != moved:
            moved, still_since = seen, time.monotonic()
        assert time.monotonic() - still_since < STILL_S, ground.statuses()
        time.sleep(0.05)


def highest_resident_mb(pid: int) -> float:
    """What the process held in memory at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000
