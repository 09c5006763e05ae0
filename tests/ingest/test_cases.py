"""Every case of the Markdown files under ``cases``: a bug report becomes a case there.

A case is a title, the input and what is expected, each ended by a line with one dot. The expected part is
a JSON object that must hold in the machine's view of the input: lists have equal length, objects hold at
least the keys that are named. Errors and warnings are compared as ``CODE line:column``
under ``problems``, notes under ``notes``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest
from roadmark.ingest.machine_view import as_dict
from roadmark.ingest.reader import read_spec

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True, slots=True)
class Case:
    """One case: where it stands, its title, the text of the spec and what its view must hold."""

    name: str
    path: str
    text: str
    expected: dict[str, object]


def _read_cases(file: Path) -> Iterator[Case]:
    """The cases of one file; a title may end in ``@ path`` to name the file that the input stands in."""
    parts = file.read_text(encoding="utf-8", errors="surrogateescape").removesuffix("\n.\n").split("\n.\n")
    for title, text, expected in zip(parts[0::3], parts[1::3], parts[2::3], strict=True):
        name, _, path = title.strip().splitlines()[-1].partition(" @ ")
        yield Case(f"{file.stem}: {name}", path or "specs/case.md", text, json.loads(expected))


def _all_cases() -> list[Case]:
    """Every case of every file."""
    return [case for file in sorted(FOLDER.glob("*.md")) for case in _read_cases(file)]


def _view_of(case: Case) -> dict[str, object]:
    """The machine's view of a case, problems written short."""
    spec = read_spec(PurePosixPath(case.path), case.text.encode("utf-8", "surrogateescape"))
    short = [f"{found.code} {found.line}:{found.column}" for found in spec.problems]
    notes = [said for said in short if said.startswith("I")]
    return {**as_dict(spec), "problems": [said for said in short if said not in notes], "notes": notes}


def _holds(expected: object, found: object) -> bool:
    """Whether ``found`` says all that is expected."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(_holds(part, found.get(key)) for key, part in expected.items())
    if isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            return False
        return all(_holds(part, other) for part, other in zip(expected, found, strict=True))
    return expected == found and isinstance(found, bool) == isinstance(expected, bool)


@pytest.mark.parametrize("case", _all_cases(), ids=lambda case: case.name)
def test_a_case_reads_as_it_says(case: Case) -> None:
    found = _view_of(case)
    shown = {key: found[key] for key in case.expected}
    assert _holds(case.expected, found), json.dumps(shown, ensure_ascii=False, indent=1)
