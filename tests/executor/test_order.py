"""What starts, and when: dependencies, slots of an agent, a time; and why something does not."""

import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.explain import explain
from roadmark.executor.service import Service
from roadmark.executor.states import Status

SPEC = """\
# {title} Implementation

## 1. Project Overview
- **Feature/Component Name**: {title}
- **Priority**: Medium
- **Dependencies**: {dependencies}

## 4. Implementation Phases

#### Phase 1: Only (1 hour)
- [ ] Do the only thing

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'full_auto'
- **confirmation_required**: false
- **git_branch_required**: false
{context}"""
GPU = """
#### AI Execution Context:
```json
{"host_label": "gpu"}
```
"""
WRITE = {"do": "write", "path": "only.txt", "text": "done\n"}
DONE = {"do": "say", "text": "done\n"}
AGENTS = {"script": AgentSettings(name="script", kind="scripted", options={"attempts": [[WRITE, DONE]]})}


def drop(settings: Settings, title: str, dependencies: str = "none", context: str = "") -> None:
    path = settings.specs / f"{title.lower().replace(' ', '-')}.md"
    path.write_text(SPEC.format(title=title, dependencies=dependencies, context=context))
    os.utime(path, (1, 1))


def begin(service: Service, name: str, agent: str = "script", **options: object) -> str:
    return service.manager.start(service.tracker.find_task(name), "anna", agent, **options).id


def go(service: Service, migration_id: str) -> None:
    """Let the agent of a migration go on, once it waits in its workspace."""
    moved = threading.Event()
    end = service.store.bus.subscribe(lambda entries: moved.set())
    while not service.tracker.migration(migration_id).attempts:
        assert moved.wait(30)
        moved.clear()
    end()
    (service.places.workspace(migration_id) / "go.txt").write_text("go\n")


def why(service: Service, migration_id: str) -> str:
    return "\n".join(explain(service.store, service.settings, migration_id))


@pytest.mark.parametrize("name", ["Ground Floor", "ground-floor", "ground-floor.md", "`ground-floor.md`"])
def test_a_task_waits_for_the_one_it_names_by_title_slug_or_path(
    settings, start_service, driver_of, name: str
) -> None:
    drop(settings, "Ground Floor")
    drop(settings, "First Floor", name)
    service = start_service(AGENTS)
    upper = begin(service, "first-floor.md")
    service._worker.advance(upper)
    assert service.tracker.migration(upper).migration.status is Status.QUEUED
    assert "'Ground Floor' (ground-floor.md), which is pending" in why(service, upper)
    lower = begin(service, "ground-floor.md")
    driver = driver_of(service)
    driver.until(upper, Status.COMPLETED)
    done = service.tracker.migration(lower).migration
    begun = service.tracker.migration(upper).attempts[0].started_at
    assert done.finished_at is not None
    assert done.finished_at <= begun


def test_a_name_that_is_nowhere_is_shown_and_holds_nothing_back(settings, start_service, driver_of) -> None:
    drop(settings, "First Floor", "Scaffolding (already implemented)")
    service = start_service(AGENTS)
    assert "No task is called 'Scaffolding" in why(service, "first-floor.md")
    driver_of(service).until(begin(service, "first-floor.md"), Status.COMPLETED)


def test_a_circle_of_dependencies_is_explained(settings, start_service) -> None:
    drop(settings, "Hen", "Egg")
    drop(settings, "Egg", "Hen")
    service = start_service(AGENTS)
    hen = begin(service, "hen.md")
    service._worker.advance(hen)
    assert service.tracker.migration(hen).migration.status is Status.QUEUED
    assert "lead back to itself: Egg -> Hen" in why(service, hen)


def test_the_threads_of_all_slots_are_there_before_there_is_work(start_service) -> None:
    before = set(threading.enumerate())
    start_service(slots=3)
    started = {thread.name for thread in set(threading.enumerate()) - before}
    assert started >= {"worker_0", "worker_1", "worker_2"}


def test_an_agent_works_in_no_more_slots_than_it_is_given(settings, start_service, driver_of) -> None:
    hang = {"attempts": [[{"do": "wait_for", "path": "go.txt"}, WRITE, DONE]], "slots": 1}
    agents = {"slow": AgentSettings(name="slow", kind="scripted", options=hang), **AGENTS}
    for title in ("One", "Two", "Three"):
        drop(settings, title)
    service = start_service(agents)
    driver = driver_of(service)
    first = begin(service, "one.md", "slow")
    driver.until(first, Status.RUNNING)
    second, other = begin(service, "two.md", "slow"), begin(service, "three.md")
    driver.until(other, Status.COMPLETED)
    assert service.tracker.migration(second).migration.status is Status.QUEUED
    assert "'slow' works in all 1 slots" in why(service, second)


def test_what_waits_for_a_slot_of_its_agent_comes_before_what_is_younger(
    settings, start_service, driver_of
) -> None:
    waiting = {"attempts": [[{"do": "wait_for", "path": "go.txt"}, WRITE, DONE]]}
    agents = {
        "limited": AgentSettings(name="limited", kind="scripted", options=waiting | {"slots": 1}),
        "other": AgentSettings(name="other", kind="scripted", options=waiting),
    }
    titles = ("one", "two", "three", "four", "five")
    for title in titles:
        drop(settings, title.title())
    service = start_service(agents, slots=2)
    driver = driver_of(service)
    first, second = begin(service, "one.md", "limited"), begin(service, "two.md", "other")
    driver.until(first, Status.RUNNING), driver.until(second, Status.RUNNING)
    held, third = begin(service, "three.md", "limited"), begin(service, "four.md", "other")
    youngest = begin(service, "five.md", "other")
    go(service, second)
    driver.until(third, Status.RUNNING)
    go(service, first)
    driver.until(held, Status.RUNNING)
    assert service.tracker.migration(youngest).migration.status is Status.QUEUED


def test_a_migration_with_a_time_is_not_taken_up_before_it(settings, start_service, driver_of) -> None:
    drop(settings, "Later")
    drop(settings, "Now")
    service = start_service(AGENTS)
    later = begin(service, "later.md", at=service.clock.now() + timedelta(hours=9))
    driver_of(service).until(begin(service, "now.md", at=service.clock.now()), Status.COMPLETED)
    assert service.tracker.migration(later).migration.status is Status.QUEUED
    assert "It is due at" in why(service, later)


def test_what_was_never_started_says_so(settings, start_service, tmp_path: Path) -> None:
    drop(settings, "Later")
    assert "was not started" in why(start_service(AGENTS), "later.md")


def test_only_a_host_with_its_label_takes_it(settings, start_service, driver_of) -> None:
    drop(settings, "Heavy", context=GPU)
    drop(settings, "Light")
    service = start_service(AGENTS, host_labels=("macos",))
    heavy = begin(service, "heavy.md")
    driver_of(service).until(begin(service, "light.md"), Status.COMPLETED)
    service._worker.advance(heavy)
    assert service.tracker.migration(heavy).migration.status is Status.QUEUED
    assert "label 'gpu' takes it; [run] host_labels of this one has: macos" in why(service, heavy)
    service.stop()
    service = start_service(AGENTS, host_labels=("macos", "gpu"))
    driver_of(service).until(heavy, Status.COMPLETED)
