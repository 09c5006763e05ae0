"""The files of one task are one task, and of four opinions on its status one counts."""

from pathlib import PurePosixPath

import pytest
from roadmark.ingest.families import Family, Place, companions_of, join_families, place_of
from roadmark.ingest.reader import read_spec
from roadmark.ingest.spec import Spec

PHASES = "## Phases\n### Phase 1: A\n- [{0}] a\n- [{1}] b\n"


def _spec(path: str, text: str) -> Spec:
    return read_spec(PurePosixPath(path), text.encode())


def _implementation(path: str, marks: str, status: str = "Pending") -> Spec:
    return _spec(path, f"# Login\n\n## Overview\n- **Status**: {status}\n\n" + PHASES.format(*marks))


@pytest.mark.parametrize(
    ("path", "family", "part"),
    [
        ("docs/login-implementation.md", "docs/login", "implementation"),
        ("docs/login-index.md", "docs/login", "index"),
        ("docs/login-master-index.md", "docs/login", "index"),
        ("docs/login-phase-2.md", "docs/login", "phase"),
        ("docs/login-analysis.md", "docs/login", "analysis"),
        ("docs/login.md", "docs/login", "task"),
        ("login@1234abcd.md", "login", "task"),
        ("specs/001-a/tasks.md", "specs/001-a/tasks", "task"),
        ("specs/001-a/plan.md", "specs/001-a/tasks", "companion"),
        ("a\\b\\c-index.md", "a/b/c", "index"),
    ],
)
def test_a_name_says_family_and_part(path: str, family: str, part: str) -> None:
    assert place_of(path) == Place(family, part)


def test_index_phases_and_analysis_join_the_implementation() -> None:
    specs = [
        _implementation("pending/login-implementation.md", "  "),
        _spec("pending/login-index.md", "# Login - Master Index\n\n- **Status**: Pending\n"),
        _spec("pending/login-phase-1.md", "# Login - Phase 1: A\n\n## Tasks\n- [ ] a\n"),
        _spec("pending/login-analysis.md", "# Login Analysis\n"),
        _spec("pending/logout.md", "# Logout\n\n" + PHASES.format(" ", " ")),
    ]
    families = join_families(specs)
    assert [(family.name, len(family.others)) for family in families] == [
        ("pending/login", 3),
        ("pending/logout", 0),
    ]
    assert families[0].main is specs[0]
    assert families[0].problems == ()


def test_an_index_joins_the_files_that_it_links_to() -> None:
    specs = [
        _spec(
            "a/overview-index.md", "# Overview\n\n- [Work](./login-implementation.md)\n- [Gone](./gone.md)\n"
        ),
        _implementation("a/login-implementation.md", "  "),
    ]
    (family,) = join_families(specs)
    assert family.main is specs[1]
    assert family.others == (specs[0],)


def test_an_index_of_several_tasks_joins_none_and_takes_no_phase_from_its_own_task() -> None:
    paths = ["a-implementation.md", "a-phase-1.md", "b-implementation.md", "all-index.md", "c-phase-1.md"]
    assert companions_of(paths, {"all-index.md": paths}) == {"a-phase-1.md": "a-implementation.md"}


def test_phase_files_of_another_name_belong_to_the_task_of_the_index_that_links_to_them() -> None:
    paths = ["x/login-implementation.md", "x/login-index.md", "x/page-phase-1.md", "note.md"]
    links = {"x/login-index.md": ["x/page-phase-1.md", "x/gone.md", "note.md"]}
    assert companions_of(paths, links) == {
        "x/login-index.md": "x/login-implementation.md",
        "x/page-phase-1.md": "x/login-implementation.md",
    }


def test_phase_files_without_an_implementation_stay_tasks_of_their_own() -> None:
    specs = [_spec(f"a/login-phase-{n}.md", f"# Login - Phase {n}: A\n\n## Tasks\n- [ ] a\n") for n in (1, 2)]
    assert [family.main for family in join_families(specs)] == specs


def _one(marks: str, status: str, folder: str, index_status: str) -> Family:
    specs = [
        _implementation(f"{folder}/login-implementation.md", marks, status),
        _spec(f"{folder}/login-index.md", f"# Login\n\n- **Status**: {index_status}\n"),
    ]
    (family,) = join_families(specs)
    return family


def test_the_boxes_count_before_field_index_and_folder_and_conflicts_are_told() -> None:
    family = _one("x ", "Completed", "completed", "Pending")
    assert family.status == "in_progress"
    assert [(opinion.source, opinion.status) for opinion in family.opinions] == [
        ("boxes", "in_progress"),
        ("field", "completed"),
        ("index", "pending"),
        ("folder", "completed"),
    ]
    assert [found.code for found in family.problems] == ["I601"]
    assert "boxes says in_progress, field says completed" in family.problems[0].message


def test_opinions_that_agree_are_no_finding() -> None:
    family = _one("xx", "Completed", "completed", "Completed")
    assert family.status == "completed"
    assert family.problems == ()


def test_without_any_opinion_a_task_is_pending() -> None:
    (family,) = join_families([_spec("a/note.md", "# Note\n\ntext\n")])
    assert family.status == "pending"
