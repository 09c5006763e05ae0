"""The rollback form, posted as a browser without a script does: conflicts decided, dependents taken along."""

import re
import subprocess
from pathlib import Path

import pytest
from roadmark.executor.lease import Lease
from roadmark.executor.model import Migration, RollbackState
from roadmark.executor.states import Status
from starlette.testclient import TestClient

from .conftest import SPEC, Workbench

BRANCH = "feature/tidy-shelf"
FILE = "shelf/order.py"
FIRST = SPEC.replace("- **Dependencies**: Shelf inventory\n", "")
SECOND = (
    SPEC.replace("Tidy Shelf", "Dust Shelf")
    .replace("Shelf inventory", "Tidy Shelf")
    .replace("tidy-shelf", "dust-shelf")
    .replace("shelf/", "dust/")
)


def _git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Otto", "-c", "user.email=otto@localhost")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _edit_on_branch(repo: Path, path: str, text: str) -> None:
    folder = repo.parent / "otto"
    _git(repo, "worktree", "add", "-q", str(folder), BRANCH)
    (folder / path).write_text(text)
    _git(folder, "commit", "-qam", "Otto's order")
    _git(repo, "worktree", "remove", "--force", str(folder))


def _on_branch(repo: Path) -> dict[str, str]:
    names = _git(repo, "ls-tree", "-r", "--name-only", BRANCH, "shelf").splitlines()
    return {name: _git(repo, "show", f"{BRANCH}:{name}") for name in names}


@pytest.fixture
def finished(bench: Workbench) -> Migration:
    """A migration whose branch was published, and then changed by Otto in a file of its own."""
    bench.make_repository()
    migration = bench.carry_through(bench.drop("tidy-shelf.md", FIRST))
    assert migration.status is Status.COMPLETED, migration.reason
    _edit_on_branch(bench.settings.repo, FILE, "Otto's order\n")
    return migration


def _form(page: str) -> dict[str, str]:
    """What the form sends that nobody has to fill in, and the branch that it asks to be typed."""
    branch = re.search(r"Type <code>(.+?)</code> to confirm", page)
    assert branch is not None
    return {
        **dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)),
        "branch": branch[1],
    }


def test_a_conflict_that_nobody_decided_comes_back_with_what_was_typed(
    bench: Workbench, browser: TestClient, finished: Migration
) -> None:
    path = f"/tasks/{finished.task_id}/rollback"
    shown = browser.get(path).text
    radios = re.findall(r'type="radio" name="([^"]+)" value="(\w+)" required', shown)
    assert radios == [(f"choice:{FILE}", value) for value in ("keep", "take", "both")]
    for choice in ({}, {f"choice:{FILE}": "burn"}, {"choice:README.md": "take"}):
        answer = browser.post(path, data={**_form(shown), "reason": "the wrong order", **choice})
        assert (answer.status_code, FILE in answer.text) == (409, True)
        assert ">the wrong order</textarea>" in answer.text
    view = bench.tracker.migration(finished.id)
    assert (view.migration.status, view.rollbacks) == (Status.COMPLETED, ())
    assert _on_branch(bench.settings.repo) == {FILE: "Otto's order"}


@pytest.mark.parametrize(
    ("choice", "there"),
    [("keep", {FILE: "Otto's order"}), ("take", {}), ("both", {FILE: "Otto's order"})],
)
def test_a_conflict_is_decided_by_its_radio(
    bench: Workbench, browser: TestClient, finished: Migration, choice: str, there: dict[str, str]
) -> None:
    path = f"/tasks/{finished.task_id}/rollback"
    decided = {"reason": "the wrong order", f"choice:{FILE}": choice}
    assert browser.post(path, data={**_form(browser.get(path).text), **decided}).status_code == 303
    bench.rollbacks.carry_out(Lease(finished.id, finished.fence))
    assert bench.tracker.migration(finished.id).migration.status is Status.ROLLED_BACK
    assert _on_branch(bench.settings.repo) == there


@pytest.mark.parametrize(
    ("ticked", "going_back"),
    [({"with_dependents": "yes"}, ["Dust Shelf", "Tidy Shelf"]), ({}, ["Tidy Shelf"])],
)
def test_dependents_go_back_first_only_where_the_box_is_ticked(
    bench: Workbench, browser: TestClient, ticked: dict[str, str], going_back: list[str]
) -> None:
    bench.make_repository()
    runs = {
        "Tidy Shelf": bench.carry_through(bench.drop("tidy-shelf.md", FIRST)),
        "Dust Shelf": bench.carry_through(bench.drop("dust-shelf.md", SECOND)),
    }
    path = f"/tasks/{runs['Tidy Shelf'].task_id}/rollback"
    shown = browser.get(path).text
    assert "1 task depends on this one" in shown
    assert ">Dust Shelf</a> goes back to its start" in shown
    order = {**_form(shown), "reason": "all of it was wrong", **ticked}
    assert browser.post(path, data=order).status_code == 303
    for title in going_back:
        bench.advance(runs[title].id)
    views = {title: bench.tracker.migration(run.id) for title, run in runs.items()}
    ended = [title for title, view in views.items() if view.migration.status is Status.ROLLED_BACK]
    assert ended == sorted(going_back, reverse=True)
    done = [row.state for view in views.values() for row in view.rollbacks]
    assert done == [RollbackState.DONE] * len(going_back)


@pytest.mark.parametrize("typed", ["", "main", "feature/tidy-shel", "Feature/Tidy-Shelf"])
def test_nothing_goes_back_until_the_branch_is_typed_as_it_is(
    bench: Workbench, browser: TestClient, typed: str
) -> None:
    migration = bench.start()
    bench.open_workspace(migration.id)
    path = f"/tasks/{migration.task_id}/rollback"
    order = {**_form(browser.get(path).text), "reason": "the wrong order"}
    assert order["branch"] == BRANCH
    answer = browser.post(path, data={**order, "branch": typed})
    assert (answer.status_code, f"as it is: {BRANCH}" in answer.text) == (422, True)
    assert ">the wrong order</textarea>" in answer.text
    assert bench.tracker.migration(migration.id).rollbacks == ()
    assert browser.post(path, data={**order, "branch": f" {BRANCH} "}).status_code == 303


@pytest.mark.parametrize(
    ("to", "told"),
    [("phase-1", "untick 1 box in the spec"), ("start", "untick 2 boxes in the spec")],
)
def test_a_plan_counts_its_boxes_in_words_that_fit(
    browser: TestClient, finished: Migration, to: str, told: str
) -> None:
    assert f"<li>{told}</li>" in browser.get(f"/tasks/{finished.task_id}/rollback?to={to}").text


def test_a_plan_counts_one_file_as_one(bench: Workbench, browser: TestClient) -> None:
    migration = bench.start()
    (bench.open_workspace(migration.id) / "junk.txt").write_text("one\n")
    assert "(1 file) and prove" in browser.get(f"/tasks/{migration.task_id}/rollback").text
