"""Programs that behave and programs that do not, in both ways of containing them."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from roadmark.executor.workspace import process_tree
from roadmark.executor.workspace.errors import ProcessEnded, ProcessNotStarted
from roadmark.executor.workspace.process import Command, run, spawn
from roadmark.executor.workspace.process_tree import is_alive, sweep
from roadmark.executor.workspace.sandbox import SandboxMode, probe_sandbox

DEADLINE_S = 30.0
PYTHON = sys.executable


def eventually(condition: Callable[[], bool], within_s: float = DEADLINE_S) -> bool:
    """Whether the condition comes true in time; looks often, waits for nothing else."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.005)
    return True


def carriers(mark: str) -> list[int]:
    """Living processes with MARK=mark in their environment, looked for from outside."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path("/proc", name, "environ").read_bytes()
        except OSError:
            continue
        if f"MARK={mark}".encode() in environment.split(b"\0") and is_alive(int(name)):
            found.append(int(name))
    return found


@pytest.fixture
def mark(request: pytest.FixtureRequest):
    """A value that marks this test's processes; nothing may be left of them."""
    value = f"{os.getpid()}-{id(request)}"
    yield value
    assert eventually(lambda: carriers(value) == []), "processes of this test survived it"


@pytest.fixture
def shell(mark: str, tmp_path: Path):
    """A command that runs a script of the shell, or of Python, in a folder of its own."""

    def make(script: str, *, program: tuple[str, ...] = ("sh", "-c"), **more) -> Command:
        environment = {"MARK": mark, **more.pop("environment", {})}
        return Command(
            argv=(*program, script), cwd=tmp_path, environment=environment, writable=(tmp_path,), **more
        )

    return make


def test_a_script_that_prints_done_is_read_and_its_end_known(shell, mode: SandboxMode) -> None:
    child = spawn(shell("echo working; echo oops >&2; printf done; exit 3"), mode)
    lines = []
    while child.ended is None:
        line = child.next_line(DEADLINE_S)
        if line is not None:
            lines.append((line.stream, line.text, line.truncated))

    assert sorted(lines) == [
        ("stderr", "oops", False),
        ("stdout", "done", False),
        ("stdout", "working", False),
    ]
    assert (child.ended.code, child.ended.signal) == (3, None)
    assert child.next_line(0.0) is None
    assert child.terminate(0.0) == child.ended


def test_the_end_by_a_signal_is_told(shell, mode: SandboxMode) -> None:
    ended = run(shell("kill -SEGV $$"), mode, timeout_s=DEADLINE_S)

    assert (ended.exit.code, ended.exit.signal) == (None, signal.SIGSEGV)
    assert not ended.succeeded
    assert str(ended.exit) == "signal 11"


def test_one_that_hangs_is_ended_with_all_its_children(shell, mark: str, mode: SandboxMode) -> None:
    child = spawn(
        shell("trap '' TERM INT HUP; sleep 1000 & (sleep 1000 &) ; echo ready; sleep 1000; sleep 1000"), mode
    )
    assert child.next_line(DEADLINE_S).text == "ready"

    ended = child.terminate(0.1)

    assert ended.signal == signal.SIGKILL
    assert carriers(mark) == []


def test_one_that_listens_ends_by_itself_in_its_grace(shell, mode: SandboxMode) -> None:
    script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    child = spawn(shell(script), mode)
    assert child.next_line(DEADLINE_S).text == "ready"

    ended = child.terminate(DEADLINE_S)

    assert ended.code == 7
    said = [line.text for line in iter(lambda: child.next_line(0.0), None)]
    assert "bye" in said  # the shell may also say of its own child that it was terminated


DAEMON = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            os.environ.clear()
            os.execve("/bin/sleep", ["sleep", "1000"], {})
        time.sleep(1000)
    os._exit(0)
os.wait()
print("ready", flush=True)
"""


def test_daemons_end_when_the_program_does(shell, mark: str, mode: SandboxMode) -> None:
    """Its grandchildren left its session, its group and its environment, and hold its pipes."""
    before = set(process_tree.descendants(os.getpid()))
    ended = run(shell(DAEMON, program=(PYTHON, "-c")), mode, timeout_s=DEADLINE_S)

    assert ended.succeeded, ended.output
    assert not ended.timed_out
    assert carriers(mark) == []
    assert set(process_tree.descendants(os.getpid())) <= before


def test_daemons_end_when_they_are_told(shell, mark: str, mode: SandboxMode) -> None:
    child = spawn(shell(f"{DAEMON}\ntime.sleep(1000)", program=(PYTHON, "-c")), mode)
    assert child.next_line(DEADLINE_S).text == "ready"
    assert eventually(lambda: len(process_tree.descendants(child.pid)) >= 3)
    inside = process_tree.descendants(child.pid)

    child.terminate(0.05)

    assert not any(map(is_alive, inside))


FLOOD = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(20):
    if os.fork() == 0:
        while True:  # never the same process for longer than a millisecond
            os.setsid() if os.fork() == 0 else os._exit(0)
            time.sleep(0.001)
print("ready", flush=True)
time.sleep(1000)
"""


def test_a_flood_of_forks_is_dried_up(shell, mark: str, mode: SandboxMode) -> None:
    child = spawn(shell(FLOOD, program=(PYTHON, "-c")), mode)
    assert child.next_line(DEADLINE_S).text == "ready"

    child.terminate(0.1)

    assert carriers(mark) == []


def test_a_pipe_held_open_by_a_grandchild_holds_nobody_up(shell, mode: SandboxMode) -> None:
    ended = run(shell("(setsid sleep 1000 &) ; echo done"), mode, timeout_s=DEADLINE_S)

    assert (ended.output, ended.timed_out, ended.exit.code) == ("done", False, 0)


def test_much_output_is_read_without_growing(shell, mode: SandboxMode) -> None:
    script = "head -c 100000000 /dev/zero | tr '\\0' x | fold -w 100000; echo; echo end"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ended = run(shell(script), mode, timeout_s=60.0, output_limit_bytes=10_000)

    assert ended.output.endswith("end")
    assert len(ended.output) <= 10_000
    assert ended.is_cut
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000


def test_a_line_without_end_is_cut_and_said_so(shell, mode: SandboxMode) -> None:
    child = spawn(shell("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo after"), mode)
    lines = []
    while child.ended is None:
        line = child.next_line(DEADLINE_S)
        if line is not None:
            lines.append(line)

    assert [(len(line.text), line.truncated) for line in lines] == [(4096, True), (5, False)]


def test_nobody_reading_blocks_the_program_and_not_its_end(shell, mode: SandboxMode) -> None:
    child = spawn(shell("trap '' TERM; yes; sleep 1000"), mode)
    assert child.next_line(DEADLINE_S).text == "y"

    assert child.terminate(0.05).signal == signal.SIGKILL


def test_input_is_written_while_output_is_read(shell, mode: SandboxMode) -> None:
    """More than the pipes hold goes through `cat`, which would block both sides if one waited."""
    child = spawn(shell("cat", stdin="pipe"), mode)
    text = "x" * 99
    child.write(f"{text}\n".encode() * 5000)
    child.close_input()
    count = 0
    while child.ended is None:
        line = child.next_line(DEADLINE_S)
        count += line is not None and line.text == text

    assert count == 5000
    assert child.ended.code == 0
    with pytest.raises(ProcessEnded):
        child.write(b"too late\n")


def test_writing_to_one_that_closed_its_input_is_told(
    shell, mode: SandboxMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bubblewrap keeps the other end open, so there only the time tells."""
    monkeypatch.setattr("roadmark.executor.workspace.process.WRITE_S", 0.3)
    child = spawn(shell("exec <&-; echo closed; sleep 1000", stdin="pipe"), mode)
    assert child.next_line(DEADLINE_S).text == "closed"

    with pytest.raises(ProcessEnded):
        child.write(b"x" * 1_000_000)
    child.terminate(0.0)


def test_the_end_in_the_middle_of_a_write_is_told(shell, mode: SandboxMode) -> None:
    child = spawn(shell("head -c 1 >&2; exit 3", stdin="pipe"), mode)

    with pytest.raises(ProcessEnded):
        child.write(b"x" * 10_000_000)
    assert child.terminate(0.0).code == 3


def test_input_is_closed_unless_asked_for(shell, mode: SandboxMode) -> None:
    ended = run(shell("cat; echo end"), mode, timeout_s=DEADLINE_S)

    assert ended.output == "end"
    child = spawn(shell("sleep 1000"), mode)
    with pytest.raises(ProcessEnded):
        child.write(b"x")
    child.terminate(0.0)


def test_a_timeout_keeps_what_was_said(shell, mark: str, mode: SandboxMode) -> None:
    ended = run(shell("echo before; sleep 1000"), mode, timeout_s=3.0)

    assert (ended.output, ended.timed_out, ended.succeeded) == ("before", True, False)
    assert carriers(mark) == []


def test_waiting_tells_whether_it_ended(shell, mode: SandboxMode) -> None:
    child = spawn(shell("read line; yes | head -n 100000; exit 5", stdin="pipe"), mode)
    assert child.wait(0.05) is None
    child.write(b"go\n")
    assert child.wait(DEADLINE_S).code == 5


def test_another_thread_can_end_what_one_waits_for(shell, mode: SandboxMode) -> None:
    child = spawn(shell("echo ready; sleep 1000"), mode)
    assert child.next_line(DEADLINE_S).text == "ready"
    waiter = threading.Thread(target=child.next_line, args=(DEADLINE_S * 6,))
    waiter.start()

    child.terminate(0.0)

    waiter.join(DEADLINE_S)
    assert not waiter.is_alive()


def test_one_that_takes_too_much_memory_is_ended(shell, mark: str, mode: SandboxMode) -> None:
    hungry = "held = bytearray(80_000_000); print('ready', flush=True); import time; time.sleep(1000)"
    child = spawn(shell(hungry, program=(PYTHON, "-c"), memory_limit_bytes=40_000_000), mode)
    while child.ended is None:
        child.next_line(DEADLINE_S)

    assert child.memory_exceeded
    assert child.peak_memory_bytes > 80_000_000
    assert child.ended.signal == signal.SIGKILL


def test_memory_that_many_share_counts_once(shell, mode: SandboxMode) -> None:
    shared = (
        "import os, time; held = bytearray(30_000_000)\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0: time.sleep(1000)\n"
        "print('ready', flush=True); time.sleep(1000)"
    )
    child = spawn(shell(shared, program=(PYTHON, "-c"), memory_limit_bytes=100_000_000), mode)
    assert child.next_line(DEADLINE_S).text == "ready"

    used = child.usage()
    child.terminate(0.0)

    assert 30_000_000 < used.memory_bytes < 100_000_000
    assert used.processes >= 5
    assert not child.memory_exceeded


def test_processor_time_shows_whether_it_works(shell, mode: SandboxMode) -> None:
    child = spawn(shell("echo ready; while :; do :; done"), mode)
    assert child.next_line(DEADLINE_S).text == "ready"

    assert eventually(lambda: child.usage().cpu_s > 0.1)
    child.terminate(0.0)


def test_the_environment_is_what_was_allowed(
    shell, mark: str, mode: SandboxMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "SECRET_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "SSH_AUTH_SOCK",
        "PASSED_ON",
        "LC_TIME",
        "PYTHONPATH",
    ):
        monkeypatch.setenv(name, f"value of {name}")
    command = shell(
        "env", pass_through=("PASSED_ON",), environment={"ROADMARK_PHASE": "2", "HOME": "/somewhere"}
    )
    told = dict(line.split("=", 1) for line in run(command, mode, timeout_s=DEADLINE_S).output.splitlines())

    assert told.pop("ROADMARK_PROCESS")
    for of_the_shell in ("PWD", "OLDPWD", "SHLVL", "_", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LANGUAGE"):
        told.pop(of_the_shell, None)
    assert told == {
        "PATH": os.environ["PATH"],
        "HOME": "/somewhere",
        "MARK": mark,
        "ROADMARK_PHASE": "2",
        "PASSED_ON": "value of PASSED_ON",
        "LC_TIME": "value of LC_TIME",
        "TERM": "dumb",
        "CI": "1",
        "NO_COLOR": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


@pytest.mark.parametrize("folder", ["bin", "node_modules/.bin"])
def test_a_program_finds_what_it_was_installed_with(tmp_path: Path, folder: str, mode: SandboxMode) -> None:
    """Also where that lies in the folder for temporary files, which it has another of."""
    linked, installed = tmp_path / "agents" / folder / "agent", tmp_path / "agents" / folder / "../agent/main"
    workspace = tmp_path / "workspace"
    for made in (linked.parent, installed.parent, workspace):
        made.mkdir(parents=True, exist_ok=True)
    installed.write_text('#!/bin/sh\ncat "$(dirname "$(readlink -f "$0")")/word"\n')
    installed.chmod(0o755)
    (installed.parent / "word").write_text("here\n")
    linked.symlink_to("../agent/main")
    path = f"{linked.parent}:{os.environ['PATH']}"
    for name in (str(linked), "agent"):
        command = Command(argv=(name,), cwd=workspace, environment={"PATH": path}, writable=(workspace,))
        assert run(command, mode, timeout_s=DEADLINE_S).output == "here"


@pytest.mark.parametrize("program", ["no-such-program", "./not-here", "/etc/passwd"])
def test_a_program_that_is_not_there_is_told_before_it_starts(
    tmp_path: Path, mode: SandboxMode, program: str
) -> None:
    with pytest.raises(ProcessNotStarted, match="no such program"):
        spawn(Command(argv=(program,), cwd=tmp_path), mode)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, mode: SandboxMode) -> None:
    with pytest.raises(ProcessNotStarted, match="no folder"):
        spawn(Command(argv=("true",), cwd=tmp_path / "gone"), mode)


def test_a_program_that_cannot_be_run_ends_with_an_error(tmp_path: Path, mode: SandboxMode) -> None:
    (tmp_path / "broken").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "broken").chmod(0o755)
    command = Command(argv=("./broken",), cwd=tmp_path, writable=(tmp_path,))

    ended = run(command, mode, timeout_s=DEADLINE_S)

    assert ended.exit.code not in (0, None)


SERVICE = """
import sys, threading
from pathlib import Path
from roadmark.executor.workspace.process import Command, spawn
from roadmark.executor.workspace.sandbox import SandboxMode
script, folder, mark, mode = sys.argv[1:]
folder = Path(folder)
argv, environment = (sys.executable, "-c", script), {"MARK": mark}
command = Command(argv=argv, cwd=folder, environment=environment, writable=(folder,))
children = []
def start():
    children.append(spawn(command, SandboxMode(mode)))
thread = threading.Thread(target=start)
thread.start()
thread.join()  # the thread that asked is gone; what it started must live on
assert children[0].next_line(10).text == "ready"
print("ready", flush=True)
children[0].next_line(1000)
"""


def test_nothing_outlives_a_killed_service_by_a_second(tmp_path: Path, mark: str, mode: SandboxMode) -> None:
    script = f"{DAEMON}\ntime.sleep(1000)"
    service = subprocess.Popen(
        (PYTHON, "-c", SERVICE, script, str(tmp_path), mark, mode.value), stdout=subprocess.PIPE, text=True
    )
    assert service.stdout.readline() == "ready\n"
    assert eventually(lambda: len(process_tree.descendants(service.pid)) >= 4)
    inside = process_tree.descendants(service.pid)

    service.kill()
    service.wait()

    assert eventually(lambda: not any(map(is_alive, inside)), within_s=1.0)
    service.stdout.close()


def test_a_service_killed_while_bubblewrap_sets_up_leaves_no_program(tmp_path: Path, mark: str) -> None:
    """A machine so busy that bubblewrap has not yet asked to die with its parent."""
    if probe_sandbox().kind is not SandboxMode.BUBBLEWRAP:
        pytest.skip("needs bubblewrap")
    slow = tmp_path / "bin" / "bwrap"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\nsleep 0.3\nexec {shutil.which("bwrap")} "$@"\n')
    slow.chmod(0o755)
    script = "import time; time.sleep(1000)"
    service = subprocess.Popen(
        (PYTHON, "-c", SERVICE, script, str(tmp_path), mark, SandboxMode.BUBBLEWRAP.value),
        env=os.environ | {"PATH": f"{slow.parent}:{os.environ['PATH']}"},
    )
    assert eventually(lambda: bool(carriers(mark)))

    service.kill()
    service.wait()

    assert eventually(lambda: not carriers(mark), within_s=1.0)


def test_a_service_that_ends_takes_everything_along(tmp_path: Path, mark: str, mode: SandboxMode) -> None:
    script = "print('ready', flush=True); import time; time.sleep(1000)"
    ending = SERVICE.replace("children[0].next_line(1000)", "")
    service = subprocess.run(
        (PYTHON, "-c", ending, script, str(tmp_path), mark, mode.value),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert service.returncode == 0, service.stderr.decode()
    assert eventually(lambda: carriers(mark) == [], within_s=1.0)


def test_a_killed_guard_leaves_nothing_that_kept_its_environment(shell, mark: str) -> None:
    child = spawn(shell("(setsid sleep 1000 &) ; echo ready; sleep 1000"), SandboxMode.GUARD)
    assert child.next_line(DEADLINE_S).text == "ready"
    os.kill(child.pid, signal.SIGKILL)

    assert child.wait(DEADLINE_S).signal == signal.SIGKILL
    assert carriers(mark) == []


def test_a_stopped_guard_is_ended_with_its_tree(shell, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roadmark.executor.workspace.process.KILL_S", 0.2)
    child = spawn(shell("echo ready; sleep 1000"), SandboxMode.GUARD)
    assert child.next_line(DEADLINE_S).text == "ready"
    os.kill(child.pid, signal.SIGSTOP)

    child.terminate(0.0)

    assert carriers(mark) == []


def test_a_sweep_ends_what_an_earlier_service_left(mark: str) -> None:
    def start(state: str, migration: str) -> subprocess.Popen[bytes]:
        environment = {"MARK": mark, "ROADMARK_STATE": state, "ROADMARK_MIGRATION": migration}
        return subprocess.Popen(("/bin/sleep", "1000"), env=environment, start_new_session=True)

    left = [start(mark, "one"), start(mark, "two"), start("another-state", "one")]
    assert eventually(lambda: len(carriers(mark)) == 3)

    assert sweep(mark, "one") == (left[0].pid,)
    assert [process.poll() is None for process in left[1:]] == [True, True]
    assert sweep(mark) == (left[1].pid,)
    assert sweep(mark) == ()
    assert left[2].poll() is None
    left[2].kill()
    for process in left:
        process.wait()


def test_a_sweep_spares_the_service_itself_and_those_above_it(mark: str) -> None:
    script = (
        "from roadmark.executor.workspace.process_tree import sweep; import sys; print(sweep(sys.argv[1]))"
    )
    shell = ("sh", "-c", f'"{PYTHON}" -c \'{script}\' "$1"; echo end', "sh", mark)
    ended = subprocess.run(shell, env=os.environ | {"ROADMARK_STATE": mark}, capture_output=True, check=True)

    assert ended.stdout == b"()\nend\n"


def test_the_sandbox_hides_and_protects(tmp_path: Path, mark: str) -> None:
    if probe_sandbox().kind is not SandboxMode.BUBBLEWRAP:
        pytest.skip("needs bubblewrap")
    state, workspace, repository = tmp_path / "state", tmp_path / "state/ws", tmp_path / "repository"
    for folder in (workspace, repository):
        folder.mkdir(parents=True)
    (state / "database").write_text("secret\n")
    (repository / "file.txt").write_text("theirs\n")
    alone = tmp_path / "alone.txt"
    alone.write_text("secret\n")
    script = (
        "touch mine; ls $STATE; cat $REPOSITORY/file.txt; cat $ALONE; "
        "touch $REPOSITORY/x 2>/dev/null || echo refused; touch /usr/x 2>/dev/null || echo refused; "
        "touch $STATE/x; ls /run | grep -c . ; ls -A /tmp; kill -0 $OUTSIDE 2>/dev/null || echo unseen; "
        "mount -o remount,rw / 2>/dev/null || echo refused"
    )
    command = Command(
        argv=("sh", "-c", script),
        cwd=workspace,
        environment={
            "MARK": mark,
            "STATE": str(state),
            "REPOSITORY": str(repository),
            "ALONE": str(alone),
            "OUTSIDE": str(os.getppid()),
        },
        writable=(workspace,),
        readable=(repository, alone),
        hidden=(state, alone, tmp_path / "not-there"),
        network="none",
    )

    said = run(command, SandboxMode.BUBBLEWRAP, timeout_s=DEADLINE_S).output.splitlines()

    assert said[:2] == ["ws", "theirs"]
    assert said.count("refused") == 3
    assert "unseen" in said
    assert (workspace / "mine").exists()
    assert not (state / "x").exists()
    assert not (repository / "x").exists()


def test_the_probe_says_what_there_is_and_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert probe_sandbox("guard").kind is SandboxMode.GUARD
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = probe_sandbox()
    assert refused.kind is SandboxMode.GUARD
    assert "Permission denied" in refused.detail
    fake.write_bytes(b"\x7fELF nonsense")
    assert "could not be run" in probe_sandbox("bubblewrap").detail
    fake.unlink()
    assert "not installed" in probe_sandbox().detail


def test_a_hundred_programs_at_once_cost_no_thread_each(shell, mode: SandboxMode) -> None:
    before = threading.active_count()
    children = [spawn(shell("echo ready; read line", stdin="pipe"), mode) for _ in range(30)]
    assert [child.next_line(DEADLINE_S * 3).text for child in children] == ["ready"] * 30
    assert threading.active_count() <= before + 1
    for child in children:
        child.write(b"end\n")
    assert [child.wait(DEADLINE_S).code for child in children] == [0] * 30
