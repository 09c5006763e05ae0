"""Integrity: after a rollback everything agrees, and each kind of damage is named."""

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest
from roadmark.executor.acts import acts_of
from roadmark.executor.integrity import failing
from roadmark.executor.states import Status


@pytest.fixture
def rolled_back(driver):
    migration_id = driver.begin()
    driver.carry_through(migration_id)
    driver.service.rollbacks.request(migration_id, "phase-1", "the wrong way", "anna")
    driver.until(migration_id, Status.ROLLED_BACK)
    driver.service.engine.stop()
    return migration_id


def _failing(driver, migration_id: str) -> tuple[str, ...]:
    return failing(driver.service.rollbacks.integrity.check(migration_id))


def test_the_checks_are_kept_with_the_proof(driver, rolled_back: str) -> None:
    (rollback,) = driver.service.tracker.migration(rolled_back).rollbacks
    assert [check["name"] for check in rollback.result["checks"]] == [
        "checkpoints",
        "files",
        "refs",
        "journal",
        "boxes",
    ]
    assert all(check["holds"] for check in rollback.result["checks"])
    assert rollback.result["tree"] in rollback.result["checks"][1]["detail"]


def test_the_acts_of_a_run_are_told_with_who_why_and_what_changed(driver, rolled_back: str) -> None:
    acts = acts_of(driver.service.tracker.migration(rolled_back))
    assert [act.what for act in acts] == [
        "phase 1 landed as phase-1",
        "phase 2 landed as phase-2",
        "rolled back to phase-1",
    ]
    ends = [(act.since.name, act.until.name) for act in acts]
    assert ends[:2] == [("start", "phase-1"), ("phase-1", "phase-2")]
    assert ends[2][1] == "phase-1"
    assert (acts[2].by, acts[2].why) == ("anna", "the wrong way")
    driver.service.rollbacks.undo(rolled_back, "it was right", "otto")
    driver.service.advance(rolled_back)
    told = [act.what for act in acts_of(driver.service.tracker.migration(rolled_back))]
    assert told[2:] == ["rolled back to phase-1, undone later", "rollback undone"]


def test_a_file_changed_since_is_found_though_its_times_are_the_same(driver, rolled_back: str) -> None:
    path = driver.service.places.workspace(rolled_back) / "app.py"
    times = path.stat()
    path.write_bytes(path.read_bytes().replace(b"hello", b"HELLO"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert _failing(driver, rolled_back) == ("files",)


def test_a_lost_workspace_is_found(driver, rolled_back: str) -> None:
    subprocess.run(["rm", "-rf", str(driver.service.places.workspace(rolled_back))], check=True)
    assert _failing(driver, rolled_back) == ("files",)


def test_a_box_that_was_ticked_by_hand_and_not_read_yet_is_found(
    driver, rolled_back: str, spec: Path
) -> None:
    spec.write_text(spec.read_text().replace("- [ ] Show", "- [x] Show"))
    assert _failing(driver, rolled_back) == ("boxes",)


@pytest.mark.parametrize("deleted", ["refs/heads/feature/greeting", "refs/roadmark/keep/{id}"])
def test_a_ref_that_is_gone_is_found(driver, rolled_back: str, repo: Path, deleted: str) -> None:
    ref = deleted.format(id=rolled_back)
    subprocess.run(["git", "update-ref", "-d", ref], cwd=repo, check=True)
    assert _failing(driver, rolled_back) == ("refs",)


def test_a_checkpoint_that_is_gone_from_the_vault_is_found(driver, rolled_back: str) -> None:
    (vault,) = (
        path
        for path in (driver.service.settings.state_dir / "vault").glob("*.git")
        if "filters" not in path.name
    )
    ref = driver.service.tracker.checkpoint(rolled_back, "phase-2").ref
    subprocess.run(["git", "update-ref", "-d", ref], cwd=vault, check=True)
    assert _failing(driver, rolled_back) == ("checkpoints",)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE migrations SET status = 'completed'",
        "UPDATE checkpoints SET id = 'another' WHERE name = 'phase-2'",
        "UPDATE migration_rollback SET result = json_set(result, '$.tree', 'another')",
    ],
)
def test_rows_that_say_something_else_than_the_journal_are_found(
    driver, rolled_back: str, damage: str
) -> None:
    if driver.service.settings.database_url:
        pytest.skip("it writes past the program, into SQLite's file")
    with sqlite3.connect(driver.service.settings.state_dir / "roadmark.db") as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute(damage)
    database.close()
    assert "journal" in _failing(driver, rolled_back)
