"""Rollback beside people's edits on the branch, and of several migrations that depend on each other."""

import os
import subprocess
from pathlib import Path

import pytest
from roadmark.executor.dependencies import dependents_of
from roadmark.executor.errors import ConflictsUndecided, MoveRefused
from roadmark.executor.model import RollbackState
from roadmark.executor.states import Status
from roadmark.executor.workspace.merging import Choice

BRANCH = "feature/greeting"


def git(repo: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Otto", "-c", "user.email=otto@localhost")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=repo, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _edit_on_branch(repo: Path, path: str, text: str) -> None:
    folder = repo.parent / "otto"
    git(repo, "worktree", "add", "-q", str(folder), BRANCH)
    (folder / path).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", f"Otto's {path}")
    git(repo, "worktree", "remove", "--force", str(folder))


def _on_branch(repo: Path) -> dict[str, str]:
    names = git(repo, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    return {name: git(repo, "show", f"{BRANCH}:{name}") for name in names}


@pytest.fixture
def finished(driver) -> str:
    migration_id = driver.begin()
    driver.carry_through(migration_id)
    return migration_id


def test_what_nobody_decided_is_never_overwritten(driver, finished: str, repo: Path) -> None:
    _edit_on_branch(repo, "greeting/words.py", "Otto's words\n")
    before = git(repo, "rev-parse", BRANCH)
    plan = driver.service.rollbacks.preview(finished, "start")
    assert plan.clashes == ("greeting/words.py",)
    with pytest.raises(ConflictsUndecided, match=r"greeting/words\.py"):
        driver.service.rollbacks.request(finished, "start", "the wrong way", "anna")
    view = driver.service.tracker.migration(finished)
    assert (view.migration.status, view.rollbacks) == (Status.COMPLETED, ())
    assert git(repo, "rev-parse", BRANCH) == before


@pytest.mark.parametrize(
    ("choice", "there"),
    [
        (Choice.KEEP, {"greeting/words.py": "Otto's words"}),
        (Choice.TAKE, {}),
        (Choice.BOTH, {"greeting/words.py": "Otto's words"}),
    ],
)
def test_a_decision_is_carried_out_for_its_file(
    driver, finished: str, repo: Path, choice: Choice, there: dict[str, str]
) -> None:
    _edit_on_branch(repo, "greeting/words.py", "Otto's words\n")
    _edit_on_branch(repo, "notes.txt", "Otto's notes\n")
    choices = {"greeting/words.py": choice}
    driver.service.rollbacks.request(finished, "start", "the wrong way", "anna", choices=choices)
    driver.until(finished, Status.ROLLED_BACK)
    on_branch = _on_branch(repo)
    assert {path: text for path, text in on_branch.items() if path.startswith("greeting/")} == there
    assert on_branch["notes.txt"] == "Otto's notes"


def test_both_puts_the_checkpoints_file_beside_the_persons(driver, finished: str, repo: Path) -> None:
    ours = _on_branch(repo)["greeting/words.py"]
    _edit_on_branch(repo, "greeting/words.py", "Otto's words\n")
    service = driver.service
    service.rollbacks.request(
        finished, "start", "the wrong way", "anna", choices={"greeting/words.py": Choice.KEEP}
    )
    driver.until(finished, Status.ROLLED_BACK)
    _edit_on_branch(repo, "greeting/words.py", "Otto's other words\n")
    service.rollbacks.undo(finished, "right after all", "anna", {"greeting/words.py": Choice.BOTH})
    driver.until(finished, Status.COMPLETED)
    on_branch = _on_branch(repo)
    assert on_branch["greeting/words.py"] == "Otto's other words"
    assert on_branch["greeting/words.py.roadmark"] == ours


def test_an_edit_between_the_order_and_the_act_stops_it_with_nothing_changed(
    driver, finished: str, repo: Path
) -> None:
    driver.service.engine.stop()
    driver.service.rollbacks.request(finished, "start", "the wrong way", "anna")
    _edit_on_branch(repo, "greeting/words.py", "Otto's words\n")
    driver.service.advance(finished)
    view = driver.service.tracker.migration(finished)
    assert (view.migration.status, view.rollbacks[-1].state) == (Status.BLOCKED, RollbackState.REFUSED)
    assert (driver.service.places.workspace(finished) / "greeting" / "words.py").exists()
    assert _on_branch(repo)["greeting/words.py"] == "Otto's words"


@pytest.fixture
def chain(driver, settings, spec: Path) -> dict[str, str]:
    """Greeting, with Second that depends on it, and Third and Fourth that depend on Second; all completed."""
    text = spec.read_text()
    for name, on in (("Second", "Greeting Page"), ("Third", "Second"), ("Fourth", "Second")):
        path = settings.specs / f"{name.lower()}.md"
        changed = text.replace("Greeting Page", name).replace("greeting/", f"{name.lower()}/")
        changed = changed.replace("feature/greeting", f"feature/{name.lower()}")
        changed = changed.replace("## 2.", f"- **Dependencies**: {on}\n\n## 2.")
        path.write_text(changed)
        os.utime(path, (1, 1))
    driver.service.intake.rescan_settled()
    migrations = {}
    for name in ("Greeting Page", "Second", "Third", "Fourth"):
        task_id = driver.service.tracker.find_task(name)
        migrations[name] = driver.service.manager.start(task_id, "anna", "scaffold").id
        assert driver.carry_through(migrations[name]).status is Status.COMPLETED
    return migrations


def _states(driver, chain: dict[str, str]) -> dict[str, list[RollbackState]]:
    return {
        name: [rollback.state for rollback in driver.service.tracker.migration(one).rollbacks]
        for name, one in chain.items()
    }


def test_what_depends_on_it_goes_back_first_in_reverse_order(driver, chain: dict[str, str]) -> None:
    rollbacks = driver.service.rollbacks
    plan = rollbacks.preview(chain["Greeting Page"], "start")
    told = [one.title for one in plan.dependents]
    assert (sorted(told[:2]), told[2:]) == (["Fourth", "Third"], ["Second"])
    rollbacks.request(chain["Greeting Page"], "start", "all wrong", "anna", with_dependents=True)
    driver.until(chain["Greeting Page"], Status.ROLLED_BACK)
    assert set(map(tuple, _states(driver, chain).values())) == {(RollbackState.DONE,)}
    entries = driver.service.tracker.events_after(0, 5000)
    done = [entry.migration_id for entry in entries if entry.kind == "rollback.done"]
    assert done == [chain[name] for name in (*told, "Greeting Page")]
    assert rollbacks.preview(chain["Greeting Page"], "start").dependents == ()


def test_a_set_that_a_crash_cut_in_two_is_finished_at_the_next_start(
    driver, chain: dict[str, str], start_service
) -> None:
    service = driver.service
    service.engine.stop()
    service.rollbacks.request(chain["Greeting Page"], "start", "all wrong", "anna", with_dependents=True)
    first = service.rollbacks.dependents(chain["Greeting Page"])[0].migration_id
    service.advance(first)
    states = _states(driver, chain)
    assert sorted(state for (state,) in states.values()) == ["done", "requested", "requested", "requested"]
    service.stop()
    driver.service = start_service()
    driver.until(chain["Greeting Page"], Status.ROLLED_BACK)
    assert set(map(tuple, _states(driver, chain).values())) == {(RollbackState.DONE,)}


def test_where_one_of_a_set_cannot_go_back_the_rest_stays(driver, chain: dict[str, str], repo: Path) -> None:
    service = driver.service
    service.engine.stop()
    service.rollbacks.request(chain["Greeting Page"], "start", "all wrong", "anna", with_dependents=True)
    order = [one.migration_id for one in service.rollbacks.dependents(chain["Greeting Page"])]
    git(repo, "branch", "-qf", "feature/second", "main")
    for migration_id in (*order, chain["Greeting Page"]):
        service.advance(migration_id)
    states = _states(driver, chain)
    assert states["Second"] == states["Greeting Page"] == [RollbackState.REFUSED]
    assert states["Third"] == states["Fourth"] == [RollbackState.DONE]
    assert service.tracker.migration(chain["Greeting Page"]).migration.status is Status.COMPLETED


def test_a_member_of_a_set_takes_no_second_order_while_it_waits(driver, chain: dict[str, str]) -> None:
    service = driver.service
    service.engine.stop()
    service.rollbacks.request(chain["Greeting Page"], "start", "all wrong", "anna", with_dependents=True)
    with pytest.raises(MoveRefused):
        service.rollbacks.request(chain["Greeting Page"], "phase-1", "another", "anna")
    with pytest.raises(MoveRefused):
        service.rollbacks.request(chain["Third"], "start", "all wrong", "anna", with_dependents=True)


def test_a_circle_of_dependencies_ends(driver, settings, spec: Path) -> None:
    text = spec.read_text()
    for name, on in (("One", "Two"), ("Two", "One")):
        changed = text.replace("Greeting Page", name).replace("## 2.", f"- **Dependencies**: {on}\n\n## 2.")
        (settings.specs / f"{name.lower()}.md").write_text(changed)
        os.utime(settings.specs / f"{name.lower()}.md", (1, 1))
    driver.service.intake.rescan_settled()
    one, two = (driver.service.tracker.find_task(name) for name in ("One", "Two"))
    with driver.service.store.read() as connection:
        assert dependents_of(connection, one) == (two,)
