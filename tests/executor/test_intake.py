"""Files and rows in step: what comes, changes, moves and goes, and ticks in both directions."""

import os
import random
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.errors import NotFound
from roadmark.executor.intake import Intake
from roadmark.executor.states import TaskStatus
from roadmark.executor.store.store import Store
from roadmark.executor.tracker import MigrationTracker
from roadmark.executor.workspace.spec_readers import BIG_BYTES, WORTH_PROCESSES


@pytest.fixture
def store(settings) -> Iterator[Store]:
    settings.state_dir.mkdir()
    opened = Store(settings.state_dir, SystemClock())
    yield opened
    opened.close()


@pytest.fixture
def intake(store: Store, settings) -> Intake:
    made = Intake(store, settings)
    made.keep_the_folder()
    return made


SPEC_WITHOUT_PHASES = """\
# Nothing To Do Implementation

## 1. Project Overview
- **Feature/Component Name**: Nothing To Do
- **Priority**: Low

## 14. AI Auto-Implementation Instructions

#### AI Execution Context:
```json
{"timeout_seconds": }
```
"""


class Seen:
    """What the rows say, read anew each time."""

    def __init__(self, store: Store) -> None:
        self._tracker = MigrationTracker(store)

    def tasks(self):
        return [row.task for row in self._tracker.fleet()]

    def view(self):
        return self._tracker.task(self.tasks()[0].id)

    def marks(self) -> dict[str, str]:
        return {item.text: item.mark for item in self.view().items if item.phase and item.removed_at is None}


@pytest.fixture
def seen(store: Store) -> Seen:
    return Seen(store)


def _settle(path: Path) -> None:
    """As if it was written a while ago, each time at another moment."""
    moment = random.Random(path.read_bytes()).uniform(1, 1e9)
    os.utime(path, (moment, moment))


def _edit(spec: Path, old: str, new: str) -> None:
    text = spec.read_text()
    assert old in text
    spec.write_text(text.replace(old, new))
    _settle(spec)


def test_a_file_becomes_a_task_with_its_children(intake: Intake, spec: Path, seen: Seen) -> None:
    intake.rescan()
    view = seen.view()
    assert (view.task.title, view.task.priority, view.task.estimated_hours) == ("Greeting Page", "high", 3.0)
    assert [(phase.name, phase.hours) for phase in view.phases] == [("Words", 1.0), ("Page", 2.0)]
    assert [len(view.items_of(ordinal)) for ordinal in (1, 2)] == [2, 1]
    assert {file.path for file in view.files} == {"greeting/words.py", "greeting/page.py"}
    assert view.task.context["git_branch_name"] == "feature/greeting"


def test_a_file_that_is_still_being_written_is_taken_once_it_is_still(
    intake: Intake, spec: Path, seen: Seen
) -> None:
    os.utime(spec)
    assert intake.rescan()
    assert seen.tasks() == []
    _settle(spec)
    assert not intake.rescan()
    assert len(seen.tasks()) == 1


def test_an_unchanged_file_makes_no_new_revision(intake: Intake, spec: Path, seen: Seen) -> None:
    intake.rescan()
    spec.touch()
    _settle(spec)
    intake.rescan()
    assert seen.tasks()[0].revision == 1


def test_a_tick_changes_one_byte_and_keeps_the_mode(intake: Intake, spec: Path, seen: Seen) -> None:
    spec.chmod(0o640)
    intake.rescan()
    before = spec.read_bytes()
    item = seen.view().items_of(1)[0]
    intake.tick(seen.tasks()[0].id, item.key, "x", "anna")
    after = spec.read_bytes()
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
    assert stat.S_IMODE(spec.stat().st_mode) == 0o640
    assert seen.view().items_of(1)[0].done_by == "anna"
    intake.rescan_settled()
    assert seen.tasks()[0].revision == 1, "our own tick is no edit of a person's"


def test_a_tick_in_a_tasks_json_changes_one_status(intake: Intake, settings, seen: Seen) -> None:
    file = settings.specs / "tasks.json"
    file.write_text(
        '{"tasks": [{"id": 1, "title": "Sow", "status": "pending"},'
        ' {"id": 2, "title": "Dig", "status": "done"}]}'
    )
    _settle(file)
    before = file.read_text()
    intake.rescan()
    assert seen.marks() == {"Sow": " ", "Dig": "x"}
    key = next(item.key for item in seen.view().items if item.text == "Sow")
    intake.tick(seen.tasks()[0].id, key, "x", "person you")
    assert file.read_text() == before.replace("pending", "done")
    assert seen.marks() == {"Sow": "x", "Dig": "x"}
    assert seen.tasks()[0].status is TaskStatus.COMPLETED
    revision = seen.tasks()[0].revision
    intake.rescan_settled()
    assert seen.tasks()[0].revision == revision


def test_a_tick_in_the_file_ticks_the_row_and_back(intake: Intake, spec: Path, seen: Seen) -> None:
    intake.rescan()
    _edit(spec, "- [ ] Sort the words", "- [x] Sort the words")
    intake.rescan()
    assert seen.marks()["Sort the words by language"] == "x"
    _edit(spec, "- [x] Sort the words", "- [ ] Sort the words")
    intake.rescan()
    assert seen.marks()["Sort the words by language"] == " "


def test_what_an_agent_did_stays_done_when_its_item_is_moved_or_reworded(
    intake: Intake, store: Store, spec: Path, seen
) -> None:
    intake.rescan()
    task_id = seen.tasks()[0].id
    item = seen.view().items_of(1)[0]
    with intake.ticking(task_id, {item.key: "x"}) as ticks:
        store.write(lambda transaction: ticks.apply(transaction, [item.key], "x", "agent scaffold"))
    _edit(spec, "- [x] Collect the words of the greeting", "- [ ] Collect all the words of the greeting")
    intake.rescan()
    assert seen.marks()["Collect all the words of the greeting"] == "x"
    _edit(spec, "- [ ] Collect all the words of the greeting\n", "")
    intake.rescan()
    gone = [one for one in seen.view().items if one.removed_at is not None]
    assert [(one.text, one.mark) for one in gone] == [("Collect all the words of the greeting", "x")]


def test_a_moved_file_is_the_same_task(intake: Intake, spec: Path, seen: Seen) -> None:
    intake.rescan()
    task_id = seen.tasks()[0].id
    (spec.parent / "later").mkdir()
    spec.rename(spec.parent / "later" / "hello.md")
    intake.rescan()
    assert [(task.id, task.source_path) for task in seen.tasks()] == [(task_id, "later/hello.md")]


def test_a_deleted_file_withdraws_its_task_and_a_returned_one_brings_it_back(
    intake: Intake, spec: Path, store, seen
) -> None:
    intake.rescan()
    task_id = seen.tasks()[0].id
    text = spec.read_text()
    spec.unlink()
    intake.rescan()
    assert MigrationTracker(store).task(task_id).task.status is TaskStatus.WITHDRAWN
    spec.write_text(text)
    _settle(spec)
    intake.rescan()
    assert [(task.id, task.status) for task in seen.tasks()] == [(task_id, TaskStatus.PENDING)]


def test_a_broken_spec_is_a_row_and_what_is_no_spec_is_listed(intake: Intake, settings, seen: Seen) -> None:
    (settings.specs / "noise.md").write_bytes(b"\xff\xfe\x00\x01 not text \xff")
    (settings.specs / "notes.md").write_text("Just a note.\n")
    (settings.specs / "broken.md").write_text(SPEC_WITHOUT_PHASES)
    for path in settings.specs.iterdir():
        _settle(path)
    intake.rescan()
    assert {task.source_path: task.executable for task in seen.tasks()} == {
        "broken.md": False,
        "noise.md": False,
    }
    assert [(one.path, one.main) for one in intake.listed] == [("notes.md", None)]
    intake.rescan()
    assert [one.path for one in intake.listed] == ["notes.md"]
    (settings.specs / "notes.md").unlink()
    intake.rescan()
    assert intake.listed == ()


def test_files_of_one_task_are_one_task(intake: Intake, spec: Path, seen: Seen) -> None:
    phase = spec.with_name("greeting-phase-1.md")
    phase.write_text(spec.read_text())
    _settle(phase)
    intake.rescan()
    assert [task.source_path for task in seen.tasks()] == ["greeting.md"]
    assert [(one.path, one.main) for one in intake.listed] == [("greeting-phase-1.md", "greeting.md")]
    spec.unlink()
    intake.rescan()
    assert "greeting-phase-1.md" in [task.source_path for task in seen.tasks()]
    assert intake.listed == ()


def test_files_that_an_index_links_to_are_one_task_until_it_does_not(
    intake: Intake, spec: Path, seen: Seen
) -> None:
    phase, index = spec.with_name("page-phase-1.md"), spec.with_name("greeting-index.md")
    phase.write_text(spec.read_text())
    index.write_text("# Greeting - Master Index\n\n- [The page](page-phase-1.md)\n")
    for path in (phase, index):
        _settle(path)
    intake.rescan()
    assert [task.source_path for task in seen.tasks()] == ["greeting.md"]
    _edit(index, "page-phase-1.md", "nothing.md")
    intake.rescan()
    assert {task.source_path for task in seen.tasks()} == {"greeting.md", "page-phase-1.md"}


def test_a_task_that_never_ran_is_as_far_as_its_boxes_say(intake: Intake, spec: Path, seen: Seen) -> None:
    intake.rescan()
    assert seen.tasks()[0].status is TaskStatus.PENDING
    keys = [item.key for item in seen.view().items if item.phase]
    intake.tick(seen.tasks()[0].id, keys[0], "x", "anna")
    assert seen.tasks()[0].status is TaskStatus.IN_PROGRESS
    spec.write_text(spec.read_text().replace("- [ ]", "- [x]"))
    _settle(spec)
    intake.rescan()
    assert seen.tasks()[0].status is TaskStatus.COMPLETED
    intake.tick(seen.tasks()[0].id, keys[0], " ", "anna")
    assert seen.tasks()[0].status is TaskStatus.IN_PROGRESS


def test_opinions_of_a_family_that_differ_are_a_finding_and_make_no_revision(
    intake: Intake, spec: Path, seen: Seen, store: Store
) -> None:
    def opinions() -> list[str]:
        intake.rescan()
        return [problem.message for problem in seen.view().problems if problem.code == "I601"]

    index = spec.with_name("greeting-index.md")
    assert opinions() == []
    index.write_text("# Greeting - Master Index\n\n- **Status**: Completed\n")
    _settle(index)
    assert opinions() == ["boxes says pending, index says completed; the first counts"]
    assert (seen.tasks()[0].status, seen.tasks()[0].revision) == (TaskStatus.PENDING, 1)
    before = store.journal_after(0, 100)
    assert opinions() != []
    assert store.journal_after(0, 100) == before
    _edit(index, "Completed", "Pending")
    assert opinions() == []
    _edit(index, "Pending", "Blocked")
    assert len(opinions()) == 1
    index.unlink()
    assert opinions() == []
    assert seen.tasks()[0].revision == 1


def test_a_family_without_boxes_is_as_far_as_its_index_says(intake: Intake, settings, seen: Seen) -> None:
    main = settings.specs / "lamp-implementation.md"
    main.write_text(SPEC_WITHOUT_PHASES)
    index = settings.specs / "lamp-index.md"
    index.write_text("# Lamp - Master Index\n\n- **Status**: Completed\n")
    for path in (main, index):
        _settle(path)
    intake.rescan()
    assert [task.status for task in seen.tasks()] == [TaskStatus.COMPLETED]


def _copy(spec: Path, count: int) -> None:
    for number in range(count):
        copy = spec.parent / f"copy-{number}.md"
        copy.write_text(spec.read_text().replace("Greeting Page", f"Copy {number}"))
        _settle(copy)


def test_a_tick_need_not_wait_for_the_end_of_a_long_rescan(
    intake: Intake, spec: Path, store: Store, seen: Seen
) -> None:
    intake.rescan()
    begun, long = threading.Event(), threading.Thread(target=intake.rescan)
    task, box = seen.tasks()[0], seen.view().items_of(1)[0]
    _copy(spec, 5 * WORTH_PROCESSES)
    store.bus.subscribe(lambda entries: begun.set())
    long.start()
    assert begun.wait(60)
    intake.tick(task.id, box.key, "x", "anna")
    long.join()
    kinds = [entry.kind for entry in store.journal_after(0, 1_000)]
    assert kinds.count("spec.added") == 5 * WORTH_PROCESSES + 1
    assert "spec.added" in kinds[kinds.index("task.ticked") :]


def test_an_intake_that_is_ended_stops_in_the_middle_of_a_rescan(
    intake: Intake, spec: Path, store: Store, seen: Seen
) -> None:
    _copy(spec, 2 * WORTH_PROCESSES)
    store.bus.subscribe(lambda entries: intake.end())
    intake.rescan()
    assert 0 < len(seen.tasks()) < WORTH_PROCESSES


def test_many_files_are_read_on_all_cores_with_the_same_result(
    intake: Intake, spec: Path, seen: Seen
) -> None:
    _copy(spec, WORTH_PROCESSES)
    intake.rescan()
    titles = {task.title for task in seen.tasks()}
    assert titles == {"Greeting Page", *(f"Copy {number}" for number in range(WORTH_PROCESSES))}


def test_a_big_file_is_taken_after_the_small_ones(
    intake: Intake, spec: Path, store: Store, seen: Seen
) -> None:
    big = spec.with_name("a-big-one.md")
    big.write_text(spec.read_text().replace("Greeting Page", "Big") + " words" * (BIG_BYTES // 6))
    _settle(big)
    intake.rescan()
    taken = [entry.detail["path"] for entry in store.journal_after(0, 100) if entry.kind == "spec.added"]
    assert taken == ["greeting.md", "a-big-one.md"]
    assert all(task.executable for task in seen.tasks())


def test_an_unknown_box_is_refused(intake: Intake, spec: Path, seen: Seen) -> None:
    intake.rescan()
    with pytest.raises(NotFound):
        intake.tick(seen.tasks()[0].id, "no such box", "x", "anna")


def test_a_tick_whose_box_left_the_file_meanwhile_is_told_and_guesses_nothing(
    intake: Intake, spec: Path, store, seen
) -> None:
    intake.rescan()
    item = seen.view().items_of(2)[0]
    spec.write_text("# Something else entirely\n")
    before = spec.read_bytes()
    intake.tick(seen.tasks()[0].id, item.key, "x", "anna")
    assert spec.read_bytes() == before
    entry = store.journal_after(0, 100)[-1]
    assert (entry.kind, entry.detail["unmatched"]) == ("task.ticked", [item.key])


def test_an_edit_that_a_tick_came_upon_first_is_taken_by_the_next_rescan(
    intake: Intake, spec: Path, seen: Seen
) -> None:
    intake.rescan()
    item = seen.view().items_of(1)[0]
    _edit(spec, "- [ ] " + item.text, "- [ ] " + item.text + "\n- [ ] Sweep the floor")
    intake.tick(seen.tasks()[0].id, item.key, "x", "anna")
    _settle(spec)
    intake.rescan()
    assert seen.marks()[item.text] == "x"
    assert seen.marks()["Sweep the floor"] == " "


@pytest.mark.slow
def test_edits_and_ticks_in_any_order_lose_nothing(intake: Intake, spec: Path, seen: Seen) -> None:
    seed = 20261122
    dice = random.Random(seed)
    intake.rescan()
    task_id = seen.tasks()[0].id
    notes: dict[int, str] = {}
    for round_ in range(1000):
        if dice.random() < 0.5:
            place = dice.randrange(20)
            new = f"Note {place} of round {round_}.\n"
            if place in notes:
                _edit(spec, notes[place], new)
            else:
                _edit(spec, "## 4. Implementation Phases\n", f"## 4. Implementation Phases\n\n{new}")
            notes[place] = new
        else:
            item = dice.choice([one for one in seen.view().items if one.phase])
            intake.tick(task_id, item.key, dice.choice(["x", " "]), "anna")
            _settle(spec)
        intake.rescan()
        text = spec.read_text()
        in_file = {name: f"- [{mark}] {name}" in text for name, mark in seen.marks().items()}
        assert all(in_file.values()), f"seed {seed}, round {round_}: {in_file}"
        assert all(note in text for note in notes.values()), f"seed {seed}, round {round_}"
