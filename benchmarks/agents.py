"""A hundred light agents at once over the Agent Client Protocol: what they cost the service.

    python benchmarks/agents.py [COUNT]

First the sessions alone (a thread each, as the engine has them), then whole migrations through a service.
Memory and processor time are those of this process; the agents' own and git's are not in them.
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from roadmark.executor.agents.acp import AcpAgent
from roadmark.executor.agents.base import AgentEvent, Brief, ProcessExited, TurnEnd, TurnEnded
from roadmark.executor.agents.command import Launch
from roadmark.executor.agents.preset import read_preset
from roadmark.executor.config import AgentSettings, load_settings
from roadmark.executor.service import Service
from roadmark.executor.states import Status
from roadmark.executor.workspace.place import Place
from roadmark.executor.workspace.sandbox import SandboxMode, probe_sandbox

AGENT = """
import json, sys
def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n"); sys.stdout.flush()
def say(text):
    update = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}
    send({"method": "session/update", "params": {"sessionId": "s", "update": update}})
cwd = "."
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] == "initialize":
        send({"id": message["id"], "result": {"protocolVersion": 1, "agentCapabilities": {}}})
    if message["method"] == "session/new":
        cwd = message["params"]["cwd"]
        send({"id": message["id"], "result": {"sessionId": "s"}})
    if message["method"] == "session/prompt":
        for step in range(20):
            say(f"step {step}\\n")
        open(cwd + "/made.txt", "w").write("made\\n")
        say("done\\n")
        send({"id": message["id"], "result": {"stopReason": "end_turn"}})
"""
SPEC = """\
# Light {n}

## 1. Project Overview
- **Feature/Component Name**: Light {n}

## 4. Implementation Phases

#### Phase 1: Only (1 hour)
- [ ] Make the file

## 14. AI Auto-Implementation Instructions

#### Task Database Fields:
- **automation_level**: 'full_auto'
- **confirmation_required**: false

#### AI Execution Context:
```json
{{"git_branch_name": "feature/light-{n}", "confirmation_keywords": ["done"], "timeout_seconds": 600}}
```
"""


def resident_bytes() -> int:
    """What this process holds in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measured(what: str, work: Callable[[], int], count: int) -> None:
    """Run it and print what it took."""
    before, used, began = resident_bytes(), resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    finished = work()
    after, spent = resident_bytes(), resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime
    peak_mb, left_mb = (spent.ru_maxrss * 1024 - before) / 1e6, (after - before) / 1e6
    print(
        f"{what}: {finished} of {count} finished in {time.monotonic() - began:.1f} s; "
        f"memory {peak_mb:+.1f} MB at the peak, {left_mb:+.1f} MB after; processor {cpu_s:.2f} s"
    )


def settings_of(folder: Path) -> AgentSettings:
    """The light agent."""
    program = folder / "light.py"
    program.write_text(AGENT)
    return AgentSettings(name="light", kind="acp", command=(sys.executable, "-I", "-S", str(program)))


def sessions(folder: Path, mode: SandboxMode, count: int) -> int:
    """All sessions at once: each is started, prompted and read to the end of its turn."""
    launch = Launch(settings=settings_of(folder), preset=read_preset("generic"), mode=mode)
    all_there, ends = threading.Barrier(count), list[AgentEvent]()

    def one(number: int) -> None:
        brief = brief_of(folder, number)
        agent = AcpAgent(launch, brief)
        agent.start()
        all_there.wait()
        agent.prompt("make the file", "n")
        event: AgentEvent | None = None
        while not isinstance(event, TurnEnded | ProcessExited):
            event = agent.next_event(1.0)
        ends.append(event)
        agent.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(isinstance(end, TurnEnded) and end.end is TurnEnd.COMPLETED for end in ends)


def brief_of(folder: Path, number: int) -> Brief:
    """A workspace and a home of its own."""
    state = folder / "state"
    workspace, home = state / "workspaces" / str(number), state / "homes" / str(number)
    workspace.mkdir(parents=True)
    home.mkdir(parents=True)
    return Brief(
        workspace=workspace,
        home=home,
        place=Place(repository=folder, state_dir=state, migration=str(number)),
        spec_title="Light",
        phase=1,
        phase_name="Only",
        attempt=1,
        log_folder=state / "logs",
    )


def migrations(folder: Path, count: int) -> None:
    """Whole migrations through a service with a slot for each."""
    repo, specs = folder / "repo", folder / "specs"
    specs.mkdir()
    identity = ("-c", "user.name=B", "-c", "user.email=b@localhost")
    for arguments in (
        ("init", "-q", str(repo)),
        ("-C", str(repo), "commit", "-q", "--allow-empty", "-m", "B"),
    ):
        subprocess.run(("git", *identity, *arguments), check=True)
    for number in range(count):
        (specs / f"light-{number}.md").write_text(SPEC.format(n=number))
        os.utime(specs / f"light-{number}.md", (1, 1))
    where = {"specs": specs, "repo": repo, "state_dir": folder / "service"}
    settings = replace(load_settings(folder, {}, where), slots=count, agents={"light": settings_of(folder)})
    service = Service(settings)
    service.start("a benchmark")
    service.intake.rescan()
    try:
        measured("migrations", lambda: run_all(service), count)
    finally:
        service.stop()


def run_all(service: Service) -> int:
    """Start every task; returns how many were completed."""
    moved = threading.Event()
    service.store.bus.subscribe(lambda _: moved.set())
    started = [service.manager.start(row.task.id, "b", "light").id for row in service.tracker.fleet()]
    open_ones = set(started)
    completed = 0
    while open_ones:
        moved.wait(60)
        moved.clear()
        time.sleep(0.5)
        for migration_id in list(open_ones):
            status = service.tracker.migration(migration_id).migration.status
            if status is Status.WAITING:
                service.manager.reply(migration_id, "done", "b", "benchmark")
            elif status in (Status.COMPLETED, Status.FAILED, Status.BLOCKED):
                open_ones.discard(migration_id)
                completed += status is Status.COMPLETED
    return completed


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    mode = probe_sandbox().kind
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        sessions(Path(name), mode, 1)  # imports and the first thread are nobody's
    for kind in (mode, SandboxMode.GUARD):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
            measured(f"sessions, {kind}", partial(sessions, Path(name), kind, count), count)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        migrations(Path(name), count)


if __name__ == "__main__":
    main()
