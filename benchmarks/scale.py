"""Measure several workers on one PostgreSQL: N migrations x 4 phases x 8 recorded steps, each step durable.

    ROADMARK_BENCH_POSTGRES=postgresql://user@host/ python benchmarks/scale.py [N]        default: 100

With 1, 2 and 4 worker processes; each has a store, a writer lane, 16 slots and its share of the migrations.
The agent is instant; leases, fences, attempts, verdicts and the journal are real. Beside it, in the same run,
DBOS on the same server where it is installed (`pip install roadmark[bench]`), with one process and with four.
A transition is one recorded step. Databases are made for the run and dropped after it; the server should have
fsync and synchronous_commit on, as it is told. Exits 1 where the bar is missed.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from instant import PHASES, STEPS, Fleet
from psycopg.conninfo import make_conninfo

SLOTS = 16
PROCESSES = (1, 2, 4)
TIMES_DBOS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process did: seconds of each step, from its first to its end, and processor seconds."""

    durations_s: list[float]
    began_s: float
    ended_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What all of them did together."""

    throughput: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def together(shares: Sequence[Share]) -> Figures:
    durations = sorted(duration for share in shares for duration in share.durations_s)
    wall_s = max(share.ended_s for share in shares) - min(share.began_s for share in shares)
    return Figures(
        throughput=len(durations) / wall_s,
        p50_ms=1000 * statistics.median(durations),
        p99_ms=1000 * durations[int(0.99 * (len(durations) - 1))],
        cpu_ms=1000 * sum(share.cpu_s for share in shares) / len(durations),
    )


@contextmanager
def database() -> Iterator[str]:
    """The address of a new database on the server."""
    server, name = os.environ["ROADMARK_BENCH_POSTGRES"], f"bench_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
        try:
            yield url_of(make_conninfo(server, dbname=name))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def url_of(conninfo: str) -> str:
    """The same address as a URL, which both contenders read."""
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    password = f":{parts['password']}" if "password" in parts else ""
    place = f"{parts.get('user', '')}{password}@/{parts['dbname']}"
    return f"postgresql://{place}?host={parts.get('host', 'localhost')}&port={parts.get('port', 5432)}"


def roadmark(folder: Path, url: str, migrations: int, processes: int) -> Figures:
    """Workers that share nothing but the database; making the tasks is not counted."""
    with Fleet(folder, SLOTS, url) as fleet:
        started = fleet.begin(migrations)
        shares = [started[number::processes] for number in range(processes)]
        figures = together(in_processes("roadmark", url, shares))
        fleet.prove(migrations)
    return figures


def dbos(folder: Path, url: str, migrations: int, processes: int) -> Figures:
    """DBOS; each process runs its share of the workflows."""
    del folder
    names = [f"migration-{number}" for number in range(migrations)]
    in_processes("dbos", url, [[]])  # makes its tables, which is not counted
    return together(in_processes("dbos", url, [names[number::processes] for number in range(processes)]))


def in_processes(name: str, url: str, shares: Sequence[Sequence[str]]) -> list[Share]:
    """Each share in a process of its own; all begin when the last of them is ready."""
    asked = [sys.executable, __file__, "--one", name, url]
    running = [
        subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in shares
    ]
    for process in running:
        assert process.stdout is not None
        while process.stdout.readline().strip() != "ready":
            assert process.poll() is None, "a worker ended before it began"
    for process, share in zip(running, shares, strict=True):
        assert process.stdin is not None
        process.stdin.write(json.dumps(share) + "\n")
        process.stdin.flush()
    answers = [process.communicate()[0] for process in running]
    return [Share(**json.loads(answer.splitlines()[-1])) for answer in answers]


def measured(work: Callable[[str], object], durations: list[float]) -> Share:
    """Say that all is ready, then work through the share that comes."""
    print("ready", flush=True)
    share = json.loads(sys.stdin.readline())
    began_s, cpu_s = time.time(), time.process_time()
    with ThreadPoolExecutor(SLOTS) as pool:
        list(pool.map(work, share))
    cpu_s = time.process_time() - cpu_s
    return Share(durations_s=durations, began_s=began_s, ended_s=time.time(), cpu_s=cpu_s)


def one_roadmark(folder: Path, url: str) -> Share:
    with Fleet(folder, SLOTS, url) as fleet:
        return measured(fleet.worker.advance, fleet.attempts.durations)


def one_dbos(folder: Path, url: str) -> Share:
    from dbos import DBOS, DBOSConfig  # only where it is installed

    del folder
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR"}
    config["run_admin_server"] = False
    DBOS(config=config)
    durations: list[float] = []

    @DBOS.step()
    def step(number: int) -> int:
        return number

    @DBOS.workflow()
    def migration(_: str) -> int:
        done = 0
        for number in range(PHASES * STEPS):
            begun = time.perf_counter()
            done += step(number)
            durations.append(time.perf_counter() - begun)
        return done

    DBOS.launch()
    share = measured(migration, durations)
    DBOS.destroy()
    return share


ONES: dict[str, Callable[[Path, str], Share]] = {"roadmark": one_roadmark, "dbos": one_dbos}


def compare(migrations: int) -> list[str]:
    """Run everything, print the table, give the bars that are missed."""
    print(f"{migrations} migrations x {PHASES} phases x {STEPS} steps, load {os.getloadavg()[0]:.1f}")
    print(f"{'':24} {'steps/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8}")
    runs: list[tuple[str, Callable[..., Figures], int]] = [
        (f"roadmark, {processes} workers", roadmark, processes) for processes in PROCESSES
    ]
    if importlib.util.find_spec("dbos"):
        runs += [("dbos, 1 process", dbos, 1), ("dbos, 4 processes", dbos, 4)]
    found = {}
    for name, run, processes in runs:
        with tempfile.TemporaryDirectory(prefix="roadmark-bench-") as folder, database() as url:
            found[name] = run(Path(folder), url, migrations, processes)
        print(row(name, found[name]), flush=True)
    return missed_bars(found)


def row(name: str, figures: Figures) -> str:
    return (
        f"{name:24} {figures.throughput:10.0f} {figures.p50_ms:8.1f} {figures.p99_ms:8.1f} "
        f"{figures.cpu_ms:8.2f}"
    )


def missed_bars(found: dict[str, Figures]) -> list[str]:
    ours = max(figures.throughput for name, figures in found.items() if name.startswith("roadmark"))
    theirs = [figures.throughput for name, figures in found.items() if name.startswith("dbos")]
    if theirs and ours < TIMES_DBOS * max(theirs):
        return [f"{ours:.0f} steps/s are below {TIMES_DBOS:g} times DBOS's {max(theirs):.0f}"]
    return []


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--one"]:
        with tempfile.TemporaryDirectory(prefix="roadmark-bench-") as folder:
            print(json.dumps(asdict(ONES[arguments[1]](Path(folder), arguments[2]))))
        return 0
    missed = compare(int(arguments[0]) if arguments else 100)
    for bar in missed:
        print(f"MISSED {bar}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
