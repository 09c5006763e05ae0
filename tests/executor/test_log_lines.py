"""The service's own log: what an entry quotes stays inside its entry, and secrets stay out."""

import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.log_lines import JsonLines, WordLines, about_migration, set_up_logging

HOSTILE = "Shelf\n2026-01-01T00:00:00.000Z INFO roadmark: all is well\r\x1b[2J\x07\u202egnp\u2028\x85"
TOKEN = "rmk_" + "a1B2" * 11


def entry(message: str, *values: object, **more: object) -> logging.LogRecord:
    record = logging.LogRecord("roadmark.test", logging.INFO, __file__, 1, message, values, None)
    record.__dict__.update(more)
    return record


@given(st.text())
def test_whatever_an_entry_quotes_it_is_one_printable_line(text: str) -> None:
    line = WordLines().format(entry("task %s is broken", text))
    assert line.isprintable()
    told = JsonLines().format(entry("task %s is broken", text))
    assert told.isascii()
    assert told.isprintable()


def test_a_hostile_title_is_shown_and_does_nothing() -> None:
    line = WordLines().format(entry("task %s", HOSTILE))
    assert "\n" not in line
    assert "\x1b" not in line
    assert r"Shelf\n2026" in line
    assert json.loads(JsonLines().format(entry("task %s", HOSTILE)))["message"] == f"task {HOSTILE}"


def test_every_line_of_a_trace_is_indented() -> None:
    try:
        raise ValueError(f"{HOSTILE} {TOKEN}")
    except ValueError:
        record = entry("a tick failed")
        record.exc_info = sys.exc_info()
    first, *others = WordLines().format(record).split("\n")
    assert first.endswith("a tick failed")
    assert others
    assert all(line.startswith("    ") and line.isprintable() for line in others)
    told = json.loads(JsonLines().format(record))
    assert "ValueError" in told["trace"]
    assert TOKEN not in told["trace"] + "".join(others)


def test_secrets_are_taken_out() -> None:
    for lines in (WordLines(), JsonLines()):
        told = lines.format(entry("called with %s at https://anna:hunter2@example.org/", TOKEN))
        assert TOKEN not in told
        assert "hunter2" not in told


def test_an_entry_says_which_migration_it_is_about() -> None:
    with about_migration("m-1"):
        inside = json.loads(JsonLines().format(entry("works")))
        worded = WordLines().format(entry("works"))
    outside = json.loads(JsonLines().format(entry("rests")))
    named = json.loads(JsonLines().format(entry("rests", migration_id="m-2")))
    assert (inside["migration"], named["migration"]) == ("m-1", "m-2")
    assert worded.endswith("works [migration m-1]")
    assert "migration" not in outside


def test_the_program_logs_in_the_format_that_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        set_up_logging("json")
        logging.getLogger("roadmark.test").info("hello\n%s", "there")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    told = json.loads(capsys.readouterr().err)
    assert (told["level"], told["logger"], told["message"]) == ("info", "roadmark.test", "hello\nthere")
