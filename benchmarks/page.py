"""Measure what a task's page costs when no kept answer can be given; prints processor time a page.

    python benchmarks/page.py

The page of the example spec, made by the page's own handler: again with nothing new, after an act on another
task, and after a tick on this one, without what the act itself costs.
"""

import itertools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from roadmark.executor.access import SCOPES, Principal
from roadmark.executor.config import AgentSettings, Settings
from roadmark.executor.service import Service
from roadmark.web.app import create_app
from roadmark.web.auth import PRINCIPAL
from roadmark.web.routes.screens import task
from starlette.requests import Request

PAGES = 100
EXAMPLE = next((Path(__file__).parents[1] / "specs").glob("[!R]*.md"))


def main() -> None:
    """Print the three lines."""
    with tempfile.TemporaryDirectory(prefix="roadmark-bench-") as folder:
        service = opened(Path(folder))
        one, other = (service.tracker.find_task(name) for name in ("one.md", "other.md"))
        migration = service.manager.start(one, "bench")
        rival = service.manager.start(other, "bench")
        steps = itertools.cycle((service.manager.pause, service.manager.resume))
        marks = itertools.cycle("x ")
        box = next(item for item in service.tracker.task(one).items if item.phase)
        page = handler(service, one)
        page()
        print(f"a page of {len(page()) / 1000:.0f} kB ({migration.status})   ms of processor time")
        show("nothing new", page, lambda: None)
        show("after an act on another task", page, lambda: next(steps)(rival.id, "bench"))
        show("after a tick on this task", page, lambda: service.intake.tick(one, box.key, next(marks), "b"))
        service.store.close()


def opened(folder: Path) -> Service:
    """A service over two copies of the example."""
    for name in ("specs", "state"):
        (folder / name).mkdir()
    for name in ("one.md", "other.md"):
        path = folder / "specs" / name
        path.write_text(EXAMPLE.read_text())
        os.utime(path, (1_700_000_000, 1_700_000_000))
    agents = {"scaffold": AgentSettings(name="scaffold", kind="scaffold")}
    service = Service(
        Settings(specs=folder / "specs", repo=folder / "repo", state_dir=folder / "state", agents=agents)
    )
    service.intake.rescan()
    return service


def handler(service: Service, task_id: str) -> Callable[[], bytes]:
    """What makes the page, without what is around it."""
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": f"/tasks/{task_id}",
        "path_params": {"id": task_id},
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1")],
        "app": create_app(service),
        PRINCIPAL: Principal("bench", SCOPES),
    }
    return lambda: bytes(task(Request(dict(scope))).body)


def show(name: str, page: Callable[[], bytes], between: Callable[[], object]) -> None:
    """The mean over some pages, of this thread alone."""
    spent = 0.0
    for _ in range(PAGES):
        between()
        began = time.thread_time()
        page()
        spent += time.thread_time() - began
    print(f"{name:40} {spent / PAGES * 1000:8.2f}")


if __name__ == "__main__":
    main()
