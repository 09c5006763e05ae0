"""A person's reply is understood word for word; what is not understood never confirms."""

# ruff: noqa: RUF001 - replies as people type them

import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.executor.confirmation import reads_as_confirmation, reads_as_refusal

SEED = ["fertig", "done", "complete", "infrastructure ready"]


class Case(NamedTuple):
    """A reply and how it is to be read."""

    reply: str
    keywords: tuple[str, ...]
    confirms: bool


def _cases() -> list[Case]:
    here = Path(__file__).parent
    files = [here / name for name in ("replies.toml", "hostile_replies.toml", "letters.toml")]
    return [
        Case(reply, tuple(one["keywords"]), name == "yes")
        for file in files
        for one in tomllib.loads(file.read_text("utf-8"))["set"]
        for name in ("yes", "no")
        for reply in one[name]
    ]


CASES = _cases()
NEGATIONS = [
    "not",
    "nicht",
    "pas",
    "no",
    "non",
    "não",
    "niet",
    "nie",
    "never",
    "noch nicht",
    "isn't",
    "未",
    "没",
]


SETS = sorted({case.keywords for case in CASES})


@pytest.mark.slow
@pytest.mark.parametrize("keywords", SETS, ids=lambda keywords: keywords[0])
def test_a_reply_is_read_as_a_person_means_it(keywords: tuple[str, ...]) -> None:
    cases = [case for case in CASES if case.keywords == keywords]
    assert cases
    assert [case for case in cases if reads_as_confirmation(case.reply, keywords) is not case.confirms] == []


def test_more_than_six_words_around_the_keyword_are_asked_about_again() -> None:
    assert reads_as_confirmation("yes all of my tests pass, done", SEED) is False
    assert reads_as_confirmation("yes yes yes yes yes yes done", SEED) is True
    assert reads_as_confirmation("yes yes yes yes yes yes yes done", SEED) is False


def test_a_short_report_may_go_before_the_word_but_an_order_or_a_reserve_may_not() -> None:
    assert reads_as_confirmation("I read the four new pages this morning. Done.", SEED)
    assert not reads_as_confirmation("Rename the second table and add an index. Done.", SEED)
    assert not reads_as_confirmation("The four new pages could be shorter. Done.", SEED)
    assert not reads_as_confirmation("The four new pages are fine? Done.", SEED)


def test_no_character_stands_for_a_keyword() -> None:
    assert reads_as_confirmation("c++ ok, thanks", ["c++ ok"])
    assert not reads_as_confirmation("\ue000, thanks", ["c++ ok"])
    assert not reads_as_confirmation("\ue000", ["c++ ok"])


def test_without_keywords_nothing_confirms() -> None:
    assert not reads_as_confirmation("done", [])
    assert not reads_as_confirmation("", ["", " "])


def test_a_keyword_that_is_no_word_is_matched_as_the_whole_message() -> None:
    assert reads_as_confirmation("👍", ["👍"])
    assert not reads_as_confirmation("👍 not", ["👍"])
    assert reads_as_confirmation("ship it", ["Ship It"])


def test_a_reply_beyond_the_size_limit_is_not_read() -> None:
    assert not reads_as_confirmation("done" + " " * 9000, SEED)


invisible = st.sampled_from(["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\ufe0f"])


@given(
    st.sampled_from(CASES), st.sampled_from([str.upper, str.lower, str.title]), st.text(" \t\n", max_size=5)
)
def test_case_and_surrounding_space_do_not_change_a_confirmation(
    case: Case, change: object, space: str
) -> None:
    assert callable(change)
    if case.confirms and case.reply.isascii():
        assert reads_as_confirmation(space + change(case.reply) + space, case.keywords)
    assert reads_as_confirmation(space + case.reply + space, case.keywords) is case.confirms


@given(st.sampled_from(CASES), st.lists(st.tuples(st.integers(0, 80), invisible), max_size=4))
def test_invisible_characters_do_not_change_a_reading(case: Case, inserted: list[tuple[int, str]]) -> None:
    reply = case.reply
    for at, character in inserted:
        reply = reply[:at] + character + reply[at:]
    if "\x1b" not in case.reply:
        assert reads_as_confirmation(reply, case.keywords) is case.confirms


@pytest.mark.slow
@pytest.mark.parametrize("negation", NEGATIONS)
def test_a_negation_before_a_confirmation_never_confirms(negation: str) -> None:
    replies = [(f"{negation} {case.reply.strip()}", case.keywords) for case in CASES if case.confirms]
    assert [reply for reply, keywords in replies if reads_as_confirmation(reply, keywords)] == []


@given(st.text(max_size=300), st.lists(st.text(max_size=12), max_size=4))
def test_no_text_raises_and_none_both_confirms_and_refuses(text: str, keywords: list[str]) -> None:
    confirms = reads_as_confirmation(text, keywords)
    refusal = reads_as_refusal(text)
    assert confirms in (True, False)
    assert refusal is None or refusal.strip()


@given(
    st.lists(
        st.sampled_from(["done", "not", "?", "no", ",", "because", "tests", "fail", ".", "yes", "\n", ">"]),
        max_size=9,
    )
)
def test_words_in_any_order_never_both_confirm_and_refuse(words: list[str]) -> None:
    text = " ".join(words)
    assert not (reads_as_confirmation(text, ["done"]) and reads_as_refusal(text))


@pytest.mark.parametrize(
    "unit",
    ["not ", "done ", "`", "[`", "no, ", "\x1b]", "\x1b[0", "完", "了", "~~", "a'", "1/", ">", "*", "「"],
)
def test_long_hostile_replies_are_read_within_the_input_limit(unit: str) -> None:
    assert reads_as_confirmation(unit * (8192 // len(unit)), SEED) is False
    reads_as_refusal(unit * 100_000)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("not good because the second page is empty", "the second page is empty"),
        ("Nicht gut, weil die Spalte fehlt.", "die Spalte fehlt"),
        ("no, the index is missing", "the index is missing"),
        ("No. The names differ from the spec.", "The names differ from the spec"),
        ("Nein, der Login geht nicht", "der Login geht nicht"),
        ("nein weil der Index fehlt", "der Index fehlt"),
        ("not done yet: the docs are empty", "the docs are empty"),
        ("I'm not happy with it because names differ", "names differ"),
        ("rejected: wrong folder", "wrong folder"),
        ("unfertig, weil zwei Dateien leer sind", "zwei Dateien leer sind"),
        ("pas bon parce que la page est vide", "la page est vide"),
        ("ce n'est pas bon car il manque un test", "il manque un test"),
        ("no está bien porque falta el índice", "falta el índice"),
        ("non va bene perché manca una prova", "manca una prova"),
        ("não está bom porque falta um teste", "falta um teste"),
        ("niet goed omdat de lijst leeg is", "de lijst leeg is"),
        ("nie, bo brakuje tabeli", "brakuje tabeli"),
        ("ダメです。一覧が空になっています", "一覧が空になっています"),
        ("不行，因为列表是空的", "列表是空的"),
        ("> is it fine?\n\nno, rename the table", "rename the table"),
    ],
)
def test_a_refusal_gives_the_reason_that_goes_back_to_the_agent(reply: str, reason: str) -> None:
    assert reads_as_refusal(reply) == reason


@pytest.mark.parametrize(
    "reply",
    [
        "nope", "no", "not done yet", "unfertig", "done", "done because I looked", "no, thanks",
        "no, not yet", "nein, noch nicht", "no problem, go on", "no idea", "no errors because I checked",
        "yes", "", "no?",
        "I don't object because it is fine", "not good", "nicht gut", "fertig, keine Fehler", "no, wait",
        "no. Done.",
        "ダメ", "不行", "まだです", "not bad", "> no, because of the tests", "perfect because it works",
    ],
)  # fmt: skip
def test_a_reply_without_a_usable_reason_is_no_refusal(reply: str) -> None:
    assert reads_as_refusal(reply) is None


def test_a_reason_is_cut_at_its_limit() -> None:
    reason = reads_as_refusal("no, " + "word " * 5000)
    assert reason is not None
    assert len(reason) <= 4000
