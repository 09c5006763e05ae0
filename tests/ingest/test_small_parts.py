"""The small readers, where a table says more than a file, and the doctests of this room."""
# ruff: noqa: RUF001 - real files use these signs

import doctest
import importlib
import pkgutil
from pathlib import PurePosixPath

import pytest
import roadmark.ingest
from roadmark.ingest.files_of_phase import assign_files
from roadmark.ingest.hours import read_duration
from roadmark.ingest.markdown import render_html
from roadmark.ingest.problems import SHOWN_LIMIT, Problem, in_reading_order, problem
from roadmark.ingest.reader import read_spec
from roadmark.ingest.sections.phases import read_phase_heading
from roadmark.ingest.spec import Spec
from roadmark.ingest.status import read_status
from roadmark.ingest.titles import read_title


def _spec(text: str) -> Spec:
    return read_spec(PurePosixPath("specs/t.md"), text.encode())


MODULES = sorted(info.name for info in pkgutil.walk_packages(roadmark.ingest.__path__, "roadmark.ingest."))


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("40 hours (5 days)", 40),
        ("5 days (40 hours)", 40),
        ("4 weeks (160 hours)", 160),
        ("2-3 days", 24),
        ("1 to 2 weeks", 80),
        ("30 minutes", 0.5),
        ("1h 30m", 1.5),
        ("2 hours and 15 minutes", 2.25),
        ("~3h", 3),
        ("8+ hours", 8),
        ("0.5 hours", 0.5),
        ("1,5 Stunden", 1.5),
        ("2 Monate", 320),
        ("3 business days", 24),
        ("[4] hours", 4),
        ("3小时", 3),
        ("two days", None),
        ("5 dogs", None),
        ("v2.5h4", None),
        ("", None),
    ],
)
def test_durations_are_hours(text: str, hours: float | None) -> None:
    found = read_duration(text)
    assert (found.hours if found else None) == hours


def test_a_range_keeps_its_lower_end() -> None:
    found = read_duration("about 2-3 days")
    assert found is not None
    assert (found.low, found.hours) == (16, 24)


@pytest.mark.parametrize(
    ("raw", "text", "kind"),
    [
        ("## 4. Implementation Phases".lstrip("# "), "Implementation Phases", "phases"),
        ("📋 **Task Overview**", "Task Overview", "overview"),
        ("✅ 12. Success Criteria - COMPLETED", "Success Criteria", "criteria"),
        ("Files to Create:", "Files to Create", "files_create"),
        ("Files Created ✅ IMPLEMENTED 2026-01-01", "Files Created", "files_create"),
        ("Code Standards & Patterns (done)", "Code Standards & Patterns", "standards"),
        ("IX. References", "References", "references"),
        ("3.1.2 `code` and [link](http://x)", "code and link", ""),
        ("实施阶段：", "实施阶段", "phases"),
    ],
)
def test_titles_are_taken_apart(raw: str, text: str, kind: str) -> None:
    title = read_title(raw)
    assert (title.text, title.kind) == (text, kind)


@pytest.mark.parametrize(
    "raw",
    [
        "Phaseout plan",
        "Tasks",
        "Steps",
        "Task list",
        "Partial work",
        "Stages",
        "The phase 1",
        "Steps to reproduce",
    ],
)
def test_headings_that_only_look_like_phases_are_none(raw: str) -> None:
    assert read_phase_heading(raw) is None


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("✅ Completed", "completed"),
        ("not yet completed", "pending"),
        ("unfinished", "pending"),
        ("80% complete", "in_progress"),
        ("Ready for implementation", "pending"),
        ("on hold", "blocked"),
        ("obsolete", "cancelled"),
        ("in Arbeit", "in_progress"),
        ("abgeschlossen", "completed"),
        ("green", None),
    ],
)
def test_statuses_have_five_names(text: str, status: str | None) -> None:
    assert read_status(text) == status


def test_html_of_a_spec_is_safe_and_loses_nothing() -> None:
    html = render_html(
        "# A\n\n<script>alert(1)</script>\n\n<style>\n\n| a |\n|---|\n| b |\n\n![x](http://t/x.png)\n"
        '[l](javascript:alert(1)) [m](https://x.y "t") <b onclick=a>c</b>\n'
    )
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<a href="https://x.y" title="t" rel="noopener noreferrer nofollow">m</a>' in html
    assert "<td>b</td>" in html
    assert "onclick=a&gt;" in html


def test_findings_are_shown_in_reading_order_and_errors_survive_the_limit() -> None:
    warnings = tuple(problem("W202", line, "x") for line in range(1, SHOWN_LIMIT + 10))
    error = problem("E201", SHOWN_LIMIT + 100, "y")
    shown = in_reading_order((error, *warnings, *warnings))
    assert len(shown) == SHOWN_LIMIT
    assert shown[-1] == error
    assert [found.line for found in shown[:3]] == [1, 2, 3]
    assert isinstance(shown[0], Problem)


def test_hidden_characters_are_shown_for_the_first_places_only() -> None:
    spec = _spec("# T\n" + "- [ ] a\u200b\n" * 30)
    assert [found.code for found in spec.problems].count("W004") == 20


def test_files_of_a_spec_without_phases_are_nobodys() -> None:
    assert assign_files(_spec("# T\n\n## Files to Create\n- [ ] `a.py`\n")) == ()


def test_tests_go_to_the_phase_of_tests_and_classes_to_the_phase_that_names_them() -> None:
    spec = _spec(
        "# T\n\n## Files to Create\n- [ ] `src/LampManager.js` - keeps lamps\n"
        "- [ ] `tests/unit/LampManager.test.js` - Unit tests of the lamp manager\n"
        "- [ ] `sql/001_lamps.sql` - Lamp table\n- [ ] `zzz/qqq.bin`\n- [ ] `src/lamp.js`\n\n## Phases\n"
        "### Phase 1: Core\n- [ ] Create LampManager class\n- [ ] write src/lamp.js.map\n"
        "### Phase 2: Database\n- [ ] Create the lamps table in SQL\n- [ ] use `src/lamp.js`\n"
        "### Phase 3: Testing\n- [ ] Write unit tests for everything\n"
    )
    expected = [[change.path for change in part.expected] for part in assign_files(spec)]
    assert expected == [
        ["src/LampManager.js"],
        ["sql/001_lamps.sql", "src/lamp.js"],
        ["tests/unit/LampManager.test.js", "zzz/qqq.bin"],
    ]
    assert [[change.path for change in part.required] for part in assign_files(spec)] == [
        [],
        ["src/lamp.js"],
        [],
    ]
