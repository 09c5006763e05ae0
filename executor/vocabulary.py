"""The words that replies and claims are read with, from the data files in ``executor/words``.

One TOML file a language. Each class of words is the union over all languages, because nobody says in
which language a reply is written; a word that stops a reading in one language is never harmless in another.
"""

import functools
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

Phrases = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Casefolded words by what they do in a sentence. A word may belong to several classes."""

    pronouns: frozenset[str]
    determiners: frozenset[str]
    copulas: frozenset[str]
    statement_first: frozenset[str]
    """Copulas that may begin a statement ("está todo listo")."""
    adverbs: frozenset[str]
    prepositions: frozenset[str]
    joiners: frozenset[str]
    nouns: frozenset[str]
    assent: frozenset[str]
    praise: frozenset[str]
    onward: frozenset[str]
    linking: frozenset[str]
    """Words allowed only beside the keyword's clause ("thanks for the work")."""
    go: frozenset[str]
    """Imperatives that begin a new clause without any comma ("done go on")."""
    before_comma: frozenset[str]
    """Words that are assent only when a comma follows ("well, done", "si, fatto")."""
    negation: frozenset[str]
    hypothetical: frozenset[str]
    partial: frozenset[str]
    contrast: frozenset[str]
    question: frozenset[str]
    meta: frozenset[str]
    failure: frozenset[str]
    no_words: frozenset[str]
    no_fillers: frozenset[str]
    no_objects: frozenset[str]
    no_tails: frozenset[str]
    numbers: frozenset[str]
    findings: frozenset[str]
    """What a report says was found or done ("checked", "pass"); a report without any is no report."""
    report_openers: frozenset[str]
    """What a report may begin with, that no order begins with ("just", "tested")."""
    bad: frozenset[str]
    """What no report of an accepted phase holds, though it may stand elsewhere ("slow", "rubbish")."""
    persons: frozenset[str]
    """Who may have done it; after a noun they begin a relative clause ("the work you have done")."""
    polite: frozenset[str]
    """Words that by themselves ask for nothing ("please"), but make a noun an order ("please test")."""
    never_last: frozenset[str]
    """Words that a statement does not end with: more was meant to follow."""
    refusal_words: frozenset[str]
    refusal_objects: frozenset[str]
    empty_reasons: frozenset[str]
    pieces: frozenset[str]
    """Japanese and Chinese words of every harmless class, to cut a run of characters with."""
    stops: tuple[str, ...]
    failures: tuple[str, ...]
    no_harm: tuple[str, ...]
    refusals: tuple[str, ...]
    harmless: Phrases
    """Phrases with a negation that deny nothing ("nothing left")."""
    asides: Phrases
    """Phrases that add nothing to a confirmation ("from my side")."""
    idioms: Phrases
    """Phrases that mean something else than their words ("en fait", "approved with changes")."""
    because: Phrases
    because_unbordered: tuple[str, ...]
    greetings: Phrases
    """What a message may begin with, before a name ("hi", "hallo")."""
    apologies: Phrases
    """What an apology for being late begins with."""
    closings: Phrases
    """What a message may end with, before a name ("best regards")."""
    unbordered_closings: tuple[str, ...]
    sent_from: Phrases
    """What a telephone writes under a message."""
    unbordered_sent_from: tuple[str, ...]
    company: frozenset[str]
    """Whom one greets or thanks, if not by name ("everyone")."""

    @property
    def stopping(self) -> frozenset[str]:
        """Words that keep a sentence from being a plain statement that something is done."""
        return self.negation | self.hypothetical | self.partial | self.question

    @property
    def reserve(self) -> frozenset[str]:
        """Words of which a sentence beside the confirmation may hold none."""
        return self.stopping | self.contrast | self.meta | self.failure | self.bad


_UNBORDERED = ("ja", "zh")
_BORDERED = ("en", "de", "fr", "es", "it", "pt", "nl", "pl")
_HARMLESS = (
    "pronouns", "determiners", "copulas", "statement_first", "adverbs", "prepositions", "joiners", "nouns",
    "assent", "praise", "onward", "linking", "go",
)  # fmt: skip
_STOPPING = ("negation", "hypothetical", "partial", "contrast", "question", "meta", "failure")
_OTHER = (
    "before_comma", "no_words", "no_fillers", "no_objects", "no_tails", "refusal_words", "refusal_objects",
    "empty_reasons", "numbers", "findings", "bad", "persons", "polite",
    "never_last", "company", "report_openers",
)  # fmt: skip


def plain_spellings(text: str) -> frozenset[str]:
    """How a casefolded text is typed without its accents: "laeuft" and "lauft" for "läuft".

    A word with an accent on its last letter has none: there it tells one word from another ("terminé").
    """
    bare = unicodedata.normalize("NFD", text.translate(_STROKES))
    if any(unicodedata.combining(word[-1]) for word in bare.split()):
        return frozenset()
    stripped = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return frozenset({text.translate(_UMLAUTS), stripped}) - {text}


_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d"})


@functools.cache
def vocabulary() -> Vocabulary:
    """The words of all languages; the files are read at the first call."""
    bordered = [_read(language) for language in _BORDERED]
    unbordered = [_read(language) for language in _UNBORDERED]
    everything = [*bordered, *unbordered]
    stopping = {name: _words(everything, name) for name in _STOPPING}
    stopped = frozenset().union(*stopping.values())
    harmless = {name: _words(everything, name) - stopped for name in _HARMLESS}
    known = stopped.union(*harmless.values())
    return Vocabulary(
        **{name: words | (_respelt(words) - known) for name, words in stopping.items()},
        **{name: words | (_respelt(words) - _respelt(stopped) - known) for name, words in harmless.items()},
        **{name: words | _respelt(words) for name, words in _others(everything)},
        pieces=frozenset().union(*(_words(unbordered, name) for name in _HARMLESS)),
        stops=_longest_first(unbordered, "stops"),
        failures=_longest_first(unbordered, "failures"),
        no_harm=_longest_first(unbordered, "no_harm"),
        refusals=_longest_first(unbordered, "refusals"),
        harmless=_phrases(bordered, "harmless"),
        asides=_phrases(bordered, "asides"),
        idioms=_phrases(bordered, "idioms"),
        because=_phrases(bordered, "because"),
        greetings=_phrases(bordered, "greetings"),
        apologies=_phrases(bordered, "apologies"),
        closings=_phrases(bordered, "closings"),
        sent_from=_phrases(bordered, "sent_from"),
        because_unbordered=tuple(phrase for data in unbordered for phrase in _list(data, "because")),
        unbordered_closings=_longest_first(unbordered, "closings"),
        unbordered_sent_from=_longest_first(unbordered, "sent_from"),
    )


def _read(language: str) -> dict[str, object]:
    return tomllib.loads((files("roadmark.executor") / "words" / f"{language}.toml").read_text("utf-8"))


def _others(data: list[dict[str, object]]) -> list[tuple[str, frozenset[str]]]:
    return [(name, _words(data, name)) for name in _OTHER]


def _respelt(words: Iterable[str]) -> frozenset[str]:
    return frozenset(plain for word in words for plain in plain_spellings(word))


def _words(data: list[dict[str, object]], name: str) -> frozenset[str]:
    return frozenset(word.casefold() for one in data for word in str(one.get(name, "")).split())


def _longest_first(data: list[dict[str, object]], name: str) -> tuple[str, ...]:
    return tuple(sorted(_words(data, name), key=lambda word: (-len(word), word)))


def _list(data: dict[str, object], name: str) -> list[str]:
    found = data.get(name, [])
    return [str(phrase).casefold() for phrase in found] if isinstance(found, list) else []


def _phrases(data: list[dict[str, object]], name: str) -> Phrases:
    written = {phrase for one in data for phrase in _list(one, name)}
    found = {tuple(phrase.split()) for phrase in written | _respelt(written)}
    return tuple(sorted(found, key=lambda phrase: (-len(phrase), phrase)))
