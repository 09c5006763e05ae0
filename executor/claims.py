"""What an agent's last words claim. Words only: whether it is true is decided in ``verdict.py``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from roadmark.executor.sentence import affirms, split_sentences, without_harmless
from roadmark.executor.utterance import Keywords, Kind, Token, clean, fold, tokenise
from roadmark.executor.vocabulary import vocabulary
from roadmark.ingest.prose import OPAQUE, inline_text, paragraphs

MOST_MESSAGE_CHARACTERS = 8192
"""Only the end of an agent's last message can be a claim; this also bounds the work on hostile text."""
MOST_PROMPT_CHARACTERS = 262_144
LAST_SENTENCES = 3
_SCANNED_CHARACTERS = 65_536  # more than is read, so that a fence opened before the last 8 KB is known


class ClaimKind(StrEnum):
    """What an agent's last words claim."""

    NONE = "none"
    WEAK = "weak"
    """The keyword stands in a longer statement; never enough by itself."""
    STRONG = "strong"
    """The sentence is little but the keyword."""
    NEGATED = "negated"
    """The last words about it say no, not yet, or report a failure."""
    QUESTION = "question"
    """The agent asks something and claims nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What was claimed and the sentence that says so (empty for ``none``)."""

    kind: ClaimKind
    sentence: str


def claim(message: str, keywords: Sequence[str], prompt: str) -> Claim:
    """What an agent's own last message claims: words only, whether it is true is not asked here.

    Args:
        message: The text after the agent's last tool call; only its last 8 KB are read.
        keywords: The spec's confirmation keywords.
        prompt: What the agent was told; its sentences are an echo, not a claim.

    Source: execution design, section 5.
    """
    wanted = Keywords(keywords)
    echoed = _echoes(prompt, wanted)
    spoken = [s for s in _sentences(message, wanted) if _key(s) not in echoed]
    last = spoken[-LAST_SENTENCES:]
    for at in range(len(last) - 1, -1, -1):
        tokens = tokenise(fold(last[at]), wanted)
        if _names_keyword(tokens):
            return Claim(_with_what_follows(_judge(last[at], tokens), last[at + 1 :], wanted), last[at])
    asked = next((s for s in reversed(last) if s.rstrip("\"')]} ").endswith("?")), "")
    return Claim(ClaimKind.QUESTION, asked) if asked else Claim(ClaimKind.NONE, "")


_KEY = re.compile(r"[\W_]+")


def _sentences(message: str, wanted: Keywords) -> list[str]:
    """The sentences of plain prose at the message's end, in order."""
    shown = clean(message[-_SCANNED_CHARACTERS:])
    blocks = list(paragraphs(shown))
    kept: list[str] = []
    size = 0
    for block in reversed(blocks):
        size += sum(len(line) + 1 for line in block)
        kept[:0] = _of_block(block, wanted)
        if size > MOST_MESSAGE_CHARACTERS or len(kept) > 50 * LAST_SENTENCES:
            break
    return kept


def _of_block(block: list[str], wanted: Keywords) -> list[str]:
    """A block's sentences; a keyword alone on the last line is one, unless the line before runs into it."""
    text = " ".join(block)[-MOST_MESSAGE_CHARACTERS:]
    last = " ".join(fold(block[-1]).split()).rstrip(".!…* ")
    whole = split_sentences(text)
    if len(block) < 2 or last not in wanted.plain or not whole:
        return whole
    if _ends(block[-2]) or not _blocked(whole[-1], wanted):
        return [*split_sentences(" ".join(block[:-1])[-MOST_MESSAGE_CHARACTERS:]), block[-1]]
    return whole


_GOING_ON = ",-'\"\u2013\u2014\u2019"


def _ends(line: str) -> bool:
    """Whether a line is over where it breaks, as lines of a program's output are: "attempt 1", "wrote 3)"."""
    tail = line.rstrip()
    return bool(tail) and not tail[-1].isalpha() and tail[-1] not in _GOING_ON


def _blocked(sentence: str, wanted: Keywords) -> bool:
    return _judge(sentence, tokenise(fold(sentence), wanted)) in (ClaimKind.NEGATED, ClaimKind.QUESTION)


def _key(sentence: str) -> str:
    return _KEY.sub(" ", fold(sentence)).strip()


def _echoes(prompt: str, wanted: Keywords) -> frozenset[str]:
    """The prompt's sentences and lines as keys, but not a keyword that stands there by itself."""
    lines = clean(prompt[-MOST_PROMPT_CHARACTERS:]).split("\n")
    bare = [inline_text(line).lstrip("-*+#> \t").removeprefix("[ ] ") for line in lines]
    spoken = [sentence for text in [*bare, " ".join(bare)] for sentence in split_sentences(text)]
    keys = {_key(sentence) for sentence in [*spoken, *bare]}
    return frozenset(key for key in keys if " " in key and key not in wanted.plain)


def _names_keyword(tokens: Sequence[Token]) -> bool:
    """Whether a keyword is used and not merely shown: outside quotes, not glued, not the whole list."""
    used = set()
    quoted = False
    for token in tokens:
        if token.kind is Kind.QUOTED and token.text != OPAQUE:
            quoted = not quoted
        elif token.kind is Kind.KEYWORD and not quoted and not token.glued:
            used.add(token.text)
    return 1 <= len(used) <= 2


def _judge(sentence: str, tokens: list[Token]) -> ClaimKind:
    """What one sentence that names a keyword says by itself."""
    words = vocabulary()
    plain = without_harmless(tokens)
    if any(token.kind is Kind.ASKED for token in plain):
        return ClaimKind.QUESTION
    stopping = words.stopping | words.meta
    if any(_denies(token, stopping) for token in plain) or _denies_unbordered(sentence, words.stops):
        return ClaimKind.NEGATED
    after = plain[max((n for n, t in enumerate(plain) if t.kind is Kind.KEYWORD), default=0) :]
    if any(token.text in words.failure for token in after) or _denies_unbordered(sentence, words.failures):
        return ClaimKind.NEGATED
    numbered = any(token.kind is Kind.NUMBER for token in tokens)
    return ClaimKind.STRONG if affirms(tokens) and not numbered else ClaimKind.WEAK


def _denies(token: Token, stopping: frozenset[str]) -> bool:
    if token.kind is Kind.KEYWORD:
        return False
    return (
        token.text in stopping
        or token.text == "1%"
        or token.text.endswith("n't")
        or token.text.startswith("n'")
    )


def _denies_unbordered(sentence: str, stops: tuple[str, ...]) -> bool:
    """The same for Japanese and Chinese, where a word is found by its characters."""
    folded = fold(sentence)
    for phrase in vocabulary().no_harm:
        folded = folded.replace(phrase, " ")
    return any(stop in folded for stop in stops)


def _with_what_follows(kind: ClaimKind, later: Sequence[str], wanted: Keywords) -> ClaimKind:
    """The claim in the light of the sentences after it: a failure takes it back, a doubt weakens it."""
    words = vocabulary()
    tokens = [token for s in later for token in without_harmless(tokenise(fold(s), wanted))]
    texts = {token.text for token in tokens}
    failed = bool(texts & words.failure) or any(_denies_unbordered(s, words.failures) for s in later)
    if failed and kind is not ClaimKind.NONE:
        return ClaimKind.NEGATED
    if kind is ClaimKind.QUESTION and any(_denies(token, words.negation) for token in tokens):
        return ClaimKind.NEGATED
    doubted = texts & (words.stopping | words.contrast) or any(t.kind is Kind.ASKED for t in tokens)
    return ClaimKind.WEAK if kind is ClaimKind.STRONG and doubted else kind
