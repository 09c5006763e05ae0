"""What a running service keeps of what it read, and when it reads again."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from roadmark.executor.clock import SystemClock
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.events import Event
from roadmark.executor.kept import Kept
from roadmark.executor.service import Service

SPEC = """# Sweep the yard

## Implementation Phases

#### Phase 1: Sweep (1 hour)
- [ ] Front
- [ ] Back
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    for name in ("specs", "state"):
        (tmp_path / name).mkdir()
    for name in ("yard.md", "other.md"):
        path = tmp_path / "specs" / name
        path.write_text(SPEC)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    agents = {"scaffold": AgentSettings(name="scaffold", kind="scaffold")}
    made = Service(
        Settings(specs=tmp_path / "specs", repo=tmp_path / "r", state_dir=tmp_path / "state", agents=agents),
        SystemClock(),
    )
    made.intake.rescan()
    yield made
    made.store.close()


def test_a_view_is_kept_while_nothing_happens_to_its_task(service: Service) -> None:
    task_id, other = service.tracker.find_task("yard.md"), service.tracker.find_task("other.md")
    migration = service.manager.start(task_id, "anna")
    task, run = service.tracker.task(task_id), service.tracker.migration(migration.id)
    service.manager.start(other, "anna")
    service.store.record(Event(kind="agent.output", task_id=task_id, migration_id=migration.id))
    assert service.tracker.task(task_id) is task
    assert service.tracker.migration(migration.id) is run


def test_a_view_is_read_again_after_an_act_on_its_task(service: Service) -> None:
    task_id = service.tracker.find_task("yard.md")
    migration = service.manager.start(task_id, "anna")
    assert service.tracker.migration(migration.id).progress.done == 0
    box = service.tracker.task(task_id).items[0]
    service.intake.tick(task_id, box.key, "x", "anna")
    assert service.tracker.task(task_id).items[0].mark == "x"
    assert service.tracker.migration(migration.id).progress.done == 1
    assert service.tracker.timeline(task_id, 1)[0].kind == "task.ticked"


def test_a_view_is_read_again_after_another_process_acted(service: Service) -> None:
    task_id = service.tracker.find_task("yard.md")
    migration = service.manager.start(task_id, "anna")
    assert service.tracker.migration(migration.id).migration.status == "queued"
    beside = Service(service.settings)
    beside.manager.cancel(migration.id, "terminal")
    beside.store.close()
    assert service.tracker.migration(migration.id).migration.status == "cancelled"


def test_the_timeline_leaves_out_what_agents_print(service: Service) -> None:
    task_id = service.tracker.find_task("yard.md")
    for _ in range(5):
        service.store.record(Event(kind="agent.output", task_id=task_id))
    assert [entry.kind for entry in service.tracker.timeline(task_id, 3)] == ["spec.added"]


def test_the_longest_unused_goes_first() -> None:
    kept, made = Kept(2), []

    def ask(key: str, mark: int = 0) -> None:
        kept.get(key, mark, lambda: made.append((key, mark)))

    for key in ("a", "b", "a", "c", "a", "b"):
        ask(key)
    ask("b", mark=1)
    assert made == [("a", 0), ("b", 0), ("c", 0), ("b", 0), ("b", 1)]
