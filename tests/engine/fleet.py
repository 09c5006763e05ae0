"""Real processes that carry out migrations of one database, and what must hold of what they did."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roadmark.executor.config import load_settings
from roadmark.executor.model import Migration
from roadmark.executor.service import Service
from roadmark.executor.states import Status

LEASE_S = 2
PATIENCE_S = 60.0

SPEC = """\
# {title} Implementation

## 1. Project Overview
- **Feature/Component Name**: {title}

## 4. Implementation Phases

#### Phase 1: First (1 hour)
- [ ] Do the first part

#### Phase 2: Second (1 hour)
- [ ] Do the second part

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: '{level}'
- **confirmation_required**: {confirmed}
- **max_attempts**: 9

#### AI Execution Context:
```json
{context}
```
"""


def spec(title: str, level: str = "full_auto", host_label: str = "") -> str:
    """A spec of two phases; anything but full_auto asks a person before it begins and after each phase."""
    confirmed = str(level != "full_auto").lower()
    context = {
        "git_branch_name": f"feature/{title.lower().replace(' ', '-')}",
        "confirmation_keywords": ["done"],
        "timeout_seconds": 60,
    }
    if host_label:
        context["host_label"] = host_label
    return SPEC.format(title=title, level=level, confirmed=confirmed, context=json.dumps(context))


AGENT = """#!/bin/sh
me="$ROADMARK_MIGRATION $ROADMARK_PHASE $ROADMARK_ATTEMPT"
echo "$me" >> "{folder}/starts"
exec 9> "{folder}/alive-$ROADMARK_MIGRATION"
flock -n 9 || echo "$me" >> "{folder}/doubled"
while [ ! -e "{folder}/open" ]; do sleep 0.05; done
mkdir -p steps
echo "part $ROADMARK_PHASE" > "steps/$ROADMARK_PHASE.txt"
echo done
"""

CONFIGURATION = """\
[service]
repo = "repo"

[agents.mine]
command = ["{folder}/agent.sh"]

[run]
engine = "{engine}"
agent = "mine"
slots = 2
sandbox = "guard"
retry_delay_seconds = 0.05
lease_seconds = {lease_s}

{others}
"""


def git(repo: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    subprocess.run(["git", *identity, *arguments], cwd=repo, check=True, capture_output=True)


def until(what: str, probe: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `probe` gives as soon as it is true."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {patience_s} s: {what}")


@dataclass
class Runner:
    """A process that carries out, with its state directory and its log."""

    process: subprocess.Popen[bytes]
    state_dir: Path
    log: Path

    def name(self) -> str:
        """How its leases name their owner."""
        path = self.state_dir / "identity"
        return path.read_text() if path.exists() else "not there yet"

    def has_begun(self) -> bool:
        """Whether a worker takes what there is: one that finds no database at its start says so, and ends."""
        return "Roadmark works for" in self.log.read_text()

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Fleet:
    """Folders, and the processes that were begun in them. A context manager: all are ended."""

    folder: Path
    database_url: str
    runners: list[Runner] = field(default_factory=list)

    @property
    def is_distributed(self) -> bool:
        return bool(self.database_url)

    @property
    def _remote(self) -> Path:
        return self.folder / "remote.git"

    def __enter__(self) -> "Fleet":
        repo = self.folder / "repo"
        repo.mkdir()
        (self.folder / "specs").mkdir()
        git(repo, "init", "-q", "-b", "main")
        git(repo, "commit", "-q", "--allow-empty", "-m", "Begin")
        git(self.folder, "clone", "-q", "--bare", "repo", "remote.git")
        agent = self.folder / "agent.sh"
        agent.write_text(AGENT.format(folder=self.folder))
        agent.chmod(agent.stat().st_mode | stat.S_IXUSR)
        (self.folder / "roadmark.toml").write_text(self._configuration())
        self.desk = Service(load_settings(self.folder, {}, {"state_dir": self.folder / "state-0"}))
        return self

    def __exit__(self, *error: object) -> None:
        for runner in self.runners:
            if runner.process.poll() is None:
                runner.thaw()
                runner.kill()
        self.desk.stop()

    def _configuration(self) -> str:
        others = ""
        if self.is_distributed:
            others = (
                f'[database]\nurl = "{self.database_url}"\n\n[git]\nremote = "{self.folder}/remote.git"\n'
            )
        engine = "distributed" if self.is_distributed else "embedded"
        return CONFIGURATION.format(folder=self.folder, engine=engine, lease_s=LEASE_S, others=others)

    def begin(self, count: int, level: str = "full_auto", host_label: str = "") -> list[str]:
        """So many tasks, each with a migration that is queued."""
        for number in range(count):
            path = self.folder / "specs" / f"task-{number}.md"
            path.write_text(spec(f"Task {number}", level, host_label))
            os.utime(path, (1, 1))
        self.desk.intake.rescan()
        tasks = [row.task.id for row in self.desk.tracker.fleet()]
        return [self.desk.manager.start(task, "anna").id for task in tasks]

    def run(self, number: int, host_labels: str = "") -> Runner:
        """A process that carries out: a worker, or, alone, the service."""
        if self.is_distributed:
            return self._process(f"state-{number}", "worker", host_labels=host_labels)
        return self._process("state-0", "serve", "--port", "0")

    def serve(self, port: int) -> Runner:
        """A process that serves, and carries out where it is alone."""
        if self.is_distributed:
            return self._process("state-office", "serve", "--no-worker", "--port", str(port))
        return self._process("state-0", "serve", "--port", str(port))

    def command(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        asked = (sys.executable, "-m", "roadmark.cli.main", *arguments, "--state-dir", "state-0")
        return subprocess.run(asked, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def _process(self, state: str, *command: str, host_labels: str = "") -> Runner:
        state_dir, log = self.folder / state, self.folder / f"log-{len(self.runners)}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "roadmark.cli.main", *command, "--state-dir", str(state_dir)],
                cwd=self.folder,
                env=os.environ | {"ROADMARK_HOST_LABELS": host_labels},
                stdout=out,
                stderr=out,
            )
        self.runners.append(Runner(process, state_dir, log))
        return self.runners[-1]

    def open_gate(self) -> None:
        """Let the agents go on."""
        (self.folder / "open").touch()

    def migrations(self) -> list[Migration]:
        return [row.migration for row in self.desk.tracker.fleet() if row.migration is not None]

    def held_by(self, runner: Runner) -> list[str]:
        """The migrations that this process has, and whose agents run."""
        begun = {line.split()[0] for line in self.starts()}
        owned = (one for one in self.migrations() if (one.lease_owner or "").endswith(runner.name()))
        return [one.id for one in owned if one.id in begun]

    def starts(self) -> list[str]:
        """Migration, phase and attempt of every process that was an agent, by its own account."""
        path = self.folder / "starts"
        return path.read_text().splitlines() if path.exists() else []

    def is_over(self) -> bool:
        return all(one.status is Status.COMPLETED for one in self.migrations())

    def look_at_the_end(self) -> None:
        """Every phase is done once, every process had its row and was alone, and the journal holds."""
        assert set(Counter(self.starts()).values()) == {1}
        assert not (self.folder / "doubled").exists()
        rows = set()
        for migration in self.migrations():
            view = self.desk.tracker.migration(migration.id)
            rows |= {f"{one.migration_id} {one.phase} {one.number}" for one in view.attempts}
            assert [one.phase for one in view.attempts if one.outcome in ("done", "confirm")] == [1, 2]
            assert all(one.ended_at for one in view.attempts)
        assert set(self.starts()) <= rows
        assert self.desk.store.verify_journal() == []

    def forget(self, runner: Runner) -> None:
        """The disk of a process that is gone is gone as well."""
        shutil.rmtree(runner.state_dir)
