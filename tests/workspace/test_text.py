"""Lines and what they may hold: cut, cleaned, decoded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.workspace.environment import build_environment
from roadmark.executor.workspace.lines import LineSplitter
from roadmark.executor.workspace.terminal_text import clean_line


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("plain ünï 日本", "plain ünï 日本"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://example.invalid\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r\x1b\\after", "after"),
        ("\x1b]0;never closed", ""),
        ("\x9b31mred", "red"),
        ("\x1b(Bascii\x1b=", "ascii"),
        ("progress 1 %\rprogress 99 %\r\n", "progress 99 %"),
        ("a\x00b\x07c\x08d\x7fe\x85f", "abcdef"),
        ("tab\tstays", "tab\tstays"),
        ("evil \u202etxt.exe\u2069\ufeff", "evil txt.exe"),
        ("tag\U000e0041ged", "tagged"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ("", ""),
        ("\x1b", ""),
        ("\x1b[", ""),
    ],
)
def test_a_line_keeps_its_words_and_loses_its_tricks(raw: str, clean: str) -> None:
    assert clean_line(raw) == clean


@given(st.text())
def test_a_clean_line_is_clean_and_stays_so(text: str) -> None:
    cleaned = clean_line(text)

    assert not {*cleaned} & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}
    assert clean_line(cleaned) == cleaned or "\n" in cleaned


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=12))
def test_lines_do_not_depend_on_how_they_arrive(data: bytes, sizes: list[int]) -> None:
    splitter = LineSplitter("stdout")
    pieces, rest = [], data
    for size in sizes:
        pieces.append(rest[:size])
        rest = rest[size:]
    lines = [line.text for piece in [*pieces, rest] for line in splitter.feed(piece)]
    lines += [line.text for line in splitter.finish()]

    expected = [part.removesuffix(b"\r").decode("utf-8", "replace") for part in data.split(b"\n")]
    assert lines == (expected if data and not data.endswith(b"\n") else expected[:-1])


@pytest.mark.parametrize(
    "pieces", [[b"x" * 50 + b"\nok\n"], [b"x" * 5] * 10 + [b"\nok\n"], [b"x" * 50, b"", b"\nok\n"]]
)
def test_a_line_over_the_limit_is_given_out_once_and_cut(pieces: list[bytes]) -> None:
    splitter = LineSplitter("stderr", limit_bytes=20)

    lines = [line for piece in pieces for line in splitter.feed(piece)]

    assert [(line.stream, line.truncated) for line in lines] == [("stderr", True), ("stderr", False)]
    assert lines[0].text.startswith("xxxxx")
    assert lines[1].text == "ok"


def test_a_cut_line_that_never_ends_is_not_given_out_twice() -> None:
    splitter = LineSplitter("stdout", limit_bytes=4)

    assert len(splitter.feed(b"123456")) == 1
    assert splitter.feed(b"789") == []
    assert splitter.finish() == []


def test_no_variable_of_ours_is_passed_on_unasked() -> None:
    source = {
        "PATH": "/bin",
        "LANG": "C",
        "LC_ALL": "C",
        "HOME": "/root",
        "API_KEY": "secret",
        "WANTED": "yes",
        "LC_lower": "x",
        "GIT_DIR": "/x",
        "LD_PRELOAD": "/x.so",
    }

    made = build_environment(source, ["WANTED", "ABSENT"], {"ROADMARK_PHASE": "1", "CI": "0"})

    assert made == {
        "PATH": "/bin",
        "LANG": "C",
        "LC_ALL": "C",
        "WANTED": "yes",
        "HOME": "/nonexistent",
        "TERM": "dumb",
        "CI": "0",
        "NO_COLOR": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "ROADMARK_PHASE": "1",
    }
    assert build_environment({}, [], {})["PATH"]
