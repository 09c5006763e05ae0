"""What a spec calls success stands beside the evidence that speaks of it, and beside nothing else."""

import sys
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings
from roadmark.executor.criteria import criteria_of
from roadmark.executor.states import Status

WORDS = {"do": "write", "path": "greeting/words.py", "text": "WORDS = ['hello']\n"}
PAGE = {"do": "write", "path": "greeting/page.py", "text": "PAGE = 'hello'\n"}
DONE = {"do": "say", "text": "done\n"}
PHASES = {"1": [[WORDS, DONE]], "2": [[PAGE, DONE]]}
CRITERIA = """
## 10. Success Criteria
- [ ] `greeting/words.py` holds every word
- [ ] page.py shows them
- [ ] All tests pass
- [ ] Phase 2 is published
- [ ] Visitors smile
"""


@pytest.fixture
def driver(spec: Path, start_service, driver_of):
    spec.write_text(spec.read_text().replace("\n## 14.", f"{CRITERIA}\n## 14."))
    agents = {"script": AgentSettings(name="script", kind="scripted", options={"phases": PHASES})}
    return driver_of(start_service(agents, verify=((sys.executable, "-c", "pass"),)))


def told(driver, migration_id: str | None) -> list[list[tuple[int, str]]]:
    tracker = driver.service.tracker
    run = tracker.migration(migration_id) if migration_id else None
    found = criteria_of(tracker.task(driver.task_id()), run)
    return [[(support.phase, support.says) for support in one.supports] for one in found]


def test_each_criterion_is_linked_to_the_evidence_that_speaks_of_it(driver) -> None:
    migration_id = driver.begin("script")
    assert driver.carry_through(migration_id).status is Status.COMPLETED
    view = driver.service.tracker.migration(migration_id)
    commit = view.phases[1].published_commit
    assert told(driver, migration_id) == [
        [(1, "changed greeting/words.py")],
        [(2, "changed greeting/page.py")],
        [(1, "the operator's checks passed"), (2, "the operator's checks passed")],
        [(2, f"landed as {commit[:10]}")],
        [],
    ]


def test_a_phase_that_is_not_confirmed_speaks_for_nothing(driver) -> None:
    migration_id = driver.begin("script")
    driver.until(migration_id, Status.WAITING)
    driver.say(migration_id, "done")
    driver.until(migration_id, Status.WAITING)
    assert told(driver, migration_id) == [[], [], [], [], []]


def test_before_a_run_nothing_speaks(driver) -> None:
    assert told(driver, None) == [[], [], [], [], []]
