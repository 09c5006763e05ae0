"""Real agents against a scripted model on loopback. Opt-in: `make test-agents` installs them."""

import json
import os
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from roadmark.executor.config import AgentSettings, Settings, load_settings
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.tracker import MigrationView

from .model import Model, serve

FOLDER = os.environ.get("ROADMARK_REAL_AGENTS")
collect_ignore_glob = [] if FOLDER else ["test_*.py"]

RESTING = frozenset(Status) - {Status.QUEUED, Status.RUNNING, Status.ROLLING_BACK, Status.CANCELLING}
SPEC = """\
# Two Steps

## 1. Project Overview
- **Feature/Component Name**: Two Steps
- **Priority**: Medium

## 4. Implementation Phases

#### Phase 1: First (1 hour)
- [ ] Take the first step

#### Phase 2: Second (1 hour)
- [ ] Take the second step

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'semi_auto'
- **confirmation_required**: true
- **max_attempts**: 2

#### AI Execution Context:
```json
{"git_branch_name": "feature/steps", "confirmation_keywords": ["done"], "timeout_seconds": 240}
```
"""


def git(repo: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=repo, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def codex_settings(base: str) -> str:
    return f"""\
model = "gpt-5.1-codex"
model_provider = "loopback"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.loopback]
name = "loopback"
base_url = "{base}/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
request_max_retries = 0
stream_max_retries = 0
"""


def opencode_settings(base: str) -> str:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{base}/v1", "apiKey": "k"},
        "models": {"fake-model": {}},
    }
    values = {"provider": {"loopback": provider}, "model": "loopback/fake-model", "share": "disabled"}
    return json.dumps(values | {"autoupdate": False, "small_model": "loopback/fake-model"})


MORE = ("OPENCODE_DISABLE_MODELS_FETCH",)
"""What spares an agent waiting for a network that is not there."""

QWEN_SETTINGS = json.dumps(
    {
        "security": {"auth": {"selectedType": "openai"}},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
    }
)


@dataclass
class World:
    """A repository, a service over it, a person who is signed in everywhere, and the model."""

    folder: Path
    model: Model
    settings: Settings
    service: Service

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    def workspace(self, migration_id: str) -> Path:
        return self.service.places.workspace(migration_id)

    def begin(self, agent: str) -> str:
        """Start the spec and confirm the start."""
        task = self.service.tracker.fleet()[0].task
        migration_id = self.service.manager.start(task.id, "anna", agent).id
        self.rest(migration_id)
        self.reply(migration_id, "done")
        return migration_id

    def reply(self, migration_id: str, text: str) -> None:
        self.service.manager.reply(migration_id, text, "anna", "test")

    def rest(self, migration_id: str, timeout_s: float = 240) -> MigrationView:
        """The migration once it waits for somebody, or is over."""
        moved = threading.Event()
        end = self.service.store.bus.subscribe(lambda entries: moved.set())
        try:
            for _ in range(100_000):
                moved.clear()
                seen = self.service.tracker.migration(migration_id)
                if seen.migration.status in RESTING:
                    return seen
                assert moved.wait(timeout_s), seen.migration
        finally:
            end()
        raise AssertionError

    def restart(self) -> None:
        """End the service in the middle and start it again over the same state."""
        self.service.stop()
        self.service = Service(self.settings)
        self.service.start("a test")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Everything under the folder of the installed agents: /tmp is another one within the sandbox."""
    installed = Path(str(FOLDER))
    folder = installed / "worlds" / uuid.uuid4().hex[:8]
    model = Model()
    server = serve(model)
    base = f"http://127.0.0.1:{server.server_port}"
    person = folder / "person"
    for name, text in (
        (".codex/config.toml", codex_settings(base)),
        (".qwen/settings.json", QWEN_SETTINGS),
        (".config/opencode/opencode.json", opencode_settings(base)),
    ):
        (person / name).parent.mkdir(parents=True)
        (person / name).write_text(text)
    for name, value in {
        "HOME": str(person),
        "PATH": f"{installed / 'node_modules' / '.bin'}:{os.environ['PATH']}",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_MODEL": "fake-model",
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": base,
    }.items():
        monkeypatch.setenv(name, value)
    repo = folder / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "app.py").write_text("print('hello')\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Begin")
    (folder / "specs").mkdir()
    spec = folder / "specs" / "steps.md"
    spec.write_text(SPEC)
    os.utime(spec, (1, 1))
    where = {"specs": folder / "specs", "repo": repo, "state_dir": folder / "state"}
    presets = ("codex-acp", "claude-acp", "opencode-acp", "qwen-acp", "qwen", "opencode")
    agents = {name: AgentSettings(name=name, kind="command", preset=name, env_pass=MORE) for name in presets}
    settings = replace(load_settings(folder, {}, where), slots=2, retry_delay_s=0.01, agents=agents)
    made = World(folder, model, settings, Service(settings))
    made.service.start("a test")
    yield made
    made.service.stop()
    server.shutdown()
    server.server_close()
