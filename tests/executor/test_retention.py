"""What a finished migration left behind goes after some days; nothing else does. The test moves time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.errors import CheckpointsGone
from roadmark.executor.integrity import failing
from roadmark.executor.model import Migration
from roadmark.executor.retention import Retention
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.workspace.upkeep import vault_usage

from .clocks import SetClock
from .conftest import git

DONE = {"do": "say", "text": "done\n"}
PHASES = {
    "1": [[{"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"}, DONE]],
    "2": [[{"do": "write", "path": "greeting/page.py", "text": "PAGE = 'hello'\n"}, DONE]],
}
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def service(spec: Path, settings: Settings, clock: SetClock) -> Iterator[Service]:
    """A service that is not started, and keeps files for thirty days."""
    agents = {"script": AgentSettings(name="script", kind="scripted", options={"phases": PHASES})}
    service = Service(replace(settings, agents=agents, retention_days=30), clock)
    service.hold("a test")
    service.intake.rescan()
    yield service
    service.stop()


def begin(service: Service) -> str:
    return service.manager.start(service.tracker.fleet()[0].task.id, "anna", "script").id


def carry_through(service: Service, migration_id: str, answers: int = 3) -> Migration:
    """Answer as many questions; then it is as far as it goes."""
    service.advance(migration_id)
    for _ in range(answers):
        service.manager.reply(migration_id, "done", "anna", "test")
        service.advance(migration_id)
    return service.tracker.migration(migration_id).migration


def left_of(service: Service, migration_id: str) -> set[str]:
    """What there still is of a migration's files."""
    places = service.places
    folders = {
        "workspace": places.workspace(migration_id),
        "home": places.home(migration_id),
        "logs": places.logs / migration_id,
    }
    return {name for name, folder in folders.items() if folder.exists()}


def checkpoints(service: Service, migration_id: str) -> int:
    return vault_usage(service.places.of(migration_id)).checkpoints


def test_a_finished_migration_is_given_up_after_its_days_and_not_before(service, clock, repo: Path) -> None:
    migration_id = begin(service)
    assert carry_through(service, migration_id).status is Status.COMPLETED
    clock.let_pass(30 * DAY)
    service.retention.sweep()
    assert left_of(service, migration_id) == {"workspace", "home", "logs"}
    clock.let_pass(timedelta(seconds=1))
    service.retention.sweep()
    assert (left_of(service, migration_id), checkpoints(service, migration_id)) == (set(), 0)
    assert "refs/roadmark" not in git(repo, "for-each-ref")


def test_rows_journal_branch_and_checkout_stay(service, clock, repo: Path) -> None:
    (repo / "app.py").write_text("print('mine')\n")
    migration_id = begin(service)
    carry_through(service, migration_id)
    before = git(repo, "rev-parse", "feature/greeting"), git(repo, "status", "--porcelain")
    entries = len(service.tracker.events_after(0, 1000))
    clock.let_pass(31 * DAY)
    service.retention.sweep()
    assert (git(repo, "rev-parse", "feature/greeting"), git(repo, "status", "--porcelain")) == before
    told = service.tracker.events_after(0, 1000)
    assert [entry.kind for entry in told[entries:]] == ["migration.retired"]
    assert service.store.verify_journal() == []
    view = service.tracker.migration(migration_id)
    assert (view.migration.status, len(view.attempts), view.checkpoints) == (Status.COMPLETED, 2, ())


def test_what_was_given_up_cannot_be_rolled_back_and_says_why(service, clock) -> None:
    migration_id = begin(service)
    carry_through(service, migration_id)
    clock.let_pass(31 * DAY)
    service.retention.sweep()
    with pytest.raises(CheckpointsGone, match="2026-04-01"):
        service.rollbacks.preview(migration_id, "start")
    with pytest.raises(CheckpointsGone):
        service.rollbacks.request(migration_id, "start", "a try", "anna")
    checks = service.rollbacks.integrity.check(migration_id)
    assert (failing(checks), checks[0].detail) == ((), "deleted for their age on 2026-04-01")
    assert service.tracker.migration(migration_id).migration.status is Status.COMPLETED


@pytest.mark.parametrize("order", [None, "pause"])
def test_what_is_not_over_keeps_everything(service, clock, order: str | None) -> None:
    migration_id = begin(service)
    carry_through(service, migration_id, 1)
    if order:
        service.manager.pause(migration_id, "anna")
    clock.let_pass(400 * DAY)
    kept = checkpoints(service, migration_id)
    service.retention.sweep()
    assert (left_of(service, migration_id), checkpoints(service, migration_id)) == (
        {"workspace", "home", "logs"},
        kept,
    )


def test_the_checkpoints_of_a_result_on_no_branch_stay(service, clock, spec: Path) -> None:
    spec.write_text(spec.read_text().replace("git_branch_required**: true", "git_branch_required**: false"))
    service.intake.rescan_settled()
    migration_id = begin(service)
    assert carry_through(service, migration_id).published_commit is None
    clock.let_pass(31 * DAY)
    kept = checkpoints(service, migration_id)
    service.retention.sweep()
    assert (left_of(service, migration_id), checkpoints(service, migration_id)) == (set(), kept)
    assert service.rollbacks.preview(migration_id, "start").files != ()


def test_a_sweep_that_was_cut_off_is_finished_by_the_next(service, clock) -> None:
    migration_id = begin(service)
    carry_through(service, migration_id)
    clock.let_pass(31 * DAY)
    service._stopping.set()
    service.retention.sweep()
    assert left_of(service, migration_id) == {"workspace", "home", "logs"}
    service._stopping.clear()
    service.retention.sweep()
    assert left_of(service, migration_id) == set()


def test_a_migration_that_was_ended_before_it_began_is_no_trouble(service, clock) -> None:
    migration_id = begin(service)
    service.manager.cancel(migration_id, "anna")
    clock.let_pass(31 * DAY)
    service.retention.sweep()
    service.retention.sweep()
    kinds = [entry.kind for entry in service.tracker.events_after(0, 1000, migration_id=migration_id)]
    assert kinds.count("migration.retired") == 1


def test_without_days_everything_is_kept(service, clock) -> None:
    migration_id = begin(service)
    carry_through(service, migration_id)
    clock.let_pass(10_000 * DAY)
    Retention(service.store, service.places, service.exchange, 0, service._stopping).sweep()
    assert left_of(service, migration_id) == {"workspace", "home", "logs"}
