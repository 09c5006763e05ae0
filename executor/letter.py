"""What frames a message and says nothing of its matter: a greeting, an apology, an end, a signature.

Names are unknown words, and unknown words are never waved through. So a name is one only where a greeting or
an end belongs to it, it is written as names are, and no vocabulary knows it as a reserve.
"""

# ruff: noqa: RUF001 - the marks that people really type

import re
from collections.abc import Iterable
from functools import cache

from roadmark.executor.sentence import has_keyword, is_free
from roadmark.executor.utterance import Keywords, Kind, fold, tokenise
from roadmark.executor.vocabulary import Phrases, vocabulary

_MOST_CHARACTERS = 300
"""A frame is short: only so much of a message is looked at for one."""
_MOST_SIGNATURE_LINES = 5
_MOST_APOLOGY_WORDS = 14
_MOST_DEVICE_WORDS = 3
_SENDER_WORD = re.compile(r"(?![^\W\d_])\S+|[A-ZÀ-ÞŁ-Ż]\S*|\w{1,3}|\S+[@.]\S+")
_SENTENCE_ENDS, _CLAUSE_ENDS = r".!…\n", r".!…\n,;:–—"
_NAME = r"(?:(?:Dr|Prof|Mr|Mrs|Ms|Sr|Sra|Dott|Sig|Ing|Hr|Fr|P)\.|[^\W\d_][\w'-]*)"
_NAMES = rf"(?P<names>{_NAME}(?:\s+{_NAME}){{0,4}}?)"
_CJK_NAME = r"(?P<names>[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]{1,4})"


def without_signature(message: str, wanted: Keywords) -> str:
    """The message without what follows "-- " on a line of its own, or names the device it was sent from.

    Source: RFC 3676, section 4.3, for the line; mail programs leave out its space.
    """
    lines = message.rstrip().split("\n")
    if len(lines) > 1 and _names_a_device(lines[-1], wanted):
        lines = lines[:-1]
    begins = next((at for at, line in enumerate(lines) if at and line.rstrip() == "--"), len(lines))
    signature = lines[begins + 1 :]
    if len(signature) > _MOST_SIGNATURE_LINES or not all(_names_a_sender(line, wanted) for line in signature):
        return message
    return "\n".join(lines[:begins]).rstrip()


def _names_a_device(line: str, wanted: Keywords) -> bool:
    said = fold(line.strip())
    begin = next((phrase for phrase in _device_phrases() if said.startswith(phrase)), None)
    if begin is None or len(said[len(begin) :].split()) > _MOST_DEVICE_WORDS:
        return False
    return not re.search(r"[,;:!?。，、]", said) and _says_nothing(said, wanted)


def _names_a_sender(line: str, wanted: Keywords) -> bool:
    """A name, a title, an address: words as names are written, numbers, and short words between them."""
    return all(map(_SENDER_WORD.fullmatch, line.split())) and _says_nothing(line, wanted)


def without_frame(message: str, wanted: Keywords) -> str:
    """The message without its greeting, an apology after that, and its end with a name."""
    message = message.replace("ß", "ss")  # as the vocabulary is folded
    message = _without_apology(_without(_greeting(), message, wanted), wanted)
    for ending in (_ending(), _ending(), _unbordered_ending()):  # "Have a nice weekend! Best, Anna"
        begin, end = message[:-_MOST_CHARACTERS], message[-_MOST_CHARACTERS:]
        message = begin + _without(ending, end, wanted)
    return message


def _without(frame: re.Pattern[str], text: str, wanted: Keywords) -> str:
    found = frame.search(text)
    if not found or not _are_names(found["names"] or "", wanted):
        return text
    if has_keyword(tokenise(fold(found[0]), wanted)):
        return text
    return f"{text[: found.start()]}{found['before'] or ''}{text[found.end() :]}"


def _without_apology(message: str, wanted: Keywords) -> str:
    """Its sentence goes, or its clause where that sentence goes on with more."""
    for ends in (_SENTENCE_ENDS, _CLAUSE_ENDS):
        found = _apology(ends).match(message[:_MOST_CHARACTERS])
        if found and len(found["for"].split()) <= _MOST_APOLOGY_WORDS and _excuses(found["for"], wanted):
            return message[found.end() :]
    return message


def _excuses(text: str, wanted: Keywords) -> bool:
    """As `_says_nothing`; but an apology may speak of an answer that was late, and of how that came."""
    words = vocabulary()
    reserve = words.negation | words.hypothetical | words.partial | words.contrast | words.failure | words.bad
    return _holds_none(text, wanted, reserve)


def _are_names(words: str, wanted: Keywords) -> bool:
    company = vocabulary().company
    written = all(not word[0].islower() or fold(word) in company for word in words.split())
    return written and not _speaks(words) and _says_nothing(words, wanted)


def _speaks(names: str) -> bool:
    """Whether they are words of a sentence ("Je Plaisante"); one word alone is none, though it be "Ben"."""
    words = vocabulary()
    sentence = (words.pronouns | words.copulas | words.determiners | words.prepositions) - words.company
    said = [fold(name) for name in names.split()]
    return len(said) > 1 and not sentence.isdisjoint(said)


def _says_nothing(text: str, wanted: Keywords) -> bool:
    """Whether no word of it is a keyword, a reserve or a defect, and nothing is asked."""
    return _holds_none(text, wanted, vocabulary().reserve)


def _holds_none(text: str, wanted: Keywords, reserve: frozenset[str]) -> bool:
    words, tokens = vocabulary(), tokenise(fold(text), wanted)
    if any(stop in text for stop in (*words.stops, *words.failures)):
        return False
    return is_free(tokens, reserve) and not any(token.kind is Kind.ASKED for token in tokens)


@cache
def _greeting() -> re.Pattern[str]:
    greeted = rf"(?P<before>)(?:{_any(vocabulary().greetings)})(?:[ ,]+{_NAMES})?"
    return re.compile(rf"\A\s*{greeted}\s*(?:[,!.:;–—-]+(?=\s)|\n)\s*", re.IGNORECASE)


@cache
def _apology(ends: str) -> re.Pattern[str]:
    said = rf"(?:{_any(vocabulary().apologies)})(?P<for>[^?{ends}]*)"
    return re.compile(rf"\A\s*{said}(?:[{ends}]+(?=\s)|\s[–—-]\s)\s*", re.IGNORECASE)


@cache
def _ending() -> re.Pattern[str]:
    said = rf"(?:{_any(vocabulary().closings)})[\s,.!–—-]*{_NAMES}?"
    return re.compile(rf"(?:\A|(?P<before>[.!…])|[\n,;]|\s[–—-])\s*{said}[\s.!]*\Z", re.IGNORECASE)


@cache
def _unbordered_ending() -> re.Pattern[str]:
    said = "|".join(map(re.escape, vocabulary().unbordered_closings))
    return re.compile(rf"(?P<before>[。、，,!！\s])(?:{said})[。!！\s]*\n\s*{_CJK_NAME}[。\s]*\Z")


@cache
def _device_phrases() -> tuple[str, ...]:
    return tuple(" ".join(phrase) for phrase in vocabulary().sent_from) + vocabulary().unbordered_sent_from


def _any(phrases: Phrases) -> str:
    return "|".join(_spaced(phrase) for phrase in phrases)


def _spaced(words: Iterable[str]) -> str:
    return r"\s+".join(map(re.escape, words)) + r"(?!\w)"
