"""Corrections change what the finding names, and nothing else."""

from pathlib import PurePath

from roadmark.ingest.fix import apply_fixes, find_fixes
from roadmark.ingest.reader import read_spec

PATH = PurePath("specs/broken.md")
BROKEN = b"""# Gr\xc3\xb6\xc3\x9fe\r
\r
## Phases\r
### Phase 1: Only (1 hour)\r
- [ ] Do it\r
\r
## Task Database Fields\r
- **automation_level: 'full_auto''\r
- **max_attempts: 3\r
\r
## AI Execution Context\r
```json\r
{\r
  "time\xc3\xa4out": 1, "timeout_second": 60,\r
  "confirmation_keywords": ["done, ok",],\r
}\r
```\r
"""
FIXED = (
    BROKEN.replace(b"**automation_level: 'full_auto''", b"**automation_level**: 'full_auto'")
    .replace(b"**max_attempts: 3", b"**max_attempts**: 3")
    .replace(b'"timeout_second"', b'"timeout_seconds"')
    .replace(b'"done, ok",],', b'"done, ok"]')
)


def test_commas_keys_and_bold_are_corrected_and_no_other_byte() -> None:
    content = BROKEN.replace("timeäout".encode(), b"team_tone")
    expected = FIXED.replace("timeäout".encode(), b"team_tone")
    assert apply_fixes(content, find_fixes(PATH, content)) == expected


def test_places_behind_letters_of_two_bytes_are_found() -> None:
    fixes = find_fixes(PATH, BROKEN)
    assert [fix.line for fix in fixes if fix.before == '"timeout_second"'] == [14]
    assert apply_fixes(BROKEN, fixes).count(b'"timeout_seconds"') == 1 + (BROKEN.count(b'"timeout_seconds"'))


def test_a_corrected_file_can_be_executed_and_needs_nothing_more() -> None:
    content = BROKEN.replace("timeäout".encode(), b"team_tone")
    fixed = apply_fixes(content, find_fixes(PATH, content))
    spec = read_spec(PATH, fixed)
    assert spec.can_execute
    assert spec.automation.automation_level == "full_auto"
    assert find_fixes(PATH, fixed) == ()


def test_a_sound_file_needs_nothing(example_bytes: bytes) -> None:
    assert find_fixes(PurePath("specs/health-endpoint.md"), example_bytes) == ()


def test_a_file_that_is_not_utf8_is_left_alone() -> None:
    assert find_fixes(PATH, BROKEN + b"\xff") == ()
    assert find_fixes(PATH, b"\xff\xfe") == ()


def test_a_fix_for_other_bytes_changes_nothing() -> None:
    fixes = find_fixes(PATH, BROKEN)
    assert apply_fixes(b"\r\n" * 30, fixes) == b"\r\n" * 30
