"""docs/spec-format.md names every code, format, key and setting that there is, and its example works."""

import re
from pathlib import Path, PurePosixPath

import pytest
from roadmark.ingest.checks import FILE_LIMIT, PHASE_LIMIT
from roadmark.ingest.formats import backlog, checklist, kiro, openspec, roadmap, speckit, taskmaster
from roadmark.ingest.problems import CODES
from roadmark.ingest.reader import read_spec
from roadmark.ingest.schema.rules import properties_of
from roadmark.ingest.source import DEFAULT_LIMITS
from roadmark.ingest.titles import SECTIONS, kind_of

PAGE = (Path(__file__).parents[2] / "docs" / "spec-format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CODES)
def test_every_code_is_listed_with_its_summary(code: str) -> None:
    assert f"| [{code}](../ingest/rules/{code}.md) | {CODES[code]} |" in PAGE


@pytest.mark.parametrize("module", [backlog, checklist, kiro, openspec, roadmap, speckit, taskmaster])
def test_every_format_is_listed(module: object) -> None:
    assert f"\n| {module.NAME} | " in PAGE  # type: ignore[attr-defined]


@pytest.mark.parametrize("key", [*properties_of("context"), *properties_of("front_matter")])
def test_every_key_is_named(key: str) -> None:
    assert re.search(rf"\b{key}\b", PAGE)


def test_every_section_is_named() -> None:
    words = re.findall(r"[A-Z][\w&/-]*(?: [A-Za-z&-]+)*", PAGE)
    named = {kind_of(word) for word in words}
    assert set(SECTIONS) - named - {"usage"} == set()


def test_the_limits_are_those_of_the_code() -> None:
    assert DEFAULT_LIMITS.size_bytes == 1024 * 1024
    for limit in (DEFAULT_LIMITS.lines, PHASE_LIMIT, FILE_LIMIT):
        assert f"{limit:,}" in PAGE


def test_the_smallest_example_can_be_executed() -> None:
    example = PAGE.split("```markdown\n", 1)[1].split("```", 1)[0]
    spec = read_spec(PurePosixPath("specs/health.md"), example.encode())
    assert spec.can_execute
    assert [phase.hours for phase in spec.phases] == [2, 1]
