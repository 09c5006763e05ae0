"""Every finding has a page, and the examples of the pages are true."""

from pathlib import Path, PurePosixPath

import pytest
from roadmark.ingest.problems import CODES, problem
from roadmark.ingest.reader import read_spec
from roadmark.ingest.rulebook import Example, examples_of, page_of

ROOT = Path(__file__).parents[2]
WITHOUT_EXAMPLE = {"E001", "E002", "W003", "I601"}
EXAMPLES = [(code, example) for code in CODES for example in examples_of(page_of(code) or "")]


def _codes(example: Example) -> set[str]:
    spec = read_spec(PurePosixPath(example.path), example.text.encode())
    return {found.code for found in spec.problems}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page_with_its_summary_and_examples(code: str) -> None:
    page = page_of(code)
    assert page is not None
    assert page.startswith(f"# {code}: {CODES[code]}\n")
    assert len(examples_of(page)) == (0 if code in WITHOUT_EXAMPLE else 2)


@pytest.mark.parametrize(("code", "example"), EXAMPLES, ids=[f"{c}-{e.is_wrong}" for c, e in EXAMPLES])
def test_the_wrong_example_has_the_finding_and_the_right_one_has_not(code: str, example: Example) -> None:
    assert (code in _codes(example)) is example.is_wrong


def test_the_pages_and_the_codes_are_the_same() -> None:
    pages = {page.stem for page in (ROOT / "ingest" / "rules").glob("*.md")}
    assert pages == set(CODES)


def test_a_code_may_be_asked_for_in_lower_case_and_unknown_ones_have_no_page() -> None:
    assert page_of("e103") == page_of("E103")
    assert page_of("E999") is None
    assert page_of("../secret") is None


def test_a_finding_must_have_a_known_code() -> None:
    with pytest.raises(KeyError):
        problem("E999", 1, "nothing")
