"""Measure the engine: N migrations x 4 phases x 8 recorded steps, each durable before the next of its own.

    python benchmarks/engine.py [N ...]           default: 100 1000

The agent is instant and in this process; everything else of the embedded engine is real: the writer lane,
SQLite with synchronous=FULL, leases, attempts, verdicts, metrics and the hash-chained journal. Beside it, in
the same run, each in a process of its own: bare sqlite3 FULL with a transaction a step and one a phase, and
DBOS, Huey and Procrastinate where they are installed (`pip install roadmark[bench]`; Procrastinate needs
ROADMARK_BENCH_POSTGRES with the address of a database). A transition is one recorded step; the moves between
the phases are paid for and not counted. Exits 1 where a bar is missed.
"""

import importlib.util
import json
import logging
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from instant import PHASES, STEPS, Fleet

PLAN = f"{PHASES} phases x {STEPS} steps"
SLOTS = {"roadmark": 50, "dbos": 8, "huey": 50, "procrastinate": 16}
"""How many work at once: what served each best of 4, 8, 16, 32, 50 and 64 on 2 cores."""
REST_S = 0.5
"""Before the clock is started: processes that helped to prepare have ended then, and the disk is quiet."""
MOST_CPU_MS = 2.5
MOST_MEMORY_MB = 200
MOST_IDLE_SHARE = 0.005
WAITING = 2_000
IDLE_S, SETTLING_S = 20.0, 5.0
FOLDERS = (("specs", "specs"), ("repo", "repo"), ("state-dir", "state"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run took. Steps in all, seconds, processor seconds, milliseconds a step, peak MB."""

    steps: int
    wall_s: float
    cpu_s: float
    p50_ms: float
    p99_ms: float
    memory_mb: float

    @property
    def throughput(self) -> float:
        return self.steps / self.wall_s

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu_s / self.steps


def measured(migrations: int, work: Callable[[list[float]], None]) -> Figures:
    """Run `work`, which fills in the seconds of each step."""
    durations: list[float] = []
    time.sleep(REST_S)
    begun, cpu = time.perf_counter(), time.process_time()
    work(durations)
    ordered = sorted(durations) or [0.0]
    return Figures(
        steps=migrations * PHASES * STEPS,
        wall_s=time.perf_counter() - begun,
        cpu_s=time.process_time() - cpu,
        p50_ms=1000 * statistics.median(ordered),
        p99_ms=1000 * ordered[int(0.99 * (len(ordered) - 1))],
        memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def roadmark(folder: Path, migrations: int) -> Figures:
    """The embedded engine; preparing the tasks and starting the migrations is not counted."""
    with Fleet(folder, SLOTS["roadmark"]) as fleet:
        fleet.begin(migrations)

        figures = measured(migrations, partial(fleet.carry_out, migrations))
        fleet.prove(migrations)
    return figures


def bare_step(folder: Path, migrations: int) -> Figures:
    """sqlite3 by hand, a transaction a step."""
    return measured(migrations, lambda durations: bare(folder, migrations, durations, 1))


def bare_phase(folder: Path, migrations: int) -> Figures:
    """sqlite3 by hand, a transaction a phase."""
    return measured(migrations, lambda durations: bare(folder, migrations, durations, STEPS))


def bare(folder: Path, migrations: int, durations: list[float], steps_a_transaction: int) -> None:
    connection = make_rows(folder, migrations)
    for migration in range(migrations):
        for step in range(PHASES * STEPS):
            begun = time.perf_counter()
            if step % steps_a_transaction == 0:
                connection.execute("BEGIN IMMEDIATE")
            record(connection, migration, step)
            if step % steps_a_transaction == steps_a_transaction - 1:
                connection.execute("COMMIT")
            durations.append(time.perf_counter() - begun)
    connection.close()


def connect(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None, timeout=60)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def make_rows(folder: Path, migrations: int) -> sqlite3.Connection:
    connection = connect(folder)
    connection.execute("CREATE TABLE migrations (id INTEGER PRIMARY KEY, phase INT, step INT, version INT)")
    connection.execute(
        "CREATE TABLE journal (seq INTEGER PRIMARY KEY, at TEXT, migration INT, kind TEXT, detail TEXT)"
    )
    connection.executemany("INSERT INTO migrations VALUES (?, 0, 0, 0)", [(n,) for n in range(migrations)])
    return connection


def record(connection: sqlite3.Connection, migration: int, step: int) -> None:
    """The rows of a step, as few as can be: the migration's own change, and the journal's."""
    connection.execute(
        "UPDATE migrations SET phase = ?, step = ?, version = version + 1 WHERE id = ? AND version = ?",
        (step // STEPS, step % STEPS, migration, step),
    )
    connection.execute(
        "INSERT INTO journal (at, migration, kind, detail) VALUES (datetime(), ?, 'step', ?)",
        (migration, '{"text": "a line that an agent said"}'),
    )


def dbos(folder: Path, migrations: int) -> Figures:
    """DBOS on SQLite, a step of its own each."""
    from dbos import DBOS, DBOSConfig  # only where it is installed

    url = f"sqlite:///{folder / 'dbos.db'}"
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR"}
    config["run_admin_server"] = False
    DBOS(config=config)
    durations: list[float] = []

    @DBOS.step()
    def step(number: int) -> int:
        return number

    @DBOS.workflow()
    def migration(_: int) -> int:
        done = 0
        for number in range(PHASES * STEPS):
            begun = time.perf_counter()
            done += step(number)
            durations.append(time.perf_counter() - begun)
        return done

    DBOS.launch()

    def work(kept: list[float]) -> None:
        with ThreadPoolExecutor(SLOTS["dbos"]) as pool:
            list(pool.map(migration, range(migrations)))
        kept += durations

    figures = measured(migrations, work)
    DBOS.destroy()
    return figures


def huey(folder: Path, migrations: int) -> Figures:
    """Huey on SQLite with fsync: a step is a task that records its rows and puts the next one into the queue.

    Huey forgets a task when it takes it; the rows are written as in `bare`, by a worker's own connection.
    """
    from huey import SqliteHuey  # only where it is installed

    queue = SqliteHuey("bench", filename=str(folder / "huey.db"), fsync=True, timeout=60)
    make_rows(folder, migrations).close()
    here = threading.local()
    durations: list[float] = []
    left = migrations
    lock, over = threading.Lock(), threading.Event()

    @queue.task()
    def step(migration: int, number: int, enqueued_at: float) -> None:
        nonlocal left
        if not hasattr(here, "connection"):
            here.connection = connect(folder)
        here.connection.execute("BEGIN IMMEDIATE")
        record(here.connection, migration, number)
        here.connection.execute("COMMIT")
        durations.append(time.perf_counter() - enqueued_at)
        if number < PHASES * STEPS - 1:
            step(migration, number + 1, time.perf_counter())
            return
        with lock:
            left -= 1
            if left == 0:
                over.set()

    def work(kept: list[float]) -> None:
        for migration in range(migrations):
            step(migration, 0, time.perf_counter())
        consumer = queue.create_consumer(
            workers=SLOTS["huey"],
            worker_type="thread",
            initial_delay=0.001,
            max_delay=0.01,
            check_worker_health=False,
        )
        consumer.start()
        over.wait()
        consumer.stop()
        kept += durations

    return measured(migrations, work)


def procrastinate(folder: Path, migrations: int) -> Figures:
    """Procrastinate on PostgreSQL: a step is a job that defers its next one."""
    import asyncio

    from procrastinate import App, PsycopgConnector  # only where it is installed

    del folder
    app = App(connector=PsycopgConnector(conninfo=os.environ["ROADMARK_BENCH_POSTGRES"]))
    durations: list[float] = []

    @app.task(name="step")
    async def step(number: int, enqueued_at: float) -> None:
        durations.append(time.perf_counter() - enqueued_at)
        if number < PHASES * STEPS:
            await step.defer_async(number=number + 1, enqueued_at=time.perf_counter())

    async def run() -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            for _ in range(migrations):
                await step.defer_async(number=1, enqueued_at=time.perf_counter())
            await app.run_worker_async(
                concurrency=SLOTS["procrastinate"], wait=False, install_signal_handlers=False
            )

    def work(kept: list[float]) -> None:
        asyncio.run(run())
        kept += durations

    return measured(migrations, work)


Contender = Callable[[Path, int], Figures]
CONTENDERS: dict[str, Contender] = {
    "roadmark": roadmark,
    "bare sqlite3, a transaction a step": bare_step,
    "bare sqlite3, a transaction a phase": bare_phase,
    "dbos": dbos,
    "huey": huey,
    "procrastinate": procrastinate,
}
MOST_OF_THE_SLOW = 100
"""Migrations that the slower contenders are given; their throughput does not rise with more."""


def in_its_own_process(name: str, migrations: int) -> Figures:
    asked = [sys.executable, __file__, "--one", name, str(migrations)]
    done = subprocess.run(asked, stdout=subprocess.PIPE, check=True, text=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def available() -> list[str]:
    missing = {name for name in ("dbos", "huey", "procrastinate") if importlib.util.find_spec(name) is None}
    if not os.environ.get("ROADMARK_BENCH_POSTGRES"):
        missing.add("procrastinate")
    return [name for name in CONTENDERS if name not in missing]


def row(name: str, figures: Figures) -> str:
    return (
        f"{name:36} {figures.throughput:10.0f} {figures.cpu_ms:9.2f} {figures.p50_ms:8.2f} "
        f"{figures.p99_ms:8.2f} {figures.memory_mb:8.0f}"
    )


def compare(migrations: int) -> list[str]:
    """Run every contender, print the table, give the bars that are missed."""
    print(f"\n{migrations} migrations x {PLAN}")
    print(f"{'':36} {'steps/s':>10} {'CPU ms':>9} {'p50 ms':>8} {'p99 ms':>8} {'MB':>8}")
    found = {}
    for name in available():
        slow = name in ("dbos", "huey", "procrastinate")
        count = min(migrations, MOST_OF_THE_SLOW) if slow else migrations
        found[name] = in_its_own_process(name, count)
        print(row(f"{name} (at {count})" if count != migrations else name, found[name]), flush=True)
    return [f"{migrations}: {missed}" for missed in missed_bars(found)]


def missed_bars(found: dict[str, Figures]) -> list[str]:
    ours = found["roadmark"]
    bars = [
        ("bare sqlite3, a transaction a step", 1.0),
        ("dbos", 10.0),
        ("huey", 5.0),
    ]
    missed = [
        f"{ours.throughput:.0f} steps/s are below {times:g} times {name}"
        for name, times in bars
        if name in found and ours.throughput < times * found[name].throughput
    ]
    if ours.cpu_ms > MOST_CPU_MS:
        missed.append(f"{ours.cpu_ms:.2f} ms CPU a step are above {MOST_CPU_MS}")
    return missed


def idle() -> list[str]:
    """What 2,000 waiting migrations cost a service that has nothing to do."""
    asked = [sys.executable, __file__, "--idle"]
    done = subprocess.run(asked, stdout=subprocess.PIPE, check=True, text=True)
    memory_mb, share = json.loads(done.stdout.splitlines()[-1])
    print(
        f"\n{WAITING} waiting migrations: {memory_mb:.0f} MB, {100 * share:.1f} % of a core over {IDLE_S:g} s"
    )
    missed = []
    if memory_mb > MOST_MEMORY_MB:
        missed.append(f"{memory_mb:.0f} MB with {WAITING} waiting migrations")
    if share > MOST_IDLE_SHARE:
        missed.append(f"{100 * share:.1f} % of a core while idle")
    return missed


def measure_idle(folder: Path) -> tuple[float, float]:
    """Resident MB and share of a core of `roadmark serve` over the fleet, once it has come to rest."""
    with Fleet(folder, SLOTS["roadmark"]) as fleet:
        fleet.begin_waiting(WAITING)
    where = [f"--{name}={folder / folder_name}" for name, folder_name in FOLDERS]
    command = [sys.executable, "-m", "roadmark.cli.main", "serve", "--port=0", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        assert service.stdout is not None
        service.stdout.readline()
        time.sleep(SETTLING_S)
        before = processor_s(service.pid)
        time.sleep(IDLE_S)
        share = (processor_s(service.pid) - before) / IDLE_S
        memory_mb = resident_mb(service.pid)
        service.terminate()
    return memory_mb, share


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(arguments: Sequence[str]) -> int:
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="roadmark-bench-") as folder:
        if arguments[:1] == ["--one"]:
            print(json.dumps(asdict(CONTENDERS[arguments[1]](Path(folder), int(arguments[2])))))
            return 0
        if arguments[:1] == ["--idle"]:
            print(json.dumps(measure_idle(Path(folder))))
            return 0
    missed = [bar for count in arguments or ("100", "1000") for bar in compare(int(count))]
    missed += idle()
    for bar in missed:
        print(f"MISSED {bar}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
