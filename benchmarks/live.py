"""Measure the live pages: from an act to the open page, and how long open streams hold up the end.

    python benchmarks/live.py

A real service; 100 acts by the API, one at a time, while a fleet page's stream is open: the time from sending
the order to the message that changes the page. Then 100 open streams and SIGTERM.
"""

import asyncio
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ACTS = 100
STREAMS = 100
PAUSE_S = 0.3
"""Between acts, longer than the calm in which a burst becomes one message."""
ROADMARK = (sys.executable, "-m", "roadmark.cli.main")
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SPEC = "# Sweep\n\n## Implementation Phases\n\n#### Phase 1: Sweep (1 hour)\n- [ ] Front\n"


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="roadmark-bench-") as name:
        folder = Path(name)
        (folder / "specs").mkdir()
        (folder / "specs" / "sweep.md").write_text(SPEC)
        subprocess.run(["git", "init", "-q", "repo"], cwd=folder, check=True)
        serve = [
            *ROADMARK,
            "serve",
            "--repo",
            "repo",
            "--state-dir",
            "state",
            "--specs",
            "specs",
            "--port",
            "0",
        ]
        process = subprocess.Popen(
            serve, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[-1].rsplit(":", 1)[1])
        made = [*ROADMARK, "auth", "token", "--scopes", "read,run", "--state-dir", "state"]
        token = subprocess.run(made, cwd=folder, check=True, capture_output=True, text=True).stdout
        asyncio.run(measure(process, port, token.splitlines()[-1]))
        process.wait(30)


async def measure(process: subprocess.Popen[str], port: int, token: str) -> None:
    """Acts and their times, then the end."""
    task = await asyncio.to_thread(ask, port, token, "/api/tasks")
    order = {"task_id": task["items"][0]["id"]}
    migration = await asyncio.to_thread(ask, port, token, "/api/migration", order)
    page = await opened(port, token, "/live/fleet")
    arrivals: asyncio.Queue[float] = asyncio.Queue()
    noting = asyncio.create_task(note(page, arrivals))
    times = [
        await until_shown(arrivals, port, token, f"/api/migration/{migration['id']}/{name}")
        for name in ("pause", "resume") * (ACTS // 2)
    ]
    noting.cancel()
    times.sort()
    p95 = times[int(0.95 * len(times))]
    print(f"from an order to the open page: p50 {statistics.median(times):.1f} ms, p95 {p95:.1f} ms")
    streams = [await opened(port, token, "/live/fleet") for _ in range(STREAMS)]
    began = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    await asyncio.gather(*(reader.read() for reader, _ in streams))
    print(f"{STREAMS} open streams ended {time.perf_counter() - began:.2f} s after SIGTERM")


async def until_shown(arrivals: asyncio.Queue[float], port: int, token: str, order: str) -> float:
    """Milliseconds from sending the order to the end of the first message that changes the page."""
    await asyncio.sleep(PAUSE_S)
    while not arrivals.empty():
        arrivals.get_nowait()
    began = time.perf_counter()
    sent = asyncio.create_task(asyncio.to_thread(ask, port, token, order, {}))
    took = (await arrivals.get() - began) * 1000
    await sent
    return took


async def note(page: Stream, arrivals: asyncio.Queue[float]) -> None:
    """When messages that change the page arrive."""
    while True:
        if b"hx-partial" in await page[0].readuntil(b"\r\n\r\n"):
            arrivals.put_nowait(time.perf_counter())


def ask(port: int, token: str, path: str, body: object = None) -> dict[str, Any]:
    """An answer of the API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    ) as answer:
        return dict(json.load(answer))


async def opened(port: int, token: str, path: str) -> Stream:
    """A stream, its head read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


if __name__ == "__main__":
    main()
