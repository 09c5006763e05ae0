"""Any order of orders: the executor, with real git, files and database, against a small model.

A task is dropped, edited, started, answered, sent back, left unanswered, paused, cancelled, retried, rolled
back, undone and restarted, in every order that Hypothesis thinks of. Only the engine's clock is left out.
"""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from roadmark.executor.config import AgentSettings, Settings, load_settings
from roadmark.executor.errors import RoadmarkError
from roadmark.executor.service import Service
from roadmark.executor.states import Status

from .life import NOT_ROLLED_BACK, OVER, PAUSABLE, PHASES, REPLACEABLE, Life

SPEC = """\
# Lamp Implementation

## 1. Project Overview
- **Feature/Component Name**: Lamp

{note}

## 4. Implementation Phases

#### Phase 1: Wire (1 hour)
{first}
#### Phase 2: Light (1 hour)
{second}
## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'semi_auto'
- **confirmation_required**: true
- **max_attempts**: 3
"""

WORK = [{"do": "append", "path": "lamp.txt", "text": "light\n"}, {"do": "report", "status": "done"}]
SCRIPTS = {
    "worker": [WORK],
    "late": [[{"do": "exit", "detail": "no memory"}], WORK],
    "liar": [[{"do": "report", "status": "done"}]],
    "crasher": [[{"do": "exit", "detail": "no memory"}]],
    "asker": [[{"do": "report", "status": "needs_input", "summary": "Which colour?"}]],
}
WORDS = {"yes": "done", "no": "No, not good because it flickers.", "hm": "hm"}
EXAMPLES = 500
SHARES = 4


class Hands:
    """The clock of a machine, moved by hand."""

    def __init__(self) -> None:
        self._now = datetime(2031, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def monotonic_s(self) -> float:
        return self._now.timestamp()

    def turn(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def git(repo: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=repo, check=True, capture_output=True, text=True
    )
    return done.stdout


def prepared(folder: Path) -> Path:
    """A repository and an empty state, made once and copied for each example."""
    for name in ("specs", "repo", "state"):
        (folder / name).mkdir(parents=True)
    git(folder / "repo", "init", "-q", "-b", "main")
    (folder / "repo" / "house.txt").write_text("a house\n")
    git(folder / "repo", "add", "-A")
    git(folder / "repo", "commit", "-q", "-m", "Begin")
    Service(settings_in(folder)).stop()
    return folder


def settings_in(folder: Path) -> Settings:
    flags = {"specs": folder / "specs", "repo": folder / "repo", "state_dir": folder / "state"}
    agents = {
        name: AgentSettings(name=name, kind="scripted", options={"attempts": script})
        for name, script in SCRIPTS.items()
    }
    return replace(load_settings(folder, {}, flags), agents=agents, retry_delay_s=0.0, on_failure="ask")


def checkout_in(folder: Path) -> str:
    """What must not change in the user's own checkout: its branch, the branch's commit, its files."""
    return git(folder / "repo", "status", "--porcelain=v2", "--branch")


@functools.cache
def checkout_before(template: Path) -> str:
    """The checkout that every example begins with."""
    return checkout_in(template)


class Lives(RuleBasedStateMachine):
    """One task, its migrations one after the other."""

    template: Path

    @initialize(
        agent=st.sampled_from(["worker", "worker", "worker", *sorted(SCRIPTS)]), far=st.integers(0, 3)
    )
    def begin(self, agent: str, far: int) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=self.template.parent))
        shutil.copytree(self.template, self.folder, dirs_exist_ok=True, symlinks=True)
        self.clock, self.written = Hands(), 1
        self.life: Life | None = None
        self.boxes = {1: ["draw the wire"], 2: ["hang the lamp"]}
        self.ticked: frozenset[str] = frozenset()
        self.note = "A lamp."
        self.file = self.folder / "specs" / "lamp.md"
        self._open()
        self._write()
        self.task_id = self.service.tracker.fleet()[0].task.id
        self.start(agent)
        if far:
            self.say_yes_and_work(far)

    def teardown(self) -> None:
        if not hasattr(self, "service"):
            return
        event(f"ends {self.life.status if self.life else 'before a start'}")
        assert self.service.store.verify_journal() == []
        assert checkout_in(self.folder) == checkout_before(self.template)
        self.service.stop()
        shutil.rmtree(self.folder)

    @rule(note=st.sampled_from(["A lamp.", "A lamp for the hall.", "A green lamp."]))
    def edit_the_words(self, note: str) -> None:
        self._sync()
        self.note = note
        self._write()

    @rule(phase=st.sampled_from([1, 2]))
    @precondition(lambda self: sum(map(len, self.boxes.values())) < 5)
    def add_a_box(self, phase: int) -> None:
        self._sync()
        self.boxes[phase].append(f"check it {len(self.boxes[phase])} times in part {phase}")
        if self.life is not None:
            self.life.edited(self.boxes)
        self._write()

    @rule()
    @precondition(lambda self: self.life is None or self.life.status in OVER)
    def take_away_and_drop_again(self) -> None:
        content = self.file.read_bytes()
        self.file.unlink()
        self.service.intake.rescan()
        assert self.service.tracker.task(self.task_id).task.status == "withdrawn"
        self.file.write_bytes(content)
        self._settle_file()

    @rule(agent=st.sampled_from(sorted(SCRIPTS)))
    def start(self, agent: str) -> None:
        self._sync()
        if self.life is not None and self.life.status not in REPLACEABLE:
            self._refused(lambda: self.service.manager.start(self.task_id, "anna", agent))
            return
        self.migration_id = self.service.manager.start(self.task_id, "anna", agent).id
        self.life = Life(agent, {phase: list(texts) for phase, texts in self.boxes.items()}, self.ticked)

    @rule()
    @precondition(lambda self: self.life is not None)
    def work(self) -> None:
        for _ in range(20):
            if self._status() not in ("queued", "rolling_back"):
                break
            self.service.advance(self.migration_id)
        self.life.work()

    @rule(word=st.sampled_from(sorted(WORDS)))
    @precondition(lambda self: self.life is not None)
    def reply(self, word: str) -> None:
        expected = self.life.reply(word)
        answer = lambda: self.service.manager.reply(self.migration_id, WORDS[word], "anna", "test")  # noqa: E731
        if expected in ("unclear", "nothing is asked"):
            self._refused(answer)
        else:
            assert answer().outcome == expected

    @rule(times=st.integers(1, 3))
    @precondition(lambda self: self.life is not None and self.life.status in ("queued", "waiting"))
    def say_yes_and_work(self, times: int) -> None:
        for _ in range(times):
            self.work()
            if self.life.status == "waiting":
                self.reply("yes")
        self.work()

    @rule()
    @precondition(lambda self: self.life is not None)
    def leave_it_unanswered(self) -> None:
        self.clock.turn(self.service.settings.wait_s + 1)
        self.service.manager.lapse_overdue()
        self.life.lapse()

    @rule()
    @precondition(lambda self: self.life is not None)
    def pause(self) -> None:
        pause = lambda: self.service.manager.pause(self.migration_id, "anna")  # noqa: E731
        if self._ordered(pause, self.life.status in PAUSABLE):
            self.life.status = "paused"

    @rule()
    @precondition(lambda self: self.life is not None)
    def resume(self) -> None:
        resume = lambda: self.service.manager.resume(self.migration_id, "anna")  # noqa: E731
        if self._ordered(resume, self.life.status in ("paused", "rolled_back")):
            self.life.status = "queued"

    @rule()
    @precondition(lambda self: self.life is not None)
    def retry(self) -> None:
        retry = lambda: self.service.manager.retry(self.migration_id, "anna")  # noqa: E731
        if self._ordered(retry, self.life.status == "failed"):
            self.life.retry()

    @rule()
    @precondition(lambda self: self.life is not None and self.life.checkpoints)
    def cancel(self) -> None:
        cancel = lambda: self.service.manager.cancel(self.migration_id, "anna")  # noqa: E731
        if self._ordered(cancel, self.life.status not in OVER | {"rolling_back"}):
            self.life.cancel()

    @rule(choice=st.integers(0, 5))
    @precondition(lambda self: self.life is not None and self.life.checkpoints)
    def roll_back(self, choice: int) -> None:
        names = sorted(self.life.checkpoints)
        name = names[choice % len(names)]
        request = lambda: self.service.rollbacks.request(self.migration_id, name, "it flickers", "anna")  # noqa: E731
        if self._ordered(request, self.life.status not in NOT_ROLLED_BACK):
            self.life.roll_back(name)

    @rule()
    @precondition(lambda self: self.life is not None and self.life.status == "rolled_back")
    def undo_the_rollback(self) -> None:
        self.service.rollbacks.undo(self.migration_id, "it did not flicker", "anna")
        self.life.undo()

    @rule()
    @precondition(lambda self: self.orders_since_opening > 4)
    def restart(self) -> None:
        self.service.stop()
        self._open()

    @invariant()
    def another_order_was_given(self) -> None:
        self.orders_since_opening = getattr(self, "orders_since_opening", 0) + 1

    @invariant()
    def the_rows_are_as_the_model_says(self) -> None:
        if getattr(self, "life", None) is None:
            return
        view = self.service.tracker.migration(self.migration_id)
        assert view.migration.status == self.life.status
        assert view.migration.phase == self.life.phase
        assert {run.phase: run.state.value for run in view.phases} == self.life.states
        assert {run.phase: run.attempts_used for run in view.phases} == self.life.used
        numbers = [attempt.phase for attempt in view.attempts]
        assert {phase: numbers.count(phase) for phase in PHASES} == self.life.attempts
        assert all(attempt.ended_at is not None for attempt in view.attempts)
        asked = view.wait.kind.value if view.wait is not None else None
        assert asked == self.life.question

    @invariant()
    def file_and_rows_have_the_same_boxes(self) -> None:
        if not hasattr(self, "service"):
            return
        ticked = self.life.ticked if self.life is not None else self.ticked
        there = {text for texts in self.boxes.values() for text in texts}
        lines = self.file.read_text().splitlines()
        assert {line[6:] for line in lines if line.startswith("- [x] ")} == ticked & there
        items = self.service.tracker.task(self.task_id).items
        rows = {item.text for item in items if item.mark == "x" and item.removed_at is None}
        assert rows == ticked & there

    def _open(self) -> None:
        self.service = Service(settings_in(self.folder), self.clock)
        self.service.hold("a test")
        self.orders_since_opening = 0

    def _sync(self) -> None:
        """What the model knows of ticks, for the next writing of the file."""
        if self.life is not None:
            self.ticked = self.life.ticked

    def _write(self) -> None:
        first, second = (
            "".join(f"- [{'x' if text in self.ticked else ' '}] {text}\n" for text in self.boxes[phase])
            for phase in (1, 2)
        )
        self.file.write_text(SPEC.format(note=self.note, first=first, second=second))
        self._settle_file()

    def _settle_file(self) -> None:
        """Let it be an old file with a new time: nobody is writing it any more."""
        self.written += 1
        os.utime(self.file, (self.written, self.written))
        self.service.intake.rescan()

    def _status(self) -> Status:
        return self.service.tracker.migration(self.migration_id).migration.status

    def _ordered(self, order: Callable[[], object], is_allowed: bool) -> bool:  # noqa: FBT001 - an expectation
        if is_allowed:
            order()
        else:
            self._refused(order)
        return is_allowed

    def _refused(self, order: Callable[[], object]) -> None:
        with pytest.raises(RoadmarkError):
            order()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("life") / "template")


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_every_order_of_orders_ends_as_the_model_says(template: Path, share: int) -> None:
    class Share(Lives):
        """Its own name gives it its own examples."""

    Share.template = template
    Share.__qualname__ = Share.__name__ = f"Share{share}"
    run_state_machine_as_test(
        Share,
        settings=settings(
            max_examples=EXAMPLES // SHARES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
