"""Titles, steps, file names, logs and replies that want to be more than text: pages, CSV, terminal."""

import csv
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from roadmark.executor.errors import ReplyUnclear
from roadmark.executor.model import Migration
from starlette.testclient import TestClient

from .conftest import Workbench

MARKUP = "\"'><img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)>{{7*7}}${7*7}</title>"
TERMINAL = "\x1b[2J\x1b]0;owned\x07\x1b[31mred\x9b31m\u202egnp.exe\u200b\u2066"
FORMULA = '=HYPERLINK("http://evil.example","a")'
HIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
FORMULAS = re.compile(r"^[=+\-@\t\r]")
SPEC = f"""# {FORMULA} {MARKUP} {TERMINAL}

## 1. Project Overview
- **Feature/Component Name**: {FORMULA} {MARKUP} {TERMINAL}
- **Priority**: {MARKUP}
- **Category**: {MARKUP} {TERMINAL}

## 3. File Impact Analysis
#### Files to Create:
- [ ] `src/{MARKUP.replace("/", "")}.py` - {MARKUP} {TERMINAL}

## 4. Implementation Phases
#### Phase 1: {MARKUP} {TERMINAL} (1 hour)
- [ ] {FORMULA} {MARKUP} {TERMINAL}

## 10. Risk Assessment
#### High Risk:
- [ ] {MARKUP} - Mitigation: {MARKUP} {TERMINAL}

<script>alert(4)</script>
<iframe src="//evil.example"></iframe>
[a](javascript:alert(5)) ![b](http://evil.example/x.png) <b onclick=alert(6)>c</b>
"""


class Harm(HTMLParser):
    """Notes every element and attribute of a page that could act."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        acts = [name for name in values if name.startswith("on") or name == "style"]
        aims = [values[name] for name in ("href", "src", "action", "formaction") if name in values]
        foreign = tag == "script" and not values.get("src", "").startswith("/static/")
        if acts or foreign or tag in ("img", "iframe", "object", "embed", "base", "style", "math"):
            self.found.append(f"{tag} {values}")
        self.found += [aim for aim in aims if re.match(r"\s*(javascript|data|vbscript):", aim, re.IGNORECASE)]


@pytest.fixture
def migration(bench: Workbench) -> Migration:
    """A run of the hostile spec, with a log, a reply and a reason as hostile as it."""
    name = f"{FORMULA[:4]}evil {MARKUP.replace('/', '')[:60]}.md"
    task_id = bench.drop(name, SPEC)
    run = bench.manager.start(task_id, f"{FORMULA}{MARKUP}")
    bench.attempt(run.id, (f"{MARKUP} {TERMINAL}", f"error: {FORMULA}"))
    bench.ask(run.id, prompt=f"{MARKUP} {TERMINAL}")
    with pytest.raises(ReplyUnclear):
        bench.manager.reply(run.id, f"hardly {MARKUP} {TERMINAL}", f"{FORMULA}{TERMINAL}", "page")
    return bench.tracker.migration(run.id).migration


def test_nothing_of_it_acts_on_any_page(bench: Workbench, browser: TestClient, migration: Migration) -> None:
    task = f"/tasks/{migration.task_id}"
    quoted = f"/?text={quote(MARKUP + TERMINAL)}"
    paths = (
        "/",
        "/inbox",
        "/specs",
        "/audit",
        "/figures",
        "/doctor",
        "/?text=%22%3E%3Cimg%3E",
        "/rules/%3Cimg%3E",
    )
    for path in (*paths, task, f"{task}/log", f"{task}/log?find=%3Cimg%3E", f"{task}/history", quoted):
        answer = browser.get(path)
        harm = Harm()
        harm.feed(answer.text)
        assert harm.found == [], path
        assert HIDDEN.search(answer.text) is None, (path, HIDDEN.search(answer.text))
    assert "&lt;img src=x onerror=alert(1)&gt;" in browser.get(task).text


def test_no_cell_is_a_formula_and_no_line_is_more_than_one(browser: TestClient, migration: Migration) -> None:
    rows = list(csv.reader(io.StringIO(browser.get("/audit.csv").text)))
    assert len({len(row) for row in rows}) == 1
    for cell in (cell for row in rows[1:] for cell in row):
        assert FORMULAS.match(cell) is None or re.fullmatch(r"-?\d+", cell), cell
        assert HIDDEN.search(cell) is None, cell


def test_a_raw_log_is_text_to_be_kept(browser: TestClient, bench: Workbench, migration: Migration) -> None:
    attempt = bench.tracker.migration(migration.id).attempts[0]
    answer = browser.get(f"/tasks/{migration.task_id}/log/{attempt.id}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("command", ["ls", "show", "history", "explain"])
def test_nothing_of_it_steers_a_terminal(bench: Workbench, migration: Migration, command: str) -> None:
    named = () if command == "ls" else (migration.task_id,)
    asked = [sys.executable, "-m", "roadmark.cli.main", command, *named]
    folder = bench.settings.state_dir
    said = subprocess.run(
        [*asked, "--state-dir", folder], cwd=folder.parent, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout
    assert HIDDEN.search(said.stdout + said.stderr) is None
