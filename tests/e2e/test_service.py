"""The service as a program: started, asked over HTTP, killed, started again."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROADMARK = [sys.executable, "-m", "roadmark.cli.main"]

SPEC = """\
# Two Steps Implementation

## 1. Project Overview
- **Feature/Component Name**: Two Steps
- **Priority**: Medium
- **Estimated Time**: 2 hours

## 4. Implementation Phases

#### Phase 1: First (1 hour)
- [ ] Take the first step

#### Phase 2: Second (1 hour)
- [ ] Take the second step

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'semi_auto'
- **confirmation_required**: true
- **max_attempts**: 3

#### AI Execution Context:
```json
{
  "git_branch_name": "feature/two-steps",
  "confirmation_keywords": ["done", "fertig"],
  "timeout_seconds": TIMEOUT
}
```
"""

HONEST = """#!/bin/sh
echo "working on phase $ROADMARK_PHASE of $ROADMARK_MIGRATION, attempt $ROADMARK_ATTEMPT"
mkdir -p steps
echo "step $ROADMARK_PHASE" > "steps/$ROADMARK_PHASE.txt"
echo
echo done
"""
LIAR = "#!/bin/sh\necho done\n"
HANGING = """#!/bin/sh
echo begin > begun.txt
setsid sleep 3456 &
sleep 3456 &
trap '' TERM
while :; do sleep 3456; done
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: str, probe: Callable[[], Any], timeout_s: float = 30) -> Any:
    """What `probe` gives as soon as it is true; looked at again every 50 ms."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = probe()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def processes_with(text: str) -> list[int]:
    """Processes whose command line or environment holds the text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            held = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if text.encode() in held and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def git(repo: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=repo, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass
class Program:
    """A running service and a client of its API."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None
    token: str = ""
    log: list[str] = field(default_factory=list)

    def start(self) -> None:
        arguments = ["--specs", "specs", "--repo", "repo", "--state-dir", "state", "--port", str(self.port)]
        output = open(self.folder / "service.log", "a")  # noqa: SIM115 - it lives as long as the process
        self.process = subprocess.Popen(
            [*ROADMARK, "serve", *arguments], cwd=self.folder, stdout=output, stderr=output
        )
        output.close()
        until("the service answers", self.is_up)
        if not self.token:
            made = self.command("auth", "token", "--scopes", "read,reply,run,rollback")
            self.token = made.stdout.splitlines()[-1]

    def is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "service.log").read_text()
        try:
            return self.get("/livez")[0] == 200
        except OSError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = ["--state-dir", "state", "--specs", "specs", "--repo", "repo"]
        return subprocess.run(
            [*ROADMARK, *arguments, *options], cwd=self.folder, capture_output=True, text=True, check=False
        )

    def get(self, path: str) -> tuple[int, Any]:
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: object, **headers: str) -> tuple[int, Any]:
        return self._ask(
            "POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )

    def _ask(self, method: str, path: str, body: object, headers: dict[str, str]) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def task(self, title: str) -> dict[str, Any] | None:
        items = self.get("/api/tasks")[1]["items"]
        found = [item for item in items if item["title"] == title]
        return self.get(f"/api/tasks/{found[0]['id']}")[1] if found else None

    def begin(self, title: str = "Two Steps") -> str:
        task = until(f"task {title!r}", lambda: self.task(title))
        status, answer = self.post("/api/migration", {"task_id": task["id"]})
        assert status == 202, answer
        return str(answer["id"])

    def migration(self, migration_id: str) -> dict[str, Any]:
        return self.get(f"/api/migration/{migration_id}")[1]

    def until_status(self, migration_id: str, *wanted: str, timeout_s: float = 30) -> dict[str, Any]:
        def probe() -> dict[str, Any] | None:
            seen = self.migration(migration_id)
            return seen if seen["status"] in wanted else None

        return until(f"status {wanted}", probe, timeout_s)

    def say(self, migration_id: str, text: str) -> int:
        return self.post(f"/api/migration/{migration_id}/reply", {"text": text})[0]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    repo = tmp_path / "repo"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "app.py").write_text("print('hello')\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Begin")
    (tmp_path / "specs").mkdir()
    made = Program(tmp_path, free_port())
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()


def use_agent(program: Program, script: str, timeout_s: int = 60) -> None:
    agent = program.folder / "agent.sh"
    agent.write_text(script)
    agent.chmod(agent.stat().st_mode | stat.S_IXUSR)
    command = json.dumps([str(agent), "{prompt_file}"])
    (program.folder / "roadmark.toml").write_text(
        f'[agents.mine]\ncommand = {command}\n\n[run]\nagent = "mine"\nretry_delay_seconds = 0.05\n'
    )
    (program.folder / "specs" / "steps.md").write_text(SPEC.replace("TIMEOUT", str(timeout_s)))


def test_a_ten_line_script_carries_a_spec_out(program: Program) -> None:
    use_agent(program, HONEST)
    program.start()
    migration_id = program.begin()
    for _ in range(3):
        program.until_status(migration_id, "waiting")
        assert program.say(migration_id, "fertig") == 200
    done = program.until_status(migration_id, "completed", "failed", "blocked")
    assert done["status"] == "completed", done["reason"]
    assert done["progress"] == {"done": 2, "total": 2, "percent": 100}
    repo = program.folder / "repo"
    assert git(repo, "show", "feature/two-steps:steps/2.txt") == "step 2"
    assert len(git(repo, "rev-list", "main..feature/two-steps").splitlines()) == 2


def test_an_agent_that_says_done_and_changes_nothing_is_doubted_and_fails(program: Program) -> None:
    use_agent(program, LIAR)
    program.start()
    migration_id = program.begin()
    program.until_status(migration_id, "waiting")
    program.say(migration_id, "done")
    failed = program.until_status(migration_id, "failed", "waiting", "completed")
    assert failed["status"] == "failed"
    assert "nothing was changed" in failed["reason"]
    outcomes = [attempt["outcome"] for attempt in failed["attempts"]]
    assert outcomes == ["doubt", "doubt", "fail"]
    listed = program.command("ls", "--json")
    assert "nothing was changed" in json.loads(listed.stdout)["items"][0]["reason"]


def test_an_agent_that_hangs_is_ended_at_its_timeout_with_all_its_children(program: Program) -> None:
    use_agent(program, HANGING, timeout_s=2)
    program.start()
    migration_id = program.begin()
    program.until_status(migration_id, "waiting")
    program.say(migration_id, "done")
    failed = program.until_status(migration_id, "failed", timeout_s=60)
    assert [attempt["outcome"] for attempt in failed["attempts"]] == ["next_attempt", "next_attempt", "fail"]
    assert "took too long" in failed["reason"]
    assert processes_with(f"ROADMARK_MIGRATION={migration_id}") == []


def test_kill_9_in_the_middle_of_a_phase_loses_nothing(program: Program) -> None:
    use_agent(program, HANGING)
    program.start()
    migration_id = program.begin()
    program.until_status(migration_id, "waiting")
    assert program.say(migration_id, "done") == 200
    begun = program.folder / "state" / "workspaces" / migration_id / "begun.txt"
    until("the agent works", begun.exists)
    program.kill()
    marked = f"ROADMARK_MIGRATION={migration_id}"
    until("no process of it is alive", lambda: processes_with(marked) == [], 3)
    use_agent(program, HONEST)
    program.start()
    seen = program.until_status(migration_id, "waiting")
    assert [attempt["outcome"] for attempt in seen["attempts"]] == ["interrupted", "confirm"]
    program.say(migration_id, "done")
    program.until_status(migration_id, "waiting")
    program.say(migration_id, "done")
    program.until_status(migration_id, "completed")
    verified = program.command("audit", "verify")
    assert (verified.returncode, verified.stdout[:5]) == (0, "clean")


def test_a_second_service_on_the_same_state_is_refused_by_name(program: Program) -> None:
    use_agent(program, HONEST)
    program.start()
    arguments = ["--specs", "specs", "--repo", "repo", "--state-dir", "state", "--port", str(free_port())]
    second = subprocess.run(
        [*ROADMARK, "serve", *arguments],
        cwd=program.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert second.returncode == 1
    assert re.search(
        rf"in use by roadmark serve at http://127.0.0.1:{program.port} \(process \d+ on ", second.stderr
    )


def test_a_broken_spec_is_a_row_with_its_problems_and_cannot_start(program: Program) -> None:
    broken = SPEC.replace("TIMEOUT", "60,}").replace("#### Phase", "#### Part")
    (program.folder / "specs" / "broken.md").write_text(broken)
    program.start()
    task = until("the broken task", lambda: program.task("Two Steps"))
    assert any(problem["severity"] == "error" and problem["line"] > 0 for problem in task["problems"])
    status, problem = program.post("/api/migration", {"task_id": task["id"]})
    assert (status, problem["status"]) == (409, 409) or status == 422
    assert "broken.md" in problem["detail"]


def test_the_same_idempotency_key_starts_once(program: Program) -> None:
    use_agent(program, HONEST)
    program.start()
    task = until("the task", lambda: program.task("Two Steps"))
    first = program.post("/api/migration", {"task_id": task["id"]}, Idempotency_Key="once")
    second = program.post("/api/migration", {"task_id": task["id"]}, Idempotency_Key="once")
    assert first == second
    assert len(program.get("/api/migration")[1]["items"]) == 1


def test_it_ends_within_seconds_of_sigterm_and_goes_on_later(program: Program) -> None:
    use_agent(program, HANGING)
    program.start()
    migration_id = program.begin()
    program.until_status(migration_id, "waiting")
    program.say(migration_id, "done")
    until("the agent works", (program.folder / "state" / "workspaces" / migration_id / "begun.txt").exists)
    assert program.stop() == 0
    assert processes_with(f"ROADMARK_MIGRATION={migration_id}") == []
    use_agent(program, HONEST)
    program.start()
    seen = program.until_status(migration_id, "waiting")
    assert [attempt["outcome"] for attempt in seen["attempts"]] == ["interrupted", "confirm"]


def test_the_command_line_runs_replies_and_rolls_back_without_a_service(program: Program) -> None:
    use_agent(program, HONEST)
    assert program.command("run", "steps.md").returncode == 5
    assert program.command("reply", "steps.md", "not yet").returncode == 1
    assert program.command("reply", "steps.md", "done").returncode == 0
    assert program.command("run", "steps.md").returncode == 5
    shown = program.command("show", "steps.md")
    assert "asks:" in shown.stdout
    refused = program.command("rollback", "steps.md", "--yes")
    assert (refused.returncode, "needs a reason" in refused.stderr) == (1, True)
    preview = program.command("rollback", "steps.md", "--dry-run")
    assert "steps/1.txt" in preview.stdout
    done = program.command("rollback", "steps.md", "--yes", "--reason", "not what was meant")
    assert done.returncode == 0, done.stderr
    history = program.command("history", "steps.md")
    assert "not what was meant" in history.stdout
    assert program.command("undo", "steps.md", "--reason", "it was fine").returncode == 0


CORPUS = os.environ.get("ROADMARK_CORPUS")


@pytest.mark.skipif(not CORPUS, reason="ROADMARK_CORPUS names no corpus, beside which the seed spec lies")
def test_the_seed_is_carried_out_and_taken_back(program: Program) -> None:
    seed = next((Path(str(CORPUS)).parent / "seed").glob("*.md"))
    program.start()
    copied_at = time.monotonic()
    copy = program.folder / "specs" / seed.name
    copy.write_bytes(seed.read_bytes())
    task = until("the seed on the API", lambda: program.task("Migration Infrastructure Setup"), 5)
    assert time.monotonic() - copied_at < 2.5, "far beyond one second"
    assert [(phase["hours"], len(phase["items"])) for phase in task["phases"]] == [
        (16, 8),
        (12, 8),
        (8, 8),
        (4, 8),
    ]
    migration_id = program.begin("Migration Infrastructure Setup")
    start = program.until_status(migration_id, "waiting")
    assert start["wait"]["keywords"] == ["fertig", "done", "complete", "infrastructure ready"]
    for unclear in ("nope", "not done yet", "unfertig"):
        assert program.say(migration_id, unclear) == 422
    for answer in ("fertig", "infrastructure ready", "done", "complete", "fertig"):
        program.until_status(migration_id, "waiting")
        assert program.say(migration_id, answer) == 200
    done = program.until_status(migration_id, "completed", "failed", "blocked")
    assert done["status"] == "completed", done["reason"]
    assert done["progress"] == {"done": 32, "total": 32, "percent": 100}
    ticked = [(a, b) for a, b in zip(seed.read_bytes(), copy.read_bytes(), strict=True) if a != b]
    assert ticked == [(ord(" "), ord("x"))] * 32
    repo = program.folder / "repo"
    assert len(git(repo, "rev-list", "main..feature/migration-infrastructure").splitlines()) == 4
    checkpoints = {checkpoint["name"]: checkpoint for checkpoint in done["checkpoints"]}
    for name, ticks in (("phase-2", 16), ("start", 0)):
        body = {"id": migration_id, "to": checkpoints[name]["id"], "reason": "to see it go back"}
        assert program.post("/api/migration/rollback", body)[0] in (200, 202)
        back = until(
            f"rolled back to {name}",
            lambda expected=ticks: (
                (seen := program.migration(migration_id))["status"] == "rolled_back"
                and seen["progress"]["done"] == expected
                and seen
            ),
        )
        assert back["rollbacks"][-1]["result"]["tree"] == checkpoints[name]["tree"]
    assert copy.read_bytes() == seed.read_bytes()
