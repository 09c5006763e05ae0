"""The service against agents that misbehave: nothing of them is left, nothing outside changes."""

import hashlib
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from roadmark.executor.agents import acp, command
from roadmark.executor.config import AgentSettings, load_settings
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.tracker import MigrationView
from roadmark.executor.workspace import process_tree
from roadmark.executor.workspace.sandbox import SandboxMode, probe_sandbox

from .pulse import Pulse, pulse_of

AGENTS = Path(__file__).parent / "hostile_agents.py"
ACP_AGENT = Path(__file__).parent / "hostile_acp.py"
SECRET = "ghp_" + "x9Y8" * 9
LEFT_S = 2.0
"""How long after the verdict a process of an agent may still be there."""
ANSWERED_S = 2.0
"""How long `/livez` may take: some milliseconds, but the machine may be busy with others."""
GROWN_BYTES = 128 * 1024 * 1024
RESTING = frozenset(Status) - {Status.QUEUED, Status.RUNNING, Status.ROLLING_BACK, Status.CANCELLING}
SPEC = """\
# {title}

## 1. Project Overview
- **Feature/Component Name**: {title}
- **Priority**: Medium

## 4. Implementation Phases

#### Phase 1: Only (1 hour)
- [ ] Do the work

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'semi_auto'
- **confirmation_required**: true
- **max_attempts**: {attempts}

#### AI Execution Context:
```json
{{"git_branch_name": "feature/{branch}", "confirmation_keywords": ["done"], "timeout_seconds": {timeout}}}
```
"""

CONFIRM, ASKED, DOUBT, FAILED = (
    "confirm",
    "wait_for_reply",
    "doubted: nothing was changed",
    "the agent's process failed",
)
EXPECTED = {
    "daemon": CONFIRM,
    "setsid_child": CONFIRM,
    "fork_flood": CONFIRM,
    "pipe_held": CONFIRM,
    "ignores_sigterm": "the attempt took too long",
    "long_lines": CONFIRM,
    "forged_events": ASKED,
    "forged_nonce": DOUBT,
    "lies_with_the_nonce": DOUBT,
    "spool_pipe": DOUBT,
    "spool_planted": CONFIRM,
    "git_deleted": CONFIRM,
    "git_planted": CONFIRM,
    "prints_secrets": CONFIRM,
    "half_lines": CONFIRM,
    "binary_output": CONFIRM,
    "fails": FAILED,
    "crashes": FAILED,
    "idle_success": CONFIRM,
    "links_out": CONFIRM,
    "nothing_readable": CONFIRM,
    "special_files": CONFIRM,
    "many_files": CONFIRM,
    "odd_names": CONFIRM,
    "prompt_deleted": CONFIRM,
}
"""What each leads to: a question to a person, or the reason of the failure."""

EITHER = frozenset(
    {
        *("long_lines", "forged_events", "forged_nonce", "half_lines", "binary_output"),
        *("fails", "crashes", "idle_success", "many_files", "odd_names"),
    }
)
"""Where the way of containing them makes no difference: tried in one mode."""

ACP_EXPECTED = {
    "edit:work.txt daemon:alive say:done": CONFIRM,
    "edit:work.txt junk unknown flood:5000 say:done": CONFIRM,
    "edit:work.txt storm:300 say:done": ASKED,
    "edit:work.txt errors:3000000 bigline:9000000 say:done": CONFIRM,
    "edit:work.txt half": FAILED,
    "edit:work.txt crash:3": FAILED,
    "report:00000000000000000000000000000000": DOUBT,
    "hang": "the attempt took too long",
    "wrongid": "the attempt took too long",
}


@dataclass
class Arena:
    """A service over a repository with unfinished work, and a folder beside it that nobody may touch."""

    folder: Path
    mode: SandboxMode
    service: Service
    mark: str
    """Stands in the arguments of everything that an agent starts."""
    pulse: Pulse

    @property
    def repo(self) -> Path:
        return self.folder / "repo"

    def run(self, name: str, branch: str, *, timeout_s: int = 60, attempts: int = 1) -> MigrationView:
        """Carry the phase out by this agent, up to where it rests; the agent's traces are looked at."""
        before, ours = self.outside(), set(process_tree.descendants(os.getpid()))
        spec = self.folder / "specs" / f"{branch}.md"
        spec.write_text(SPEC.format(title=branch, branch=branch, timeout=timeout_s, attempts=attempts))
        os.utime(spec, (1, 1))  # not just being written
        self.service.intake.rescan()
        task = next(row.task for row in self.service.tracker.fleet() if row.task.title == branch)
        migration_id = self.service.manager.start(task.id, "anna", name).id
        self.rest(migration_id)
        self.reply(migration_id)
        self.rest(migration_id)
        assert eventually(lambda: set(process_tree.descendants(os.getpid())) <= ours), "processes are left"
        assert eventually(lambda: carriers(migration_id, self.mark) == []), "orphans are left"
        assert self.outside() == before
        assert max(self.pulse.waits_s) < ANSWERED_S
        return self.service.tracker.migration(migration_id)

    def reply(self, migration_id: str) -> None:
        self.service.manager.reply(migration_id, "done", "anna", "test")

    def rest(self, migration_id: str) -> Status:
        """Wait on the journal until the migration rests; meanwhile the service answers others."""
        moved = threading.Event()
        end = self.service.store.bus.subscribe(lambda entries: moved.set())
        try:
            for _ in range(100_000):
                moved.clear()
                status = self.service.tracker.migration(migration_id).migration.status
                if status in RESTING:
                    return status
                assert moved.wait(60), status
        finally:
            end()
        raise AssertionError(status)

    def outside(self) -> dict[str, str]:
        """Everything but our own refs and the specs, byte by byte, with kinds and permissions."""
        spared = (
            ".git/refs/roadmark",
            ".git/objects",
            ".git/refs/heads/feature",
            ".git/logs/refs/heads/feature",
        )
        found = {}
        for root in (self.repo, self.folder / "outside"):
            for path in sorted(root.rglob("*")):
                name = str(path.relative_to(self.folder))
                if not any(f"repo/{part}" in name for part in spared):
                    found[name] = f"{path.lstat().st_mode:o} {digest(path)}"
        return found


def digest(path: Path) -> str:
    if path.is_symlink():
        return os.readlink(path)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def resident_bytes() -> int:
    """What this process holds in memory, the service in it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def eventually(condition) -> bool:
    deadline = time.monotonic() + LEFT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True


def carriers(migration_id: str, mark: str) -> list[int]:
    """Living processes with the migration in their environment or the mark in their arguments."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            held = Path("/proc", name, "environ").read_bytes() + Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            continue
        wanted = f"ROADMARK_MIGRATION={migration_id}".encode() in held or mark.encode() in held
        if wanted and process_tree.is_alive(int(name)):
            found.append(int(name))
    return found


def git(repo: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=T", "-c", "user.email=t@localhost", *arguments],
        cwd=repo,
        check=True,
        capture_output=True,
    )


def make_repository(repo: Path) -> None:
    """A checkout with a stash, a hook, staged, changed and untracked files."""
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "app.py").write_text("print('hello')\n")
    (repo / "kept.py").write_text("kept = 1\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Begin")
    (repo / "app.py").write_text("stashed\n")
    git(repo, "stash")
    (repo / "kept.py").write_text("kept = 2\n")
    git(repo, "add", "kept.py")
    (repo / "app.py").write_text("print('in the middle')\n")
    (repo / "untracked.txt").write_text("mine\n")
    (repo / ".git" / "hooks").mkdir(exist_ok=True)
    (repo / ".git" / "hooks" / "post-commit").write_text("#!/bin/sh\n")


@pytest.fixture(scope="module", params=list(SandboxMode))
def arena(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """One service for all of them: it must still be well after each."""
    mode: SandboxMode = request.param
    probe = probe_sandbox(mode)
    if probe.kind is not mode:
        pytest.skip(f"needs {mode}: {probe.detail}")
    folder = tmp_path_factory.mktemp("arena")
    make_repository(folder / "repo")
    (folder / "specs").mkdir()
    (folder / "outside").mkdir()
    (folder / "outside" / "kept.txt").write_text("not yours\n")
    where = {"specs": folder / "specs", "repo": folder / "repo", "state_dir": folder / "state"}
    settings = replace(load_settings(folder, {}, where), slots=2, retry_delay_s=0.01, sandbox=mode.value)
    mark = f"mark-{secrets.token_hex(8)}"
    named = {
        name: _command(name, mark, folder)
        for name in (*EXPECTED, "large_output", "writes_outside", "workspace_deleted")
    }
    spoken = {words: _acp(words, mark) for words in ACP_EXPECTED}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "GRACE_S", 0.2)
        patch.setattr(acp, "GRACE_S", 0.2)
        patch.setattr(acp, "CANCEL_S", 0.2)
        service = Service(replace(settings, agents={**settings.agents, **named, **spoken}))
        service.start("a test")
        with pulse_of(service) as pulse:
            yield Arena(folder, mode, service, mark, pulse)
        service.stop()


def _command(name: str, mark: str, folder: Path) -> AgentSettings:
    argv = (sys.executable, str(AGENTS), name, mark, str(folder / "outside"), "{prompt_file}")
    preset = "codex" if name == "spool_planted" else None
    return AgentSettings(name=name, kind="command", command=argv, preset=preset)


def _acp(words: str, mark: str) -> AgentSettings:
    argv = (sys.executable, str(ACP_AGENT), mark, words, str(ACP_AGENT.with_name("fake_acp.py")))
    return AgentSettings(name=words, kind="acp", command=argv)


def verdict(seen: MigrationView) -> str:
    """`confirm` where a person is asked about the work, else why it failed."""
    if seen.migration.status is Status.WAITING:
        return str(seen.attempts[-1].outcome)
    assert seen.migration.status is Status.FAILED, (seen.migration.status, seen.migration.reason)
    return str(seen.migration.reason)


@pytest.mark.parametrize("name", EXPECTED)
def test_it_is_contained_and_judged_by_the_table(name: str, arena: Arena) -> None:
    if name in EITHER and arena.mode is SandboxMode.GUARD and probe_sandbox().kind is not arena.mode:
        pytest.skip("it makes no difference here how an agent is contained")
    seen = arena.run(name, name.replace("_", "-"), timeout_s=1 if name == "ignores_sigterm" else 60)
    assert EXPECTED[name] in verdict(seen)
    log = Path(seen.attempts[0].log_path)
    assert log.stat().st_size < 66 * 1024 * 1024
    assert SECRET not in log.read_text(errors="replace")
    assert "\x1b" not in seen.migration.reason if seen.migration.reason else True
    assert arena.service.health() == {"database": True, "engine": True, "watcher": True}


@pytest.mark.slow
def test_a_gigabyte_of_output_takes_no_memory_of_the_service(arena: Arena) -> None:
    if arena.mode is SandboxMode.GUARD and probe_sandbox().kind is not arena.mode:
        pytest.skip("it makes no difference here how an agent is contained")
    before = resident_bytes()
    seen = arena.run("large_output", "gigabyte", timeout_s=600)
    assert verdict(seen) == CONFIRM
    assert resident_bytes() - before < GROWN_BYTES
    assert Path(seen.attempts[0].log_path).stat().st_size < 66 * 1024 * 1024


@pytest.mark.parametrize("words", ACP_EXPECTED)
def test_an_agent_of_the_protocol_is_contained_too(words: str, arena: Arena) -> None:
    hangs = words in ("hang", "wrongid")
    seen = arena.run(words, f"acp-{list(ACP_EXPECTED).index(words)}", timeout_s=1 if hangs else 60)
    assert ACP_EXPECTED[words] in verdict(seen)


@pytest.mark.parametrize("name", ["links_out", "git_planted", "special_files", "odd_names", "git_deleted"])
def test_its_work_lands_and_is_taken_back_without_touching_anything_else(name: str, arena: Arena) -> None:
    before = arena.outside()
    seen = arena.run(name, f"lands-{name.replace('_', '-')}")
    arena.reply(seen.migration.id)
    assert arena.rest(seen.migration.id) is Status.COMPLETED
    arena.service.rollbacks.request(seen.migration.id, "start", "to see it go back", "anna")
    assert arena.rest(seen.migration.id) is Status.ROLLED_BACK
    assert arena.outside() == before
    assert not (arena.folder / "outside" / "pwned").exists()


def test_what_it_plants_in_its_home_does_not_disturb_the_next_attempt(
    arena: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service links the person's sign-in into that home, and must not do it through the agent's links."""
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "auth.json").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path))
    seen = arena.run("spool_planted", "plants", attempts=2)
    assert verdict(seen) == CONFIRM
    before = arena.outside()
    arena.service.manager.reply(
        seen.migration.id, "not good because the second file is missing", "anna", "test"
    )
    arena.rest(seen.migration.id)
    seen = arena.service.tracker.migration(seen.migration.id)
    assert [attempt.outcome for attempt in seen.attempts] == [CONFIRM, CONFIRM]
    assert arena.outside() == before


def test_it_writes_nowhere_but_in_its_workspace(arena: Arena) -> None:
    if arena.mode is not SandboxMode.BUBBLEWRAP:
        pytest.skip("needs bubblewrap: without it nothing keeps an agent from writing where its user may")
    seen = arena.run("writes_outside", "writes-outside")
    assert verdict(seen) == CONFIRM
    assert not Path("/etc/roadmark").exists()


def test_a_workspace_that_it_deleted_is_had_again(arena: Arena) -> None:
    """In the sandbox its files go and that is a change; without it the folder goes, and is made again."""
    seen = arena.run("workspace_deleted", "workspace-deleted")
    assert verdict(seen) == CONFIRM or DOUBT in verdict(seen)
    assert arena.service.places.workspace(seen.migration.id).is_dir()


def test_secrets_reach_neither_the_database_nor_the_log(arena: Arena) -> None:
    arena.run("prints_secrets", "secrets-again")
    kept = [
        *arena.service.settings.state_dir.glob("roadmark.db*"),
        *(arena.folder / "state" / "logs").rglob("*.log"),
    ]
    assert kept
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)
