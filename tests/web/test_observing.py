"""Figures, the audit log, the machine's state."""

import csv
import io
import re
import shutil
from pathlib import Path

import pytest
from roadmark.executor.model import Metric
from roadmark.executor.states import Move
from roadmark.executor.store.metrics import MetricRepository
from starlette.testclient import TestClient

from .conftest import Workbench


def test_prometheus_reads_migrations_waits_and_requests(bench: Workbench, api: TestClient) -> None:
    bench.asked("a.md")
    bench.start("b.md")
    for _ in range(3):
        api.get("/api/tasks")
    api.get("/api/tasks/none")
    answer = api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'roadmark_migrations{status="waiting"} 1' in lines
    assert "roadmark_waits_open 1" in lines
    assert 'roadmark_http_requests_total{method="GET",route="/api/tasks",status="200"} 3' in lines
    assert 'roadmark_http_requests_total{method="GET",route="/api/tasks/{id}",status="404"} 1' in lines
    assert 'roadmark_http_request_duration_seconds_count{route="/api/tasks"} 3' in lines
    assert 'roadmark_ready{check="engine"} 1' in lines


def test_the_exposition_is_well_formed(bench: Workbench, api: TestClient) -> None:
    api.get("/livez")
    sample = re.compile(r'[a-z_]+(\{([a-z_]+="[^"\n]*",?)*\})? [-+0-9.e]+')
    families = set()
    for line in api.get("/metrics").text.splitlines():
        if line.startswith("# "):
            families.add(line.split()[2])
            continue
        assert sample.fullmatch(line), line
        assert any(line.startswith(family) for family in families), line


def test_paths_that_nobody_knows_do_not_make_series(api: TestClient) -> None:
    for name in range(20):
        api.get(f"/api/unknown-{name}")
    text = api.get("/metrics").text
    assert "unknown-" not in text
    assert 'roadmark_http_requests_total{method="GET",route="none",status="404"} 20' in text


def measure(bench: Workbench, name: str, unit: str, *values: float) -> None:
    """As the worker keeps figures of attempts."""
    metrics = [
        Metric(name=name, value=value, unit=unit, migration_id=None, phase=1, attempt=1, at=bench.clock.now())
        for value in values
    ]
    bench.store.write(lambda t: MetricRepository(t.connection).insert(metrics))


def test_figures_are_drawn_and_stand_in_a_table_too(bench: Workbench, browser: TestClient) -> None:
    empty = browser.get("/figures").text
    assert "Nothing has run yet" in empty
    measure(bench, "attempt.duration", "s", 1.0, 2.0, 12.0)
    measure(bench, "attempt.peak_memory", "bytes", 300e6)
    run = bench.start()
    bench.manager.cancel(run.id, "anna")
    text = browser.get("/figures").text
    assert text.count("h0") == 7
    assert "half below 2 s · 95 of 100 below 12 s · target 30 s" in text
    assert "target 512 MB" in text
    assert '<td class="num">12 s</td>' in text
    assert "made for 100 at once" in text
    assert "Attempts that runs used" in text
    assert "Estimate against actual" in text
    assert "Time of runs in the queue" in text
    assert "Stopped" in text
    assert '<td>write</td><td class="num">' in text


def test_the_audit_log_is_filtered_and_paged(bench: Workbench, browser: TestClient) -> None:
    run = bench.start()
    for _ in range(60):
        bench.manager.pause(run.id, "ben")
        bench.manager.resume(run.id, "carla")
    text = browser.get("/audit").text
    assert "Tidy Shelf" in text
    assert "Spec added" not in text
    following = re.search(r"/audit\?cursor=([^&]+)&amp;", text)
    assert following
    assert "Spec added" in browser.get(f"/audit?cursor={following[1]}").text
    of_ben = browser.get("/audit?who=BEN&what=paused").text
    assert of_ben.count("<td>ben</td>") == 60
    assert "carla" not in of_ben
    assert "No entry fits" in browser.get("/audit?who=nobody").text
    assert "/audit.csv?who=BEN&amp;what=paused" in of_ben
    rows = list(csv.DictReader(io.StringIO(browser.get("/audit.csv?who=BEN&what=paused").text)))
    assert [row["actor"] for row in rows] == ["ben"] * 60


def test_no_cell_of_the_audit_table_is_a_formula(bench: Workbench, browser: TestClient) -> None:
    run = bench.start()
    bench.move(run.id, Move.CLAIM, Move.FAIL, reason="red")
    bench.manager.retry(run.id, "\uff1d1+1")
    bench.manager.cancel(run.id, '=HYPERLINK("http://evil.example")')
    answer = browser.get("/audit.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["seq"]) for row in rows] == list(range(bench.tracker.last_seq(), 0, -1))
    assert rows[0]["actor"] == '\'=HYPERLINK("http://evil.example")'
    assert "'\uff1d1+1" in {row["actor"] for row in rows}
    assert all(row["hash"] for row in rows)


def test_the_doctor_names_parts_and_checks(bench: Workbench, browser: TestClient) -> None:
    bench.checks["watcher"] = False
    text = browser.get("/doctor").text
    assert "<strong>watcher</strong>" in text
    assert "failing" in text
    assert "<strong>python</strong>" in text


def test_the_page_says_where_agents_have_no_sandbox(
    browser: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    text = browser.get("/doctor").text
    assert "bubblewrap (bwrap) is not installed" in text
    assert "install bubblewrap, or allow user namespaces" in text
