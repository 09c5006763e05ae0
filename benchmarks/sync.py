"""Measure both directions of sync: how soon a file is in the service, and a tick in its file.

    python benchmarks/sync.py

A real service that watches a folder; 40 files dropped, 40 boxes ticked by the API, 40 lines edited, one by
one: the time until the API shows the file or the edit, or the file shows the tick.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 40
POLL_S = 0.01
ROADMARK = (sys.executable, "-m", "roadmark.cli.main")
SPEC = "# Job {0}\n\n## Implementation Phases\n\n#### Phase 1: Sweep (1 hour)\n- [ ] Front\n- [ ] Back\n"


class Service:
    """A service of its own over a folder of specs, and its API."""

    def __init__(self, folder: Path) -> None:
        self.specs = folder / "specs"
        self.specs.mkdir()
        subprocess.run(["git", "init", "-q", "repo"], cwd=folder, check=True)
        places = ["--state-dir", "state", "--specs", "specs"]
        serve = [*ROADMARK, "serve", "--repo", "repo", *places, "--port", "0"]
        self.process = subprocess.Popen(
            serve, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        self._port = int(self.process.stdout.readline().split()[-1].rsplit(":", 1)[1])
        made = [*ROADMARK, "auth", "token", "--scopes", "read,run,admin", "--state-dir", "state"]
        token = subprocess.run(made, cwd=folder, check=True, capture_output=True, text=True).stdout
        self._token = token.splitlines()[-1]

    def ask(self, path: str, body: object = None) -> dict[str, Any]:
        """An answer of the API."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", data, headers)
        with urllib.request.urlopen(request) as answer:
            return dict(json.load(answer))

    def task(self, title: str) -> dict[str, Any] | None:
        """The task of this title as its page shows it."""
        rows = self.ask("/api/tasks?limit=100")["items"]
        found = next((row for row in rows if row["title"] == title), None)
        return self.ask(f"/api/tasks/{found['id']}") if found else None


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="roadmark-bench-") as name:
        service = Service(Path(name))
        show("a dropped file is in the service", [dropped(service, number) for number in range(ROUNDS)])
        show("a tick is in the file", [ticked(service, number) for number in range(ROUNDS)])
        show("an edit is in the service", [edited(service, number) for number in range(ROUNDS)])
        service.process.terminate()
        service.process.wait(30)


def dropped(service: Service, number: int) -> float:
    """Seconds from writing a file to its task."""
    began = time.perf_counter()
    file_of(service, number).write_text(SPEC.format(number))
    return until(lambda: service.task(f"Job {number}") is not None, began)


def ticked(service: Service, number: int) -> float:
    """Seconds from ordering a tick to the mark in the file."""
    task = service.task(f"Job {number}")
    assert task is not None
    key = next(item["key"] for item in task["phases"][0]["items"] if item["text"] == "Front")
    began = time.perf_counter()
    service.ask(f"/api/tasks/{task['id']}/tick", {"key": key, "mark": "x"})
    return until(lambda: "- [x] Front" in file_of(service, number).read_text(), began)


def edited(service: Service, number: int) -> float:
    """Seconds from saving an edit to its item."""
    began = time.perf_counter()
    file = file_of(service, number)
    file.write_text(file.read_text() + "- [ ] Roof\n")
    return until(lambda: "Roof" in str(service.task(f"Job {number}")), began)


def file_of(service: Service, number: int) -> Path:
    """The file of a job."""
    return service.specs / f"job-{number}.md"


def until(holds: Callable[[], bool], began: float) -> float:
    """Seconds from `began` until it holds, asked again and again."""
    while not holds():
        time.sleep(POLL_S)
    return time.perf_counter() - began


def show(what: str, times: list[float]) -> None:
    """A line of figures."""
    times.sort()
    p95 = times[int(0.95 * len(times))]
    print(f"{what}: p50 {statistics.median(times):.2f} s, p95 {p95:.2f} s, most {times[-1]:.2f} s")


if __name__ == "__main__":
    main()
