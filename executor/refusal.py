"""A person's refusal with a reason: what the agent is to be told in its next prompt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from roadmark.executor.utterance import clean, fold
from roadmark.executor.vocabulary import vocabulary
from roadmark.ingest.prose import LineKind, scan

MOST_REASON_CHARACTERS = 4000
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_OPENING_WORDS = 6
_JOIN = ",:;.!–—-()、。 \t\n"  # noqa: RUF001


def reads_as_refusal(text: str) -> str | None:
    """The reason in a person's refusal ("not good because the login fails"), to be sent to the agent.

    None where the reply is no refusal, or names no reason: "nope" and "not done yet" are asked again.

    >>> reads_as_refusal("nicht gut, weil die Tests fehlen")
    'die Tests fehlen'

    Source: execution design, section 6.
    """
    shown = clean(text[: 2 * MOST_REASON_CHARACTERS])
    own = "\n".join(line.text for line in scan(shown.strip()) if line.kind is not LineKind.QUOTE).strip()
    end = _refusal_end(own)
    if end is None:
        return None
    reason = _reason(own, end)
    return reason[:MOST_REASON_CHARACTERS] if _usable(reason) else None


@dataclass(frozen=True, slots=True)
class _Spot:
    """A word of the reply, folded, and where it stands."""

    word: str
    start: int
    end: int


def _spots(text: str) -> list[_Spot]:
    return [_Spot(fold(found[0]), found.start(), found.end()) for found in _WORD.finditer(text)]


def _refusal_end(text: str) -> int | None:
    """Where the words that refuse end, or None where the reply does not begin by refusing."""
    words = vocabulary()
    unbordered = next((phrase for phrase in words.refusals if text.startswith(phrase)), None)
    if unbordered:
        return len(unbordered)
    spots = _spots(text[:400])[: _OPENING_WORDS + 3]
    frame = words.pronouns | words.copulas | words.determiners | words.adverbs
    for at, spot in enumerate(spots[:_OPENING_WORDS]):
        if spot.word in words.refusal_words and all(before.word in frame for before in spots[:at]):
            return spot.end if _refuses(text, spots[at : at + 2]) else None
        if _negates(spot.word):
            refused = [s for s in spots[at + 1 : at + 4] if s.word in words.refusal_objects]
            if refused:
                return refused[-1].end
    return None


def _refuses(text: str, here: Sequence[_Spot]) -> bool:
    """Whether a word such as "no" stands by itself, and not before a noun ("no errors")."""
    if len(here) < 2 or text[here[0].end : here[1].start].strip():
        return True
    words = vocabulary()
    first_because = {phrase[0] for phrase in words.because}
    return here[1].word in words.refusal_objects | words.empty_reasons | words.negation | first_because


def _negates(word: str) -> bool:
    return word in vocabulary().negation or word.endswith("n't") or word.startswith("n'")


def _reason(text: str, end: int) -> str:
    """What follows "because", or what follows the mark after the refusing words."""
    for phrase in vocabulary().because_unbordered:
        at = text.find(phrase, end, end + 40)
        if at >= 0:
            return text[at + len(phrase) :].strip(_JOIN)
    return _after_because(text, end) or _after_mark(text, end)


def _after_because(text: str, end: int) -> str:
    """The text after a "because" that stands within a few words of the refusal."""
    near = _spots(text[end : end + 200])[: _OPENING_WORDS + 3]
    for at in range(min(len(near), _OPENING_WORDS)):
        for phrase in vocabulary().because:
            if tuple(spot.word for spot in near[at : at + len(phrase)]) == phrase:
                return text[end + near[at + len(phrase) - 1].end :].strip(_JOIN)
    return ""


def _after_mark(text: str, end: int) -> str:
    """The text after the first mark, when only empty words stand before it ("not done yet: ...")."""
    empty = vocabulary().empty_reasons
    marked = re.match(r"[^,:;.!\n–—、。]{0,60}?(?:[,:;.!\n–—、。]|\s-\s)", text[end:])  # noqa: RUF001
    if not marked or any(spot.word not in empty for spot in _spots(marked[0])):
        return ""
    return text[end + marked.end() :].strip(_JOIN)


def _usable(reason: str) -> bool:
    """Whether the reason tells the agent anything: a word of content, not only "sorry, not yet"."""
    words = vocabulary()
    empty = words.empty_reasons | words.refusal_words | words.refusal_objects | words.negation
    content = [spot.word for spot in _spots(reason) if spot.word not in empty]
    unbordered = re.sub(r"[^\u3040-\u30ff\u3400-\u9fff]", "", reason)
    if unbordered:
        return len(unbordered) >= 4
    return any(len(word) >= 3 for word in content)
