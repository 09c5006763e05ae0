"""The alert rules and the dashboard ask for what /metrics really has."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from roadmark.executor.model import Metric
from roadmark.executor.states import Status
from roadmark.executor.store.metrics import MetricRepository
from starlette.testclient import TestClient

from .conftest import Workbench

FOLDER = Path(__file__).parents[2] / "docs" / "operating"
SELECTOR = re.compile(r"(roadmark_\w+)(?:\{([^}]*)\})?")


@pytest.fixture
def series(bench: Workbench, api: TestClient) -> dict[str, set[str]]:
    """The names of /metrics of a service at work, each with the labels that it has."""
    bench.asked()
    took = Metric(
        name="attempt.duration",
        value=3.0,
        unit="s",
        migration_id=None,
        phase=1,
        attempt=1,
        at=bench.clock.now(),
    )
    bench.store.write(lambda t: MetricRepository(t.connection).insert([took]))
    api.get("/api/tasks")
    found: dict[str, set[str]] = {}
    for line in api.get("/metrics").text.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.partition(" ")[0].partition("{")
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def asked_for() -> list[str]:
    """Every expression of both files."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*(rule["expr"] for rule in rules()), *panels]


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_name_and_label_is_one_of_the_service(series: dict[str, set[str]]) -> None:
    for expression in asked_for():
        for name, labels in SELECTOR.findall(expression):
            assert name in series, expression
            assert set(re.findall(r"(\w+)\s*[=!]", labels)) <= series[name], expression
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            known = set().union(*(series[name] for name, _ in SELECTOR.findall(expression)))
            assert {label.strip() for label in grouped.split(",")} <= known, expression


def test_every_status_that_is_asked_for_is_one() -> None:
    wanted = {
        status
        for expression in asked_for()
        for values in re.findall(r'roadmark_migrations\{status=~?"([^"]*)"', expression)
        for status in values.split("|")
    }
    assert wanted
    assert wanted <= set(Status)


def test_everything_that_is_counted_is_shown(series: dict[str, set[str]]) -> None:
    shown = " ".join(asked_for())
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in series}
    assert {family for family in families if family not in shown} == set()


def test_every_alert_says_what_it_means_and_how_grave_it_is() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["expr"].count("(") == rule["expr"].count(")")
