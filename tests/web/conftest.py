"""The service's real parts over real files, git and SQLite, without its engine; and its application."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from roadmark.executor import questions
from roadmark.executor.access import SCOPES
from roadmark.executor.checkpointing import keep_checkpoint
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.events import Event
from roadmark.executor.model import Attempt, CheckpointKind, Migration
from roadmark.executor.moves import event_of, make_move
from roadmark.executor.positions import ask_position
from roadmark.executor.service import Service
from roadmark.executor.states import Move, PhaseState, Status, WaitKind
from roadmark.executor.store.lane import Transaction
from roadmark.executor.store.migrations import MigrationRepository
from roadmark.executor.workspace.checkpoints import take_checkpoint
from roadmark.executor.workspace.workspace import open_workspace
from roadmark.web.app import create_app
from starlette.testclient import TestClient

from .contract import hold

BASE = "http://127.0.0.1:8484"
SPEC = (Path(__file__).parent / "tidy-shelf.md").read_text(encoding="utf-8")


class Workbench(Service):
    """A service whose engine and watcher rest; what they would do, the tests do through the same doors."""

    def __init__(self, folder: Path) -> None:
        for name in ("specs", "state"):
            (folder / name).mkdir()
        agents = {name: AgentSettings(name=name, kind="scaffold") for name in ("scaffold", "mason")}
        super().__init__(
            Settings(specs=folder / "specs", repo=folder / "repo", state_dir=folder / "state", agents=agents)
        )
        self.checks = {"database": True, "engine": True, "watcher": True}

    @staticmethod
    def beside(other: Service) -> Service:
        """What another process, such as the command line, opens over the same state."""
        return Service(other.settings)

    def health(self) -> dict[str, bool]:
        """The named checks, as the test sets them."""
        return self.checks

    def drop(self, name: str, text: str = SPEC) -> str:
        """Put a spec into the folder, as one that lies there for a while; gives the task's id."""
        path = self.settings.specs / name
        path.write_text(text, encoding="utf-8")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        self.intake.rescan()
        return self.tracker.find_task(name)

    def start(self, name: str = "tidy-shelf.md") -> Migration:
        """A queued migration of a fresh task."""
        return self.manager.start(self.drop(name), "anna")

    def move(self, migration_id: str, *moves: Move, reason: str | None = None) -> Migration:
        """Make the moves that a worker would make."""

        def work(transaction: Transaction) -> Migration:
            migration = MigrationRepository(transaction.connection).get(migration_id)
            for move in moves:
                migration = make_move(transaction, migration, move, reason=reason)
            return migration

        return self.store.write(work)

    def ask(
        self, migration_id: str, kind: WaitKind = WaitKind.CONFIRM, prompt: str = "Phase 1 is ready."
    ) -> None:
        """A worker took the migration and asks."""
        self.move(migration_id, Move.CLAIM)

        def work(transaction: Transaction) -> None:
            migration = MigrationRepository(transaction.connection).get(migration_id)
            questions.ask(transaction, migration, kind, prompt)

        self.store.write(work)

    def asked(self, name: str = "tidy-shelf.md") -> Migration:
        """A migration that waits for a reply."""
        migration = self.start(name)
        self.ask(migration.id)
        return self.tracker.migration(migration.id).migration

    def attempt(self, migration_id: str, lines: tuple[str, ...] = (), *, number: int = 1) -> Attempt:
        """An attempt with its log, as an agent would leave it."""
        log = self.places.log(migration_id, 1, number)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(f"12:00:0{index % 10} agent  {line}\n" for index, line in enumerate(lines)))
        attempt = Attempt(
            id=str(uuid.uuid4()),
            migration_id=migration_id,
            phase=1,
            number=number,
            agent="scaffold",
            nonce="secret-nonce",
            prompt="do it",
            session_id=None,
            log_path=str(log),
            outcome=None,
            reason=None,
            evidence=None,
            used=False,
            checkpoint_id=None,
            tokens_in=None,
            tokens_out=None,
            cost_usd=None,
            peak_memory_bytes=None,
            started_at=self.clock.now(),
            ended_at=None,
        )
        self.store.write(lambda t: MigrationRepository(t.connection).insert_attempt(attempt))
        self._tell_of(migration_id, "attempt.began", number)
        return attempt

    def close_attempt(self, attempt: Attempt, outcome: str, evidence: dict[str, object]) -> None:
        """The attempt is over."""

        def work(transaction: Transaction) -> None:
            MigrationRepository(transaction.connection).close_attempt(
                attempt.id, transaction.now, outcome=outcome, evidence=evidence
            )

        self.store.write(work)

    def finish_phase(self, migration_id: str) -> None:
        """Phase 1 was confirmed."""

        def work(transaction: Transaction) -> None:
            migrations = MigrationRepository(transaction.connection)
            migrations.change_phase(migration_id, 1, state=PhaseState.CONFIRMED)
            transaction.record(event_of(migrations.get(migration_id), "phase.confirmed"))

        self.store.write(work)

    def _tell_of(self, migration_id: str, kind: str, number: int) -> None:
        task_id = self.tracker.migration(migration_id).migration.task_id
        event = Event(kind=kind, task_id=task_id, migration_id=migration_id, phase=1, attempt=number)
        self.store.record(event)

    def record(self, migration_id: str, kind: str, detail: dict[str, object]) -> None:
        """Something that the worker tells of."""

        def work(transaction: Transaction) -> None:
            migration = MigrationRepository(transaction.connection).get(migration_id)
            transaction.record(event_of(migration, kind, detail=detail))

        self.store.write(work)

    def output(self, migration_id: str, *texts: str, number: int = 1) -> None:
        """Lines of the agent in phase 1: into the attempt's log, and told in the journal."""
        log = self.places.log(migration_id, 1, number)
        with log.open("a") as file:
            file.writelines(f"12:00:00 agent  {text}\n" for text in texts)
        self.record(migration_id, "agent.output", {"lines": []})

    def open_workspace(self, migration_id: str) -> Path:
        """A repository of the person's, the migration's workspace of it, and its first checkpoint."""
        self.make_repository()
        place = self.places.of(migration_id)
        open_workspace(place, None)
        self._keep(migration_id, "start", CheckpointKind.START)
        return self.places.workspace(migration_id)

    def checkpoint(self, migration_id: str, name: str) -> None:
        """Keep the workspace as it is."""
        self._keep(migration_id, name, CheckpointKind.ATTEMPT)

    def carry_through(self, task_id: str) -> Migration:
        """Start the task and say yes until its migration is over."""
        migration_id = self.manager.start(task_id, "anna", "scaffold").id
        self.advance(migration_id)
        while (migration := self.tracker.migration(migration_id).migration).status is Status.WAITING:
            self.manager.reply(migration_id, "done", "anna", "test")
            self.advance(migration_id)
        return migration

    def _keep(self, migration_id: str, name: str, kind: CheckpointKind) -> None:
        snapshot = take_checkpoint(self.places.of(migration_id), name, {})

        def work(transaction: Transaction) -> None:
            migration = MigrationRepository(transaction.connection).get(migration_id)
            position = ask_position(transaction.connection, migration)()
            keep_checkpoint(transaction, migration, name, kind, snapshot, position)

        self.store.write(work)

    def make_repository(self) -> None:
        """A repository of the person's, with one commit."""
        repo = self.settings.repo
        repo.mkdir()
        (repo / "README.md").write_text("A shelf.\n")
        identity = ("-c", "user.name=Anna", "-c", "user.email=anna@example.org")
        for arguments in (("init", "-q", "-b", "main"), ("add", "."), (*identity, "commit", "-qm", "Begin")):
            subprocess.run(["git", *arguments], cwd=repo, check=True)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """The parts, over a folder of their own."""
    made = Workbench(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def anonymous(bench: Workbench) -> Iterator[TestClient]:
    """A client that nobody knows."""
    with TestClient(create_app(bench), base_url=BASE, follow_redirects=False) as client:
        yield client


@pytest.fixture
def api(bench: Workbench, anonymous: TestClient) -> TestClient:
    """A program with every scope; each answer it gets is held against the OpenAPI document."""
    anonymous.event_hooks["response"].append(hold)
    anonymous.headers["Authorization"] = f"Bearer {bench.access.make_token('robot', SCOPES)}"
    return anonymous


@pytest.fixture
def browser(bench: Workbench, anonymous: TestClient) -> TestClient:
    """A signed-in person."""
    sign_in(bench, anonymous, SCOPES)
    return anonymous


def sign_in(bench: Workbench, client: TestClient, scopes: tuple[str, ...]) -> None:
    """Go through the one-time link."""
    secret = bench.access.make_link("anna", scopes)
    answer = client.post(f"/sign-in/{secret}", headers={"Origin": BASE})
    assert answer.status_code == 303
    client.headers["Origin"] = BASE
