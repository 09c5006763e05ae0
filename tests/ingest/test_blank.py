"""Blank specs can be executed as they are written."""

from pathlib import PurePath

import pytest
from roadmark.ingest.blank import KINDS, blank_spec, file_name
from roadmark.ingest.reader import read_spec


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_spec_has_no_findings(kind: str) -> None:
    path = PurePath("specs") / file_name("Log in, twice")
    spec = read_spec(path, blank_spec("Log in, twice", kind).encode())
    assert spec.problems == ()
    assert spec.can_execute
    assert spec.title == "Log in, twice"
    assert [phase.hours for phase in spec.phases] in ([3, 2, 1], [2, 3, 1], [2, 2, 2])
    assert spec.context.git_branch_name == f"{kind}/log-in-twice"


def test_the_kind_is_the_type_of_the_task() -> None:
    types = [read_spec(PurePath("a.md"), blank_spec("X", kind).encode()).type for kind in KINDS]
    assert types == ["feature", "refactor", "migration"]


def test_a_title_on_several_lines_stays_on_one() -> None:
    assert "# A B Implementation\n" in blank_spec("A\n\nB", "feature")


def test_a_title_without_letters_has_a_file_name_too() -> None:
    assert file_name("!!!") == "spec.md"
    assert file_name("../../etc/Passwd") == "etc-passwd.md"
