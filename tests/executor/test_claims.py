"""What an agent's last words claim."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.claims import ClaimKind, claim

KEYWORDS = ["fertig", "done", "complete", "infrastructure ready"]
PROMPT = """# Phase 1

Carry out this phase. When the phase is over, write one of these words alone on the
last line: fertig, done, complete.

- [ ] the schema is complete and reviewed
- infrastructure ready
"""


def _cases() -> list[tuple[str, ClaimKind]]:
    data = tomllib.loads((Path(__file__).parent / "claims.toml").read_text("utf-8"))
    return [(message, ClaimKind(kind)) for kind, messages in data.items() for message in messages]


CASES = _cases()


@pytest.mark.parametrize(("message", "kind"), CASES, ids=repr)
def test_a_message_claims_what_its_last_sentences_say(message: str, kind: ClaimKind) -> None:
    assert claim(message, KEYWORDS, PROMPT).kind is kind


def test_the_sentence_that_claims_is_told() -> None:
    assert claim("All of it works. The work is complete.", KEYWORDS, "").sentence == "The work is complete."
    assert claim("Which table?", KEYWORDS, "").sentence == "Which table?"
    assert claim("Working.", KEYWORDS, "").sentence == ""


def test_what_stands_in_the_prompt_is_an_echo_but_a_keyword_of_it_is_not() -> None:
    echoed = "The schema is complete and reviewed."
    assert claim(echoed, KEYWORDS, "").kind is ClaimKind.STRONG
    assert claim(echoed, KEYWORDS, PROMPT).kind is ClaimKind.NONE
    assert claim("infrastructure ready", KEYWORDS, PROMPT).kind is ClaimKind.STRONG


def test_only_the_end_of_a_long_message_counts() -> None:
    assert claim("done. " + "word " * 10_000, KEYWORDS, "").kind is ClaimKind.NONE
    assert claim("word " * 10_000 + "\n\ndone", KEYWORDS, "").kind is ClaimKind.STRONG


def test_a_fence_opened_before_the_end_still_hides_its_content() -> None:
    message = "```\n" + "x = 1\n" * 3000 + "done\n"
    assert claim(message, KEYWORDS, "").kind is ClaimKind.NONE


def test_without_keywords_nothing_is_claimed() -> None:
    assert claim("done", [], "").kind is ClaimKind.NONE


STRONG = [message for message, kind in CASES if kind is ClaimKind.STRONG and message.isascii()]


@given(st.sampled_from(STRONG), st.sampled_from([str.upper, str.lower]), st.text(" \n", max_size=4))
def test_case_and_space_around_do_not_change_a_claim(message: str, change: object, space: str) -> None:
    assert callable(change)
    if "\x1b" not in message:
        assert claim(change(message) + space, KEYWORDS, "").kind is ClaimKind.STRONG


@given(st.sampled_from(["I am not", "We are never", "Das ist nicht", "Ce n'est pas", "It is almost"]))
def test_a_negated_sentence_is_never_a_claim(start: str) -> None:
    for keyword in KEYWORDS:
        assert claim(f"All tests ran. {start} {keyword}.", KEYWORDS, "").kind is ClaimKind.NEGATED


pieces = st.sampled_from(
    ["done", "not", "?", ". ", "\n", "\n\n", "```\n", "> ", "# ", "`", '"', "- [ ] ", "tests", "fail"]
)


@given(st.lists(pieces, max_size=14), st.text(max_size=60))
def test_no_message_raises(parts: list[str], prompt: str) -> None:
    assert claim(" ".join(parts), KEYWORDS, prompt).kind in ClaimKind


@given(st.text(max_size=200))
def test_arbitrary_text_without_a_keyword_claims_nothing(text: str) -> None:
    found = claim(text, ["zyx-keyword-zyx"], "")
    assert found.kind in (ClaimKind.NONE, ClaimKind.QUESTION)


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "*a ",
        "[",
        "`",
        "```\n",
        "n't ",
        "done\n\n",
        "done ",
        "> ",
        "<a ",
        "- [ ] ",
        "| ",
        "完了",
        "\x1b[",
    ],
)
def test_hostile_messages_are_read_within_the_input_limit(unit: str) -> None:
    message = unit * (1_000_000 // len(unit))
    assert claim(message, KEYWORDS, message).kind in ClaimKind
