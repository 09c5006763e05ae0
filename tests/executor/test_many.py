"""Many migrations at once through sixteen slots: all finish, none is stuck, none is done twice.

ROADMARK_SCRIPTED says how many; 24 where it is unset.
"""

import os
from collections import Counter
from pathlib import Path

from roadmark.executor.config import AgentSettings
from roadmark.executor.states import Status

from .conftest import git, wait_for

MANY = int(os.environ.get("ROADMARK_SCRIPTED", "24"))
SLOTS = 16
STUCK_S = 60.0
WORK = [{"do": "append", "path": "ticks.txt", "text": "one\n"}, {"do": "report", "status": "done"}]
AGENTS = {"once": AgentSettings(name="once", kind="scripted", options={"attempts": [WORK]})}
SPEC = """\
# Clock {number} Implementation

## 4. Implementation Phases

#### Phase 1: Tick (1 hour)
- [ ] Tick once

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'full_auto'
- **confirmation_required**: false

#### AI Execution Context:
```json
{{"git_branch_name": "feature/clock-{number}"}}
```
"""


def test_many_migrations_at_once_finish_and_none_is_done_twice(settings, start_service) -> None:
    names = [f"clock-{number}.md" for number in range(MANY)]
    for number, name in enumerate(names):
        drop(settings.specs / name, SPEC.format(number=number))
    service = start_service(AGENTS, slots=SLOTS)
    service.intake.rescan()
    begun = [service.manager.start(service.tracker.find_task(name), "anna", "once").id for name in names]

    for migration_id in begun:
        wait_for(service, migration_id, Status.COMPLETED, timeout_s=STUCK_S)

    attempts = [service.tracker.migration(migration_id).attempts for migration_id in begun]
    assert Counter(map(len, attempts)) == {1: MANY}
    for number in range(MANY):
        assert git(settings.repo, "rev-list", "--count", f"main..feature/clock-{number}") == "1"
        assert git(settings.repo, "show", f"feature/clock-{number}:ticks.txt") == "one"
    assert service.store.verify_journal() == []


def drop(path: Path, text: str) -> None:
    """A spec that nobody is writing any more."""
    path.write_text(text)
    os.utime(path, (1, 1))
