"""The main job: a spec becomes a task, a person starts it, phases are confirmed and published."""

import subprocess
from pathlib import Path

import pytest
from roadmark.executor.errors import AlreadyRunning, NoOpenWait, ReplyUnclear
from roadmark.executor.states import PhaseState, Status, WaitKind


def git(repo: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=repo, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_it_asks_before_it_begins_and_after_each_phase(driver) -> None:
    migration_id = driver.begin()
    kinds = []
    for answer in ("fertig", "page ready", "Done."):
        driver.until(migration_id, Status.WAITING)
        kinds.append(driver.service.tracker.migration(migration_id).wait.kind)
        assert driver.say(migration_id, answer) == "accepted"
    assert driver.until(migration_id, Status.COMPLETED)
    assert kinds == [WaitKind.START, WaitKind.CONFIRM, WaitKind.CONFIRM]


@pytest.mark.parametrize("text", ["nope", "not done yet", "unfertig", "", "done?"])
def test_an_unclear_reply_is_asked_again_and_kept(driver, text: str) -> None:
    migration_id = driver.begin()
    driver.until(migration_id, Status.WAITING)
    with pytest.raises(ReplyUnclear):
        driver.say(migration_id, text)
    view = driver.service.tracker.migration(migration_id)
    assert view.migration.status is Status.WAITING
    assert [(reply.text, reply.outcome) for reply in view.replies] == [(text, "unclear")]
    assert view.wait.tries == 1


def test_a_finished_migration_has_ticked_every_box_and_no_other_byte(driver, spec: Path) -> None:
    before = spec.read_bytes()
    driver.carry_through(driver.begin())
    after = spec.read_bytes()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [(ord(" "), ord("x"))] * 3
    view = driver.service.tracker.task(driver.task_id())
    assert view.progress.percent == 100
    assert {item.done_by for item in view.items if item.phase} == {"agent scaffold"}


def test_each_phase_is_one_commit_on_the_branch(driver, repo: Path) -> None:
    migration = driver.carry_through(driver.begin())
    assert migration.status is Status.COMPLETED
    subjects = git(repo, "log", "--format=%s", "main..feature/greeting").splitlines()
    assert subjects == ["Greeting Page: phase 2, Page", "Greeting Page: phase 1, Words"]
    body = git(repo, "log", "-1", "--format=%b", "feature/greeting")
    assert f"Roadmark-Migration: {migration.id}" in body
    assert "greeting/page.py" in git(repo, "ls-tree", "-r", "--name-only", "feature/greeting")


def test_the_users_uncommitted_work_is_untouched(driver, repo: Path) -> None:
    (repo / "app.py").write_text("print('mine')\n")
    (repo / "precious.txt").write_text("untracked\n")
    git(repo, "add", "precious.txt")
    before = _fingerprint(repo)
    driver.carry_through(driver.begin())
    assert _fingerprint(repo) == before


def test_a_task_has_one_live_migration(driver) -> None:
    driver.until(driver.begin(), Status.WAITING)
    with pytest.raises(AlreadyRunning):
        driver.begin()


def test_a_finished_migration_can_not_be_answered(driver) -> None:
    migration_id = driver.begin()
    driver.carry_through(migration_id)
    with pytest.raises(NoOpenWait):
        driver.say(migration_id, "done")


def test_the_journal_tells_the_story_and_holds(driver) -> None:
    migration_id = driver.begin()
    driver.carry_through(migration_id)
    entries = driver.service.tracker.events_after(0, 1000, migration_id=migration_id)
    moves = [entry.to_status for entry in entries if entry.kind == "migration.moved"]
    assert moves[0] == "running"
    assert moves[-1] == "completed"
    assert [entry.kind for entry in entries].count("phase.done") == 2
    assert driver.service.store.verify_journal() == []


def test_phases_whose_boxes_are_ticked_already_are_not_carried_out_again(
    start_service, spec: Path, repo: Path
) -> None:
    text = spec.read_text()
    for done in ("Collect the words", "Sort the words"):
        text = text.replace(f"- [ ] {done}", f"- [x] {done}")
    spec.write_text(text)
    service = start_service()
    service.intake.rescan_settled()
    task = service.tracker.fleet()[0].task
    migration = service.manager.start(task.id, "anna")
    states = [run.state for run in service.tracker.migration(migration.id).phases]
    assert states == [PhaseState.DONE, PhaseState.PENDING]


def test_a_new_start_goes_on_with_what_its_branch_has(driver, repo: Path) -> None:
    first = driver.begin()
    for _ in range(2):
        driver.until(first, Status.WAITING)
        driver.say(first, "done")
    driver.until(first, Status.WAITING)
    driver.service.manager.cancel(first, "anna")
    landed = git(repo, "rev-parse", "feature/greeting")
    second = driver.carry_through(driver.begin())
    assert second.status is Status.COMPLETED
    assert second.base_commit == landed
    assert git(repo, "log", "--format=%an", "main..feature/greeting").count("Roadmark") == 2
    files = git(repo, "ls-tree", "-r", "--name-only", "feature/greeting").splitlines()
    assert {"greeting/words.py", "greeting/page.py"} <= set(files)


def _fingerprint(repo: Path) -> dict[str, bytes]:
    """The checkout and everything of .git but what the design allows: objects, our refs, the branch."""
    kept = {}
    for path in sorted(repo.rglob("*")):
        name = str(path.relative_to(repo))
        allowed = name.startswith((".git/objects", ".git/refs/roadmark", ".git/refs/heads/feature"))
        if path.is_file() and not allowed and not name.startswith(".git/logs/refs/heads/feature"):
            kept[name] = path.read_bytes()
    return kept
