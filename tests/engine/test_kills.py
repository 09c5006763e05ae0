"""Many migrations, a person who answers over HTTP, and each process of the company killed in the middle.

ROADMARK_KILL_MIGRATIONS says how many migrations (3), ROADMARK_KILLS how often one is killed (2).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import pytest
from roadmark.executor.errors import DatabaseAway

from ..e2e.crashing import AWAY, Ground  # noqa: TID252 - importlib mode has no name for it
from ..store.postgresql import Server  # noqa: TID252 - as above
from .fleet import Fleet, Runner, until

pytestmark = pytest.mark.slow

MIGRATIONS = int(os.environ.get("ROADMARK_KILL_MIGRATIONS", "3"))
KILLS = int(os.environ.get("ROADMARK_KILLS", "2"))
PATIENCE_S = 60.0 + 5 * MIGRATIONS
QUESTIONS = 3
"""Of each migration: whether it may begin, and whether each of two phases is ready."""


@dataclass
class Company:
    """One that serves, two workers beside it where there can be some, and a person."""

    fleet: Fleet
    person: Ground
    runners: dict[str, Runner] = field(default_factory=dict)
    turns: Iterator[str] = field(default_factory=lambda: cycle(("one", "two")))

    def open(self) -> None:
        names = ("office", "one", "two") if self.fleet.is_distributed else ("office",)
        self.runners = {name: self.begin(name) for name in names}
        until("it answers", self.person.is_up)

    def begin(self, name: str) -> Runner:
        if name == "office":
            return self.fleet.serve(self.person.port)
        return self.fleet.run({"one": 1, "two": 2}[name])

    def replace(self, *names: str) -> None:
        """Kill these processes, and begin each of them again."""
        for name in names:
            self.runners[name].kill()
        self.runners |= {name: self.begin(name) for name in names}

    def answer(self) -> None:
        """Say yes to all that is asked, and remember what was acknowledged."""
        try:
            for row in self.fleet.desk.tracker.inbox():
                path = f"/api/migration/{row.wait.migration_id}/reply"
                status, body = self.person.ask("POST", path, {"text": "done", "wait_id": row.wait.id})
                assert status in (200, 409, 503), body
                if status == 200:
                    self.person.answered.add(row.wait.id)
        except (DatabaseAway, *AWAY):
            return

    def has_answered(self, count: int) -> bool:
        self.answer()
        return len(self.person.answered) >= count

    def is_over(self) -> bool:
        self.answer()
        try:
            return self.fleet.is_over()
        except DatabaseAway:
            return False

    def look_at_the_end(self) -> None:
        """Nothing that was acknowledged is lost or counted twice, and no phase was."""
        self.fleet.look_at_the_end()
        kept = Counter(
            reply.wait_id
            for migration in self.fleet.migrations()
            for reply in self.fleet.desk.tracker.migration(migration.id).replies
            if reply.outcome == "accepted"
        )
        assert set(kept.values()) == {1}
        assert self.person.answered <= kept.keys()
        assert len(kept) == QUESTIONS * len(self.fleet.migrations())


Kill = Callable[[Company], None]


def kill_a_worker(company: Company) -> None:
    company.replace(next(company.turns))


def kill_all_workers(company: Company) -> None:
    company.replace("one", "two")


def kill_the_one_that_serves(company: Company) -> None:
    company.replace("office")


def company_in(folder: Path, fleet: Fleet) -> Company:
    token = fleet.command("auth", "token", "--scopes", "read,reply,run").splitlines()[-1]
    return Company(fleet, Ground(folder, token=token))


@pytest.fixture
def company(tmp_path: Path, postgresql_server: Server) -> Iterator[Company]:
    with Fleet(tmp_path, postgresql_server.make_database()) as fleet:
        yield company_in(tmp_path, fleet)


@pytest.mark.parametrize("kill", [kill_a_worker, kill_all_workers, kill_the_one_that_serves])
def test_whoever_is_killed_in_the_middle_nothing_is_lost_or_doubled(company: Company, kill: Kill) -> None:
    kill_in_the_middle(company, kill)


def test_a_database_that_crashes_in_the_middle_loses_and_doubles_nothing(
    company: Company, postgresql_server: Server
) -> None:
    def crash(company: Company) -> None:
        postgresql_server.stop("immediate")
        postgresql_server.start()

    kill_in_the_middle(company, crash)


def test_the_only_process_is_killed_in_the_middle_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    with Fleet(tmp_path, "") as fleet:
        kill_in_the_middle(company_in(tmp_path, fleet), kill_the_one_that_serves)


def kill_in_the_middle(company: Company, kill: Kill) -> None:
    """Begin all, answer what is asked, kill now and then, and look at what came of it."""
    company.fleet.begin(MIGRATIONS, "semi_auto")
    company.fleet.open_gate()
    company.open()
    for number in range(1, KILLS + 1):
        share = number * QUESTIONS * MIGRATIONS // (KILLS + 1)
        until(f"{share} answers", lambda share=share: company.has_answered(share), PATIENCE_S)
        kill(company)
    until("everything is over", company.is_over, PATIENCE_S)
    company.look_at_the_end()
