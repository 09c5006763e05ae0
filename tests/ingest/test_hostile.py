"""Hostile files end soon, with a problem that names the limit, whatever stands in them."""

import json
import time
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.ingest.files_of_phase import assign_files
from roadmark.ingest.machine_view import as_dict
from roadmark.ingest.reader import read_spec
from roadmark.ingest.rows import task_values
from roadmark.ingest.spec import Spec
from roadmark.ingest.tick import boxes_of, set_marks

PHASES = "# T\n\n## Implementation Phases\n### Phase 1: A (1 hour)\n- [ ] x\n"
CPU_S = 5.0


def _context(body: str) -> str:
    return f"{PHASES}\n## AI Execution Context\n```json\n{body}\n```\n"


def _front(body: str) -> str:
    return f"---\n{body}\n---\n{PHASES}"


def _use(path: str, content: bytes) -> Spec:
    """Everything that is done to a file, in less CPU time than it may take."""
    started = time.process_time()
    spec = read_spec(PurePath(path), content)
    assign_files(spec)
    json.dumps(as_dict(spec))
    task_values(spec)
    set_marks(content, {box.key: "x" for box in spec.items})
    assert time.process_time() - started < CPU_S
    return spec


def _codes(spec: Spec) -> set[str]:
    return {found.code for found in spec.problems}


LIMITS = {
    "bytes": PHASES + "a" * 1_048_577,
    "lines": PHASES + "\n" * 10_001,
    "quotes": ">" * 200_000 + " a",
    "lists": "".join("  " * depth + "- a\n" for depth in range(600)),
    "phases": "## Phases\n" + "".join(f"### Phase {n}: a\n- [ ] b\n" for n in range(600)),
    "files": "## Files to Create\n" + "".join(f"- [ ] `a{n}.py`\n" for n in range(2_500)) + PHASES,
}


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_over_a_limit_is_refused_with_the_figure(name: str) -> None:
    spec = _use("specs/a.md", LIMITS[name].encode())
    found = next(problem for problem in spec.problems if problem.code == "E001")
    assert any(character.isdigit() for character in found.message)
    assert not spec.can_execute


WITHIN = {
    "boxes": PHASES + "- [ ] a\n" * 4_000,
    "quoted boxes": ("> " * 30 + "- [ ] a\n") * 3_000,
    "open fences": PHASES + "```js\nx\n" * 4_900,
    "nested fences": PHASES + "```\n```js\n" * 4_900,
    "fences before headings": PHASES + "```js\n\n## a\n" * 1_000,
    "sql quotes": PHASES + "```sql\nINSERT INTO tasks (a, metadata) VALUES (" + "'" * 500_000 + "\n```",
    "sql comments": PHASES + "```sql\nINSERT INTO tasks (a, metadata) VALUES (" + "--\n" * 9_000 + "\n```",
    "context keys": _context("{" + ",".join(f'"timeout_second{n}":1' for n in range(2_000)) + "}"),
    "context escapes": _context('{"timeout_seconds":1,"git_branch_name":' + '\\"' * 30_000),
    "context slashes": _context('{"timeout_seconds":1,"git_branch_name":' + "/*" * 30_000),
    "long number": _context('{"requires_new_chat":true,"timeout_seconds":' + "9" * 5_000 + "}"),
    "table": "| a | b |\n|---|---|\n" + "| a | b |\n" * 9_900,
    "references": "".join(f"[a{n}]: http://x\n" for n in range(3_000)),
    "many files and phases": "## Files to Create\n"
    + "".join(f"- [ ] `a{n}.py` - b\n" for n in range(800))
    + "## Phases\n"
    + "".join(f"### Phase {n}: a\n- [ ] b\n" for n in range(200)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHIN)
def test_what_is_within_the_limits_is_read_soon(name: str) -> None:
    assert "E001" not in _codes(_use("specs/a.md", WITHIN[name].encode()))


@pytest.mark.parametrize(
    "sign", [">", "*", "_", "`", "[", "](", "-", "~", "|", "#", "<!--", "&", "\\", "1 h", "("]
)
@pytest.mark.parametrize(
    "lead", ["", "- [ ] ", "- **Priority**: ", "# ", "## Files to Create\n- [ ] ", "## Risks\n- "]
)
def test_a_line_of_one_sign_is_read_soon(lead: str, sign: str) -> None:
    _use("specs/a.md", f"{lead}{sign * 60_000}\n{PHASES}".encode())


@pytest.mark.parametrize(
    "body",
    [
        "a: &x [1]\nb: *x",
        "a: " + "[" * 5_000,
        "a: 1\na: 2",
        "- a\n- b",
        "a: 'open",
        "\t- a",
        "a: " + "x" * 70_000,
        "\n".join(" " * depth + "a:" for depth in range(300)),
        "a: \x07",
        "{1: 2, [3]: 4}: 5",
        "? [a]\n: b",
    ],
    ids=lambda body: ascii(body[:12]),
)
def test_front_matter_that_bites_is_an_error_at_its_place(body: str) -> None:
    spec = _use("specs/a.md", _front(body).encode())
    assert _codes(spec) & {"E401", "W005"}
    assert len(spec.phases) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("[" * 5_000, "E101"),
        ('{"a": 1, "a": 2}', "E101"),
        ('{"a": Infinity}', "E101"),
        ('{"a": "\\ud800"}', "I109"),
        ('{"timeout_seconds": 1e999}', "E104"),
        ('{"timeout_seconds": true}', "E104"),
        ('{"host_label": ["gpu"]}', "E104"),
        ('{"max_confirmation_attempts": 3.0}', "E104"),
        ("{" + "a" * 1_000, "E101"),
    ],
)
def test_a_hostile_context_is_an_error(body: str, code: str) -> None:
    assert code in _codes(_use("specs/a.md", _context(body).encode()))


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b"---\n---\n", b"\n" * 50, b"- [ ]", b"#", b"\xff", b"\r"]
)
def test_a_file_with_next_to_nothing_is_no_spec_and_no_error(content: bytes) -> None:
    spec = _use("specs/a.md", content)
    assert not spec.is_spec
    assert not spec.can_execute


@pytest.mark.parametrize("content", ["# a".encode("utf-16"), b"# a\0b", "# a".encode("utf-32")])
def test_other_encodings_are_refused(content: bytes) -> None:
    assert _codes(_use("specs/a.md", content)) == {"E002"}


def test_bytes_that_are_not_utf8_are_a_warning_at_their_line_and_never_leave_the_room() -> None:
    spec = _use("specs/a.md", f"{PHASES}- [ ] caf".encode() + b"\xe9\n")
    assert [found.line for found in spec.problems if found.code == "W003"] == [6]
    json.dumps(as_dict(spec)).encode()
    spec.text.encode("utf-8")


def test_a_lone_surrogate_is_not_utf8() -> None:
    spec = _use("specs/a.md", PHASES.encode() + b"- [ ] \xed\xa0\x80\n")
    assert "W003" in _codes(spec)


PIECES = st.sampled_from(
    [
        "# A\n",
        "## Phases\n",
        "### Phase 1: B (2h)\n",
        "- [ ] c\n",
        "  - [x] d\n",
        "```json\n",
        "```\n",
        "{",
        '"a": 1}',
        "\n",
        "- **Priority**: High\n",
        "**Status**: done\n",
        "## Risks\n",
        "- High: a - Mitigation: b\n",
        "---\n",
        "key: value\n",
        "## Files to Create\n",
        "- `a.py` - b\n",
        "| a | b |\n",
        "> ",
        "\t",
        "<!--",
        "## AI Execution Context\n",
        "2 days",
        "\r",
    ]
)


@pytest.mark.slow
@given(
    st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=40),
    st.sampled_from(["a.md", "tasks.json", "x/tasks.md"]),
)
def test_no_text_ever_raises(parts: list[str], path: str) -> None:
    content = "".join(parts).encode("utf-8", "surrogatepass")
    spec = _use(path, content)
    assert all(problem.line >= 1 and problem.column >= 1 for problem in spec.problems)


@given(st.binary(max_size=200), st.sampled_from(["a.md", "tasks.json"]))
def test_no_bytes_ever_raise(content: bytes, path: str) -> None:
    _use(path, content)


@given(st.lists(PIECES, max_size=25), st.lists(PIECES, max_size=5))
def test_keys_stay_when_something_is_added_below_a_new_heading(before: list[str], after: list[str]) -> None:
    text = "# Start\n" + "".join(before).replace("```", "")
    more = "\n\n# Something else\n" + "".join(after)
    keys = [box.key for box in boxes_of(text.encode())]
    assert [box.key for box in boxes_of((text + more).encode())][: len(keys)] == keys
