"""Rollback: files, branch, boxes and rows go back together, are proved, and can come forward again."""

import subprocess
from pathlib import Path

import pytest
from roadmark.executor.errors import CheckpointUnknown, Conflict, MoveRefused, NotFound, ReasonMissing
from roadmark.executor.model import RollbackState
from roadmark.executor.states import Status


def git(repo: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=repo, check=True, capture_output=True, text=True
    ).stdout.strip()


def _listing(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def _roll_back(driver, migration_id: str, to: str, reason: str = "the wrong way"):
    driver.service.rollbacks.request(migration_id, to, reason, "anna")
    driver.until(migration_id, Status.ROLLED_BACK, Status.PAUSED, Status.COMPLETED, Status.BLOCKED)
    return driver.service.tracker.migration(migration_id)


@pytest.fixture
def finished(driver):
    migration_id = driver.begin()
    driver.carry_through(migration_id)
    return migration_id


def test_back_to_a_phase_and_then_to_the_start(driver, finished: str, spec: Path, repo: Path) -> None:
    workspace = driver.service.places.workspace(finished)
    view = _roll_back(driver, finished, "phase-1")
    trees = {checkpoint.name: checkpoint.tree for checkpoint in view.checkpoints}
    assert view.rollbacks[-1].result["tree"] == trees["phase-1"]
    assert not (workspace / "greeting" / "page.py").exists()
    assert (workspace / "greeting" / "words.py").exists()
    assert view.progress.done == 2
    assert "- [x] Sort the words" in spec.read_text()
    assert "- [ ] Show the words" in spec.read_text()
    view = _roll_back(driver, finished, "start")
    assert view.rollbacks[-1].result["tree"] == trees["start"]
    assert _listing(workspace) == {
        name: (repo / name).read_bytes() for name in git(repo, "ls-files").splitlines()
    }
    assert view.progress.done == 0
    assert "- [x]" not in spec.read_text()
    assert view.migration.reason == "rolled back to start by anna: the wrong way"
    assert git(repo, "diff", "--stat", "main", "feature/greeting") == ""


def test_untracked_files_of_the_agent_are_taken_back_too(driver, finished: str) -> None:
    workspace = driver.service.places.workspace(finished)
    (workspace / "left over.txt").write_text("made by a tool\n")
    _roll_back(driver, finished, "start")
    assert not (workspace / "left over.txt").exists()


def test_an_undone_rollback_brings_everything_back(driver, finished: str, spec: Path, repo: Path) -> None:
    workspace = driver.service.places.workspace(finished)
    before, text, tip_tree = (
        _listing(workspace),
        spec.read_text(),
        git(repo, "rev-parse", "feature/greeting^{tree}"),
    )
    _roll_back(driver, finished, "start")
    driver.service.rollbacks.undo(finished, "it was right after all", "anna")
    driver.until(finished, Status.COMPLETED)
    assert _listing(workspace) == before
    assert spec.read_text() == text
    assert git(repo, "rev-parse", "feature/greeting^{tree}") == tip_tree
    states = [rollback.state for rollback in driver.service.tracker.migration(finished).rollbacks]
    assert states == [RollbackState.UNDONE, RollbackState.DONE]


def test_the_branch_gets_revert_commits_and_loses_none(driver, finished: str, repo: Path) -> None:
    before = git(repo, "rev-list", "feature/greeting").splitlines()
    _roll_back(driver, finished, "start")
    after = git(repo, "rev-list", "feature/greeting").splitlines()
    assert after[-len(before) :] == before
    assert len(after) == len(before) + 1


def test_work_goes_on_from_the_checkpoint(driver, finished: str) -> None:
    _roll_back(driver, finished, "phase-1")
    driver.service.manager.resume(finished, "anna")
    assert driver.carry_through(finished).status is Status.COMPLETED
    assert driver.service.tracker.task(driver.task_id()).progress.percent == 100


def test_a_rollback_needs_a_reason(driver, finished: str) -> None:
    with pytest.raises(ReasonMissing):
        driver.service.rollbacks.request(finished, "start", "  ", "anna")
    assert driver.service.tracker.migration(finished).migration.status is Status.COMPLETED


def test_an_unknown_checkpoint_is_named_with_the_known_ones(driver, finished: str) -> None:
    with pytest.raises(CheckpointUnknown, match="start"):
        driver.service.rollbacks.request(finished, "phase-9", "why not", "anna")


def test_a_preview_that_is_out_of_date_is_refused(driver, finished: str) -> None:
    plan = driver.service.rollbacks.preview(finished, "start")
    _roll_back(driver, finished, "phase-1")
    with pytest.raises(Conflict):
        driver.service.rollbacks.request(finished, "start", "too late", "anna", plan.version)


def test_the_preview_names_what_is_then_done_and_changes_nothing(driver, finished: str, spec: Path) -> None:
    workspace, text = driver.service.places.workspace(finished), spec.read_text()
    before = _listing(workspace)
    plan = driver.service.rollbacks.preview(finished, "start")
    assert _listing(workspace) == before
    assert spec.read_text() == text
    changed = {delta.path for delta in plan.files}
    assert len(plan.boxes) == 3
    _roll_back(driver, finished, "start")
    after = _listing(workspace)
    assert changed == {name for name in before | after if before.get(name) != after.get(name)}


def test_a_waiting_migration_is_rolled_back_and_its_question_closed(driver) -> None:
    migration_id = driver.begin()
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    driver.until(migration_id, Status.WAITING)
    view = _roll_back(driver, migration_id, "start")
    assert view.wait is None
    assert view.migration.status is Status.ROLLED_BACK


def test_what_never_began_can_not_be_rolled_back_or_undone(driver) -> None:
    migration_id = driver.begin()
    driver.until(migration_id, Status.WAITING)
    with pytest.raises(CheckpointUnknown):
        driver.service.rollbacks.preview(migration_id, "start")
    with pytest.raises(NotFound):
        driver.service.rollbacks.undo(migration_id, "nothing to undo", "anna")


def test_a_workspace_that_was_lost_is_made_again(driver, finished: str) -> None:
    workspace = driver.service.places.workspace(finished)
    subprocess.run(["rm", "-rf", str(workspace)], check=True)
    view = _roll_back(driver, finished, "phase-1")
    assert view.rollbacks[-1].state is RollbackState.DONE
    assert (workspace / "greeting" / "words.py").exists()


def test_a_second_rollback_while_one_is_under_way_is_refused(driver, finished: str) -> None:
    driver.service.engine.stop()
    driver.service.rollbacks.request(finished, "phase-1", "first", "anna")
    with pytest.raises(MoveRefused):
        driver.service.rollbacks.request(finished, "start", "second", "anna")
    view = driver.service.tracker.migration(finished)
    assert [rollback.reason for rollback in view.rollbacks] == ["first"]
