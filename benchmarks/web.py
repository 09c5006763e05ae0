"""Measure the API under load, with bare Starlette and SQLite beside it; prints a table.

    python benchmarks/web.py [tasks]        default: 2000

A server process of each kind, 32 connections from another process, keep-alive, five seconds a path. Orders
come beside the reads in the last line, so that no answer there can be one that was kept.
"""

import asyncio
import multiprocessing
import os
import resource
import shutil
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from roadmark.executor.access import SCOPES
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.service import Service
from roadmark.web.app import create_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CONNECTIONS = 32
SECONDS = 5.0
SPEC = """# Task {n}

## Implementation Phases

#### Phase 1: Work (1 hour)
- [ ] One
- [ ] Two

#### Phase 2: More work (1 hour)
- [ ] Three
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a path came to."""

    per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float


def main(tasks: int) -> None:
    """Print the table."""
    folder = Path(tempfile.mkdtemp(prefix="roadmark-bench-"))
    try:
        service, token, one = filled(folder, tasks)
        service.store.close()
        print(f"{tasks} tasks, {CONNECTIONS} connections, {os.cpu_count()} cores")
        print("path                                    requests/s    p50 ms    p99 ms   server CPU ms")
        show("bare Starlette + SQLite: one row", measure(bare, folder, "/", token))
        for path in (
            f"/api/migration/{one}",
            f"/api/migration/status?id={one}",
            "/api/migration/status",
            "/api/tasks",
        ):
            show(path.replace(one, "ID"), measure(roadmark, folder, path, token))
        show("/api/migration/ID while orders come", measure(busy, folder, f"/api/migration/{one}", token))
    finally:
        shutil.rmtree(folder)


def show(name: str, load: Load) -> None:
    """A line of the table."""
    print(
        f"{name:38} {load.per_second:11.0f} {load.p50_ms:9.2f} {load.p99_ms:9.2f} {load.server_cpu_ms:15.3f}"
    )


def filled(folder: Path, tasks: int) -> tuple[Service, str, str]:
    """A service with its tasks, a token, and the id of one migration."""
    for name in ("specs", "state"):
        (folder / name).mkdir()
    for n in range(tasks):
        path = folder / "specs" / f"task-{n}.md"
        path.write_text(SPEC.format(n=n))
        os.utime(path, (1_700_000_000, 1_700_000_000))
    service = opened(folder)
    service.intake.rescan()
    for row in service.tracker.fleet(None, 200):
        migration = service.manager.start(row.task.id, "bench")
    return service, service.access.make_token("bench", SCOPES), migration.id


def opened(folder: Path) -> Service:
    """The service over the folder, with its engine at rest."""
    agents = {"scaffold": AgentSettings(name="scaffold", kind="scaffold")}
    return Service(
        Settings(specs=folder / "specs", repo=folder / "repo", state_dir=folder / "state", agents=agents)
    )


def roadmark(folder: Path, listener: socket.socket) -> None:
    """Serve Roadmark."""
    serve(create_app(opened(folder)), listener)


def busy(folder: Path, listener: socket.socket) -> None:
    """Serve Roadmark while an order comes every ten milliseconds."""
    service = opened(folder)
    migration = service.tracker.migrations(None, 1)[0]

    async def orders() -> None:
        while True:
            for order in (service.manager.pause, service.manager.resume):
                await asyncio.to_thread(order, migration.id, "bench")
                await asyncio.sleep(0.01)

    app = create_app(service)
    serve(app, listener, orders)


def bare(folder: Path, listener: socket.socket) -> None:
    """Serve one row of the same database with nothing else around it."""
    connection = sqlite3.connect(folder / "state" / "roadmark.db", check_same_thread=False)

    async def row(request: Request) -> Response:
        del request
        query = "SELECT id, task_id, status, phase, attempt, version FROM migrations ORDER BY id LIMIT 1"
        return JSONResponse(list(connection.execute(query).fetchone()))

    serve(Starlette(routes=[Route("/", row)]), listener)


def serve(app: Starlette, listener: socket.socket, beside: Callable[[], object] | None = None) -> None:
    """Serve until the process is ended."""

    async def run() -> None:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        others = [beside()] if beside else []
        await asyncio.gather(server.serve(sockets=[listener]), *others)  # type: ignore[call-overload]

    asyncio.run(run())


def measure(kind: Callable[[Path, socket.socket], None], folder: Path, path: str, token: str) -> Load:
    """Start a server, load it, end it."""
    # With the protocol named: asyncio sets TCP_NODELAY only then, and without it each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(200)
    port = listener.getsockname()[1]
    process = multiprocessing.get_context("fork").Process(target=kind, args=(folder, listener), daemon=True)
    process.start()
    listener.close()
    asyncio.run(until_answered(port, path, token))
    before = cpu_s(process.pid or 0)
    times = asyncio.run(load(port, path, token))
    spent = cpu_s(process.pid or 0) - before
    process.terminate()
    process.join()
    ordered = sorted(times)
    return Load(
        per_second=len(ordered) / SECONDS,
        p50_ms=statistics.median(ordered) * 1000,
        p99_ms=ordered[int(0.99 * len(ordered))] * 1000,
        server_cpu_ms=spent / len(ordered) * 1000,
    )


def cpu_s(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until_answered(port: int, path: str, token: str) -> None:
    """Wait for the first good answer."""
    for _ in range(100):
        try:
            await one_request(*await asyncio.open_connection("127.0.0.1", port), request(port, path, token))
        except (OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not come up")


async def load(port: int, path: str, token: str) -> list[float]:
    """The seconds of every request of all connections."""
    end = time.perf_counter() + SECONDS
    wanted = request(port, path, token)

    async def connection() -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        times = []
        while time.perf_counter() < end:
            began = time.perf_counter()
            await one_request(reader, writer, wanted)
            times.append(time.perf_counter() - began)
        writer.close()
        return times

    found = await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return [seconds for times in found for seconds in times]


def request(port: int, path: str, token: str) -> bytes:
    """A GET, as it goes over the line."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


async def one_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: bytes) -> None:
    """Send it and read the whole answer. Ends the program where it is not a good one."""
    writer.write(wanted)
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise SystemExit(head.decode())
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    await reader.readexactly(length)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
