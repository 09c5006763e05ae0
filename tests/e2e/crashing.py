"""What the crash tests work on: folders of one service, a client that remembers what was acknowledged, and
what must hold whenever the service vanished.
"""

import http.client
import json
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROADMARK = (sys.executable, "-m", "roadmark.cli.main")
WHERE = ("--specs", "specs", "--repo", "repo", "--state-dir", "state")
AWAY = (OSError, http.client.HTTPException)
"""What a client sees of a service that vanishes."""
MOST_ATTEMPTS = 10
GONE_S = 1.0
"""For so long at most an agent lives on when its service was killed."""
STILL_S = 60.0
"""For so long at most nothing may move while something is to be done."""

SPEC = """\
# {title} Implementation

## 1. Project Overview
- **Feature/Component Name**: {title}

## 4. Implementation Phases
{phases}
## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'semi_auto'
- **confirmation_required**: true
- **max_attempts**: {most}

#### AI Execution Context:
```json
{{
  "git_branch_name": "feature/{slug}",
  "confirmation_keywords": ["done"],
  "hooks": {hooks},
  "timeout_seconds": 60
}}
```
"""

AGENT = """#!/bin/sh
me="$ROADMARK_MIGRATION $ROADMARK_PHASE $ROADMARK_ATTEMPT"
echo "$me" >> "$HOME/starts"
exec 9> "$HOME/alive"
flock -n 9 || echo "$me" >> "$HOME/doubled"
setsid sleep 345 > /dev/null 2>&1 9>&- &
sleep 0.2 9>&-
mkdir -p steps
echo "by attempt $ROADMARK_ATTEMPT" > "steps/$ROADMARK_PHASE.txt"
echo done
"""

HOOK = """#!/bin/sh
rm -f "armed-$1"
[ "$1" = revert ] && rm -f "phase-$ROADMARK_PHASE" || touch "phase-$ROADMARK_PHASE"
[ ! -e "hang-$1" ] || { rm "hang-$1"; touch hanging; exec sleep 345; }
"""
"""What a phase does outside of the files: one file more, and one less when it is taken back."""


def git(repo: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@localhost")
    asked = ("git", *identity, *arguments)
    return subprocess.run(asked, cwd=repo, check=True, capture_output=True, text=True).stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, probe: Callable[[], Any], timeout_s: float = STILL_S) -> Any:
    """What `probe` gives as soon as it is true."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {what}")


@dataclass
class Ground:
    """Folders of a service, and what it acknowledged over HTTP."""

    folder: Path
    port: int = field(default_factory=free_port)
    token: str = ""
    started: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)

    def prepare(self, slots: int = 0) -> None:
        """A repository, an agent, and a token."""
        repo = self.folder / "repo"
        repo.mkdir(parents=True)
        (self.folder / "specs").mkdir()
        git(repo, "init", "-q", "-b", "main")
        git(repo, "commit", "-q", "--allow-empty", "-m", "Begin")
        agent = self.folder / "agent.sh"
        agent.write_text(AGENT)
        agent.chmod(agent.stat().st_mode | stat.S_IXUSR)
        self._configure(slots)
        self.token = self.command("auth", "token", "--scopes", "read,reply,run,rollback").splitlines()[-1]

    def _configure(self, slots: int = 0) -> None:
        hook = self.outside / "hook.sh"
        hook.parent.mkdir()
        hook.write_text(HOOK.replace("#!/bin/sh\n", f'#!/bin/sh\ncd "{self.outside}"\n'))
        (self.folder / "roadmark.toml").write_text(
            f'[agents.mine]\ncommand = ["{self.folder / "agent.sh"}"]\n\n'
            f'[run]\nagent = "mine"\nretry_delay_seconds = 0.05\nslots = {slots}\n\n'
            f'[hooks.note]\napply = ["sh", "{hook}", "apply"]\nrevert = ["sh", "{hook}", "revert"]\n'
            f'writable = ["{self.outside}"]\n'
        )

    @property
    def outside(self) -> Path:
        """The folder that hooks change."""
        return self.folder / "outside"

    def copy(self, folder: Path) -> "Ground":
        """The same, elsewhere."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("outside"))
        made = Ground(folder, token=self.token)
        made._configure()
        return made

    def drop(self, title: str, phases: int = 2, hooks: tuple[str, ...] = ()) -> None:
        """A spec, whole from the beginning."""
        slug = title.lower().replace(" ", "-")
        written = "".join(
            f"\n#### Phase {n}: Part {n} (1 hour)\n- [ ] Do part {n}\n" for n in range(1, phases + 1)
        )
        path = self.folder / "specs" / f"{slug}.md"
        path.with_suffix(".new").write_text(
            SPEC.format(
                title=title, slug=slug, phases=written, most=MOST_ATTEMPTS, hooks=json.dumps(list(hooks))
            )
        )
        path.with_suffix(".new").replace(path)

    def serve(self) -> tuple[str, ...]:
        """The arguments that begin the service."""
        return ("serve", *WHERE, "--port", str(self.port))

    def command(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        asked = (*ROADMARK, *arguments, *WHERE)
        return subprocess.run(asked, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Straight from the file."""
        path = self.folder / "state" / "roadmark.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(query).fetchall()

    def is_up(self) -> bool:
        try:
            return self.ask("GET", "/livez")[0] == 200
        except AWAY:
            return False

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and body. Raises: one of AWAY where the service vanishes meanwhile."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def push(self) -> None:
        """Start what is not started, answer what is asked, retry what has failed. Raises: one of AWAY."""
        for (task,) in self.rows("SELECT id FROM tasks WHERE migration_id IS NULL AND executable"):
            status, body = self.ask("POST", "/api/migration", {"task_id": task})
            assert status in (202, 409), body
            if status == 202:
                self.started.add(body["id"])
        for migration, wait in self.rows("SELECT migration_id, id FROM waits WHERE closed_at IS NULL"):
            status, body = self.ask(
                "POST", f"/api/migration/{migration}/reply", {"text": "done", "wait_id": wait}
            )
            assert status in (200, 409), body
            if status == 200:
                self.answered.add(wait)
        for (migration,) in self.rows("SELECT id FROM migrations WHERE status = 'failed'"):
            status, body = self.ask("POST", f"/api/migration/{migration}/retry")
            assert status in (200, 202, 409), body

    def statuses(self) -> Counter[str]:
        """How many migrations have which status."""
        return Counter(status for (status,) in self.rows("SELECT status FROM migrations"))

    def starts(self) -> list[tuple[str, int, int]]:
        """Migration, phase and attempt of every process that was an agent, by its own account."""
        lines = [line.split() for line in self._said("starts")]
        return [(migration, int(phase), int(attempt)) for migration, phase, attempt in lines]

    def _said(self, name: str) -> list[str]:
        found = (self.folder / "state" / "homes").glob(f"*/{name}")
        return [line for path in found for line in path.read_text().splitlines()]

    def processes(self) -> list[int]:
        """Agents that live, by what they carry in their environment."""
        ours = [
            f"ROADMARK_MIGRATION={migration}".encode()
            for (migration,) in self.rows("SELECT id FROM migrations")
        ]
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                held = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(one in held for one in ours):
                found.append(int(path.parent.name))
        return found

    def look_after_a_crash(self) -> None:
        """The service is gone: so are its agents, and nothing acknowledged is."""
        deadline = time.monotonic() + GONE_S
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert left == []
        self.look_at_rows()

    def look_at_rows(self) -> None:
        """No act lost, no agent beside its row or beside another one, nothing tried too often."""
        assert self._said("doubled") == []
        rows = self.rows("SELECT migration_id, phase, number FROM attempts")
        begun = Counter(self.starts())
        assert begun.keys() <= set(rows)
        assert set(begun.values()) <= {1}
        assert self.started <= {one for (one,) in self.rows("SELECT id FROM migrations")}
        accepted = Counter(
            one for (one,) in self.rows("SELECT wait_id FROM replies WHERE outcome = 'accepted'")
        )
        assert self.answered <= accepted.keys()
        assert set(accepted.values()) <= {1}
        assert all(used <= MOST_ATTEMPTS for (used,) in self.rows("SELECT attempts_used FROM phase_runs"))

    def look_at_the_end(self, phases: int) -> None:
        """Each phase was finished once, and published once."""
        self.look_at_rows()
        assert self.rows("SELECT id FROM attempts WHERE ended_at IS NULL") == []
        finished = Counter(self.rows("SELECT migration_id, phase FROM attempts WHERE outcome = 'confirm'"))
        assert set(finished.values()) == {1}
        assert len(finished) == phases * len(self.rows("SELECT id FROM migrations"))
