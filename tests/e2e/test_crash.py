"""The service is killed, again and again: nothing acknowledged is lost, nothing is doubled, all goes on.

ROADMARK_CRASH_KILLS says how often it is killed at random; 20 where it is unset. ROADMARK_CRASH_STRIDE says
at which commits and starts of a process it is killed in turn: 1 is each of them, 83 where it is unset, and 1
from 200 kills on. ROADMARK_CRASH_FIRST is the place to begin with, so that a full run can be done in shares.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .crashing import AWAY, ROADMARK, STILL_S, WHERE, Ground, git, until

KILLS = int(os.environ.get("ROADMARK_CRASH_KILLS", "20"))
SEED = int(os.environ.get("ROADMARK_CRASH_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
STRIDE = int(os.environ.get("ROADMARK_CRASH_STRIDE", "1" if KILLS >= 200 else "83"))
FIRST = int(os.environ.get("ROADMARK_CRASH_FIRST", "1"))
APART = 4
"""A further task comes with each fourth kill."""
MOST_PLACES = 1_000
BESIDE_A_HOOK = 22
"""So many places after the begin of a hook are looked at."""
NEVER = 10**9


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    ground = Ground(tmp_path_factory.mktemp("crash") / "ground")
    ground.prepare()
    return ground


@pytest.fixture
def ground(prepared: Ground, tmp_path: Path) -> Ground:
    return prepared.copy(tmp_path / "ground")


class Served:
    """The real program, in a process of its own."""

    def __init__(self, ground: Ground) -> None:
        with (ground.folder / "service.log").open("a") as log:
            self.process = subprocess.Popen(
                (*ROADMARK, *ground.serve()),
                cwd=ground.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def end(self, *, kill: bool) -> int:
        self.process.kill() if kill else self.process.terminate()
        return self.process.wait(30)


def test_killed_at_random_it_loses_nothing_and_goes_on(ground: Ground) -> None:
    sys.stdout.write(f"ROADMARK_CRASH_SEED={SEED}\n")
    chance = random.Random(SEED)
    for number in range(KILLS):
        if number % APART == 0:
            ground.drop(f"Crash {number}")
        served = Served(ground)
        if chance.random() < 0.8:
            until("it answers", ground.is_up)
            ground.look_at_rows()
        push_for(ground, chance.uniform(0.0, 1.5))
        served.end(kill=True)
        ground.look_after_a_crash()

    served = Served(ground)
    until("it answers", ground.is_up)
    ground.look_at_rows()
    carry_out(ground)
    assert served.end(kill=False) == 0
    ground.look_at_the_end(phases=2)
    assert ground.command("audit", "verify").startswith("clean")
    repo = ground.folder / "repo"
    for number in range(0, KILLS, APART):
        branch = f"feature/crash-{number}"
        assert git(repo, "rev-list", "--count", f"main..{branch}") == "2"
        assert git(repo, "ls-tree", "-r", "--name-only", branch).split() == ["steps/1.txt", "steps/2.txt"]


def push_for(ground: Ground, seconds: float) -> None:
    """Give orders and answers until the time is over; the service may not be there yet."""
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        with suppress(*AWAY):
            ground.push()
        time.sleep(0.05)


def carry_out(ground: Ground) -> None:
    """Give orders and answers until all is completed; something must move at least once a minute."""
    moved, still_since = -1, time.monotonic()
    while set(ground.statuses()) != {"completed"} or ground.rows(
        "SELECT 1 FROM tasks WHERE migration_id IS NULL"
    ):
        ground.push()
        seen = ground.rows("SELECT max(seq) FROM migration_tracking")[0][0]
        if seen != moved:
            moved, still_since = seen, time.monotonic()
        assert time.monotonic() - still_since < STILL_S, ground.statuses()
        time.sleep(0.05)


class Mortal:
    """Services that kill themselves at a chosen place."""

    def __init__(self) -> None:
        script = Path(__file__).parent / "mortal.py"
        self._process = subprocess.Popen(
            (sys.executable, str(script)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def begin(self, ground: Ground, fatal: int, *arguments: str) -> int:
        """Run until the place is reached; gives the process."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(map(str, (ground.folder, fatal, *arguments))) + "\n")
        self._process.stdin.flush()
        return int(self._said("began"))

    def ended(self) -> int:
        """How the latest one ended, waited for."""
        return int(self._said("ended"))

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def _said(self, what: str) -> str:
        assert self._process.stdout is not None
        word, value = self._process.stdout.readline().split()
        assert word == what
        return value


@pytest.fixture(scope="module")
def mortal() -> Iterator[Mortal]:
    made = Mortal()
    yield made
    made.close()


def test_killed_at_any_commit_and_any_start_of_a_process_it_goes_on(
    prepared: Ground, mortal: Mortal, tmp_path: Path
) -> None:
    """A migration of one phase, and its rollback; each time from the beginning."""
    for place in range(FIRST, MOST_PLACES, STRIDE):
        ground = prepared.copy(tmp_path / str(place))
        ground.drop("Crash Here", phases=1, hooks=("note",))
        if not dies_and_goes_on(ground, mortal, place):
            break
        shutil.rmtree(ground.folder)
    sys.stdout.write(f"{place} places\n")
    assert 100 < place < MOST_PLACES - STRIDE


@pytest.mark.parametrize("act", ["apply", "revert"])
def test_killed_in_a_hook_it_runs_the_hook_again(ground: Ground, mortal: Mortal, act: str) -> None:
    ground.drop("Crash Here", phases=1, hooks=("note",))
    (ground.outside / f"hang-{act}").touch()
    process = mortal.begin(ground, NEVER, *ground.serve())
    assert not to_and_fro(ground, process, kill_when=ground.outside / "hanging")
    assert mortal.ended() == -signal.SIGKILL
    ground.look_after_a_crash()
    goes_on(ground, mortal)
    told = ground.rows("SELECT count(*) FROM migration_tracking WHERE kind = 'hook.began'")
    assert told == [(3,)]


@pytest.mark.parametrize("act", ["apply", "revert"])
def test_killed_at_the_places_after_a_hook_it_goes_on(
    prepared: Ground, mortal: Mortal, tmp_path: Path, act: str
) -> None:
    """The end of the hook, the git calls and the commits of landing or taking back that follow it."""
    for place in range(1, BESIDE_A_HOOK, min(STRIDE, 7)):
        ground = prepared.copy(tmp_path / str(place))
        ground.drop("Crash Here", phases=1, hooks=("note",))
        (ground.outside / f"armed-{act}").touch()
        assert dies_and_goes_on(ground, mortal, place)


def dies_and_goes_on(ground: Ground, mortal: Mortal, place: int) -> bool:
    """Whether the place was reached; what was begun there is then finished by the next start."""
    process = mortal.begin(ground, place, *ground.serve())
    if to_and_fro(ground, process):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)
    ended = mortal.ended()
    if ended == 0:
        return False
    assert ended == -signal.SIGKILL
    ground.look_after_a_crash()
    goes_on(ground, mortal)
    return True


def goes_on(ground: Ground, mortal: Mortal) -> None:
    """A further start of the service ends all of it, inside the files and outside of them."""
    process = mortal.begin(ground, NEVER, *ground.serve())
    until("it answers", ground.is_up)
    assert to_and_fro(ground, process), ground.statuses()
    os.kill(process, signal.SIGTERM)
    assert mortal.ended() == 0
    ground.look_at_rows()
    ground.look_at_the_end(phases=1)
    assert list((ground.folder / "state" / "workspaces").glob("*/steps/1.txt")) == []
    assert list(ground.outside.glob("phase-*")) == []
    mortal.begin(ground, NEVER, "audit", "verify", *WHERE)
    assert mortal.ended() == 0


def to_and_fro(ground: Ground, process: int, kill_when: Path | None = None) -> bool:
    """Carry the task out and take it back; False where the service vanished before.

    It is killed as soon as the file `kill_when` is there.
    """
    asked = False
    deadline = time.monotonic() + STILL_S
    while time.monotonic() < deadline and is_alive(process):
        try:
            ground.push()
            asked = asked or ask_back(ground)
        except AWAY:
            pass
        if kill_when is not None and kill_when.exists():
            os.kill(process, signal.SIGKILL)
            return False
        if set(ground.statuses()) == {"rolled_back"}:
            return True
        time.sleep(0.02)
    assert time.monotonic() < deadline, ground.statuses()
    return False


def ask_back(ground: Ground) -> bool:
    """Order the rollback of what is completed; whether that was accepted."""
    for (migration,) in ground.rows("SELECT id FROM migrations WHERE status = 'completed'"):
        order = {"id": migration, "to": "start", "reason": "to see it go back"}
        return ground.ask("POST", "/api/migration/rollback", order)[0] in (200, 202)
    return False


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
