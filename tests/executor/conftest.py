"""A real repository, a spec of our own, and a service over them; waiting is done on the journal."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings, Settings, load_settings
from roadmark.executor.model import Migration
from roadmark.executor.service import Service
from roadmark.executor.states import Status

from .knowledge import check_all_knowledge

SPEC = """\
# Greeting Page Implementation

## 1. Project Overview
- **Feature/Component Name**: Greeting Page
- **Priority**: High
- **Estimated Time**: 3 hours

## 2. Technical Requirements
- **Backend Changes**:
  - Add a greeting

## 3. File Impact Analysis

#### Files to Create:
- [ ] `greeting/words.py` - The words of the greeting
- [ ] `greeting/page.py` - The page that shows the words

## 4. Implementation Phases

#### Phase 1: Words (1 hour)
- [ ] Collect the words of the greeting
- [ ] Sort the words by language

#### Phase 2: Page (2 hours)
- [ ] Show the words on a page

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'semi_auto'
- **confirmation_required**: true
- **max_attempts**: 3
- **git_branch_required**: true

#### AI Execution Context:
```json
{
  "git_branch_name": "feature/greeting",
  "confirmation_keywords": ["done", "fertig", "page ready"],
  "timeout_seconds": 60
}
```
"""

GIT_IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@localhost")


def git(repo: Path, *arguments: str) -> str:
    """What git prints."""
    done = subprocess.run(
        ["git", *GIT_IDENTITY, *arguments], cwd=repo, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def knowledge_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the writer remembers is outdated, in any test of this folder."""
    check_all_knowledge(monkeypatch)


@pytest.fixture(scope="session")
def template_repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = tmp_path_factory.mktemp("template") / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "README.md").write_text("# A repository\n")
    (repo / "app.py").write_text("print('hello')\n")
    (repo / ".gitignore").write_text("*.log\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Begin")
    return repo


@pytest.fixture
def repo(template_repo: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "repo"
    subprocess.run(["cp", "-a", str(template_repo), str(copy)], check=True)
    return copy


@pytest.fixture
def settings(tmp_path: Path, repo: Path, named_database: str) -> Settings:
    specs = tmp_path / "specs"
    specs.mkdir()
    flags = {"specs": specs, "repo": repo, "state_dir": tmp_path / "state"}
    flags["database_url"] = named_database
    loaded = load_settings(tmp_path, {}, flags)
    return replace(loaded, slots=4, retry_delay_s=0.01)


@pytest.fixture
def spec(settings: Settings) -> Path:
    path = settings.specs / "greeting.md"
    path.write_text(SPEC)
    os.utime(path, (1, 1))
    return path


Start = Callable[..., Service]


@pytest.fixture
def start_service(settings: Settings) -> Iterator[Start]:
    """Start a service; agents by name may be given as options of scripted or command agents."""
    started: list[Service] = []

    def start(agents: Mapping[str, AgentSettings] | None = None, **changes: object) -> Service:
        named = {**settings.agents, **(agents or {})}
        service = Service(replace(settings, agents=named, **changes))
        service.start("a test")
        started.append(service)
        return service

    yield start
    for service in started:
        service.stop()


def wait_for(service: Service, migration_id: str, *wanted: Status, timeout_s: float = 30) -> Migration:
    """The migration once it has one of the statuses; looked at again with every commit."""
    moved = threading.Event()
    end = service.store.bus.subscribe(lambda entries: moved.set())
    try:
        for _ in range(1000):
            moved.clear()
            migration = service.tracker.migration(migration_id).migration
            if migration.status in wanted:
                return migration
            if not moved.wait(timeout_s):
                break
    finally:
        end()
    raise AssertionError(f"still {migration.status} ({migration.reason}), wanted {wanted}")


class Driver:
    """Orders in a test's own words."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def task_id(self) -> str:
        return self.service.tracker.fleet()[0].task.id

    def begin(self, agent: str = "scaffold") -> str:
        """Start the only task; gives the migration."""
        return self.service.manager.start(self.task_id(), "anna", agent).id

    def until(self, migration_id: str, *wanted: Status) -> Migration:
        return wait_for(self.service, migration_id, *wanted)

    def say(self, migration_id: str, text: str) -> str:
        return self.service.manager.reply(migration_id, text, "anna", "test").outcome

    def carry_through(self, migration_id: str) -> Migration:
        """Say yes to everything until it is over."""
        while True:
            migration = self.until(migration_id, *_RESTING)
            if migration.status is not Status.WAITING:
                return migration
            self.say(migration_id, "fertig")


_RESTING = frozenset(Status) - {Status.QUEUED, Status.RUNNING, Status.ROLLING_BACK, Status.CANCELLING}


@pytest.fixture
def driver_of() -> type[Driver]:
    return Driver


@pytest.fixture
def driver(spec: Path, start_service: Start) -> Driver:
    return Driver(start_service())
