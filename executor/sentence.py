"""Whether words are a plain statement that something is done: a small grammar over known words.

Unknown words are never waved through: what is not understood does not confirm. The words are in
``executor/words``; a message is cut into clauses at its punctuation and at "and".
"""

import re
from collections.abc import Sequence

from roadmark.executor.utterance import Kind, Token
from roadmark.executor.vocabulary import Phrases, Vocabulary, vocabulary
from roadmark.ingest.prose import OPAQUE

_SPLIT = re.compile(r"(?<=[.!?…])\s+|(?<=[。!?])(?=[\u3040-\u30ff\u4e00-\u9fff])|;\s+|\s[–—]\s")  # noqa: RUF001
MOST_WORDS = 6
"""How many words may stand around the keywords of a confirmation (execution design, section 6)."""
MOST_CLAUSE_WORDS = 8
"""How long a clause may be that tells, in the same sentence, what was found."""


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, each with its own final mark."""
    return [sentence.strip() for sentence in _SPLIT.split(text) if sentence and sentence.strip()]


def affirms(tokens: Sequence[Token]) -> bool:
    """Whether the tokens say, now and without reserve, that it is done.

    At most :data:`MOST_WORDS` words stand around the keyword, every one of them known and harmless where
    it stands; three or more different keywords are a copied list, not an answer.
    """
    said = [token.text for token in tokens if token.kind is Kind.KEYWORD]
    if not 1 <= len(set(said)) <= 2 or len(said) > MOST_WORDS or any(_spoils(token) for token in tokens):
        return False
    if _is_idiom(tokens):
        return False
    parts = _without_report(_clauses(without_harmless(tokens)))
    if sum(map(_count_words, parts)) > MOST_WORDS:
        return False
    last = max((at for at, part in enumerate(parts) if has_keyword(part)), default=-1)
    return last >= 0 and all(_stands(part, at < last) for at, part in enumerate(parts))


def _count_words(clause: Sequence[Token]) -> int:
    return sum(token.kind in (Kind.WORD, Kind.NUMBER, Kind.LINK) for token in clause)


def _without_report(parts: list[list[Token]]) -> list[list[Token]]:
    """The clauses without those at the beginning that only tell what was found ("checked it twice, ...")."""
    words = vocabulary()
    for at, part in enumerate(parts):
        if len(part) > MOST_CLAUSE_WORDS or not (_finding(part, words) and _tells_only(part, words)):
            return parts[at:]
    return []


def reports(tokens: Sequence[Token]) -> bool:
    """Whether a sentence before the confirmation only tells what was found: no reserve, question or order.

    Its words need not all be known, so each of its clauses must name a finding ("pass", "checked") and begin
    as a statement does ("the", "I", "all", "created"), or be thanks, praise and the like. A phrase that adds
    nothing may itself be the finding ("I tested it"), so that both readings count.
    """
    words = vocabulary()
    plain = without_harmless(tokens)
    if any(_spoils(token) and token.text != OPAQUE for token in plain) or not _tells_only(plain, words):
        return False
    return any(
        all(_finding(clause, words) or _aside(clause, early=True) for clause in _clauses(said))
        for said in (plain, tokens)
    )


def _tells_only(tokens: Sequence[Token], words: Vocabulary) -> bool:
    return is_free(tokens, words.reserve | {"to", "1%"})


def is_free(tokens: Sequence[Token], reserve: frozenset[str]) -> bool:
    """Whether none of the tokens is a keyword, a negated verb, or one of the words of reserve."""
    return not has_keyword(tokens) and not any(
        token.text in reserve or token.text.endswith("n't") for token in tokens
    )


def adds_nothing(tokens: Sequence[Token]) -> bool:
    """Whether a sentence after the confirmation is thanks, praise or "go on", and takes nothing back."""
    plain = without_harmless(tokens)
    if any(_spoils(token) for token in plain) or has_keyword(plain) or _is_idiom(tokens):
        return False
    return all(_aside(clause, early=False) for clause in _clauses(plain))


def _finding(clause: Sequence[Token], words: Vocabulary) -> bool:
    first = clause[0].text
    if len(clause) == 1 and first in words.before_comma:
        return True
    opening = words.pronouns | words.copulas | words.determiners | words.nouns | words.assent | words.praise
    opening |= words.report_openers
    if not (clause[0].kind is Kind.NUMBER or first in opening or (first.endswith("ed") and first.isascii())):
        return False
    return any(token.text in words.findings for token in clause)


def without_harmless(tokens: Sequence[Token]) -> list[Token]:
    """The tokens without phrases such as "no errors" or "nothing left", which only look like a negation."""
    kept: list[Token] = []
    at = 0
    while at < len(tokens):
        size = _harmless(tokens[at : at + 7])
        if not size:
            kept.append(tokens[at])
        at += size or 1
    return kept


def _is_idiom(tokens: Sequence[Token]) -> bool:
    """Whether a phrase stands there that says something else than its words do."""
    texts = [token.text for token in tokens]
    return any(_begins_with(texts[at:], vocabulary().idioms) for at in range(len(texts)))


def _spoils(token: Token) -> bool:
    foreign = token.kind in (Kind.FOREIGN, Kind.ASKED, Kind.QUOTED)
    return foreign or (token.glued and token.kind in (Kind.KEYWORD, Kind.WORD, Kind.NUMBER))


def _harmless(tokens: Sequence[Token]) -> int:
    """How many tokens from here are such a phrase; one that belongs to a keyword ("no issue done") is not."""
    words = vocabulary()
    texts = [token.text if token.kind in (Kind.WORD, Kind.NUMBER) else "" for token in tokens]
    aside = _begins_with(texts, words.asides)
    size = _begins_with(texts, words.harmless) or _no_trouble(texts, words)
    if aside or not size:
        return aside
    follows = tokens[size].kind if size < len(tokens) else Kind.BREAK
    return 0 if follows is Kind.KEYWORD else size


def _begins_with(texts: list[str], phrases: Phrases) -> int:
    return next((len(phrase) for phrase in phrases if tuple(texts[: len(phrase)]) == phrase), 0)


def _no_trouble(texts: list[str], words: Vocabulary) -> int:
    """The length of "no further errors found" and its kind; 0 where it is none."""
    if not texts or texts[0] not in words.no_words:
        return 0
    at = 1
    while at < min(len(texts), 3) and texts[at] in words.no_fillers and texts[at] not in words.no_objects:
        at += 1
    if at >= len(texts) or texts[at] not in words.no_objects:
        return 0
    at += 1
    while at < min(len(texts), 6) and texts[at] in words.no_tails:
        at += 1
    return at


def _clauses(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens cut at punctuation, at "and", and before an imperative such as "continue"."""
    words = vocabulary()
    parts: list[list[Token]] = [[]]
    for at, token in enumerate(tokens):
        if token.kind is Kind.BREAK or (token.kind is Kind.WORD and token.text in words.joiners):
            parts.append([])
            continue
        if _goes_on(tokens, at, words) and parts[-1]:
            parts.append([])
        if parts[-1] or not _only_before_comma(tokens, at, words):
            parts[-1].append(token)
    return [part for part in parts if part]


def _goes_on(tokens: Sequence[Token], at: int, words: Vocabulary) -> bool:
    """Whether a clause of its own begins here: "continue", "please go on"."""
    if tokens[at].kind is not Kind.WORD:
        return False
    following = tokens[at + 1].text if at + 1 < len(tokens) else ""
    return tokens[at].text in words.go or (tokens[at].text in words.onward and following in words.go)


def _only_before_comma(tokens: Sequence[Token], at: int, words: Vocabulary) -> bool:
    """Whether this is a word like "well", which means nothing when a comma follows."""
    comma = at + 1 < len(tokens) and tokens[at + 1].text in (",", "、")
    return tokens[at].kind is Kind.WORD and tokens[at].text in words.before_comma and comma


def has_keyword(clause: Sequence[Token]) -> bool:
    """Whether one of the tokens is a keyword."""
    return any(token.kind is Kind.KEYWORD for token in clause)


def _stands(clause: Sequence[Token], early: bool) -> bool:  # noqa: FBT001 - a fact about the clause, no mode
    """Whether one clause is harmless; ``early``: a clause with the keyword follows."""
    return _keyword_clause(clause) if has_keyword(clause) else _aside(clause, early)


def _keyword_clause(clause: Sequence[Token]) -> bool:
    """Whether the clause around a keyword is a statement: no command, no question, no relative clause."""
    words = vocabulary()
    frame = words.pronouns | words.copulas | words.determiners | words.adverbs | words.prepositions
    allowed = frame | words.nouns | words.assent
    texts = [token.text if token.kind is Kind.WORD else "" for token in clause]
    for at, token in enumerate(clause):
        counts = token.kind is Kind.NUMBER or token.text in words.numbers
        if token.kind is Kind.WORD and token.text not in allowed and not counts:
            return False
        if counts and not (at and texts[at - 1] in words.nouns):
            return False
        if token.kind is Kind.LINK and not has_keyword(clause[:at]):
            return False
    if clause[-1].text in words.never_last:
        return False
    return not _asks(clause, words) and _well_placed(clause, texts, words)


def _well_placed(clause: Sequence[Token], texts: list[str], words: Vocabulary) -> bool:
    """Whether what touches the keyword leaves it a statement: not "complete it", "a complete", "you done"."""
    for at, token in enumerate(clause):
        before = texts[at - 1] if at else ""
        after = texts[at + 1] if at + 1 < len(texts) else ""
        if token.kind is Kind.KEYWORD:
            if after in words.nouns or after in words.determiners or after in words.pronouns:
                return False
            is_named = " " in token.text and at == 1 and before in words.determiners  # "die Datenbank läuft"
            if not (token.unbordered or is_named) and _leaves_open(before, words):
                return False
        elif _leads_away(token.text, at, (before, after), words):
            return False
    return True


def _leads_away(text: str, at: int, around: tuple[str, str], words: Vocabulary) -> bool:
    """Whether a word beside the keyword tells of something else: "the work you have", "with this", "in"."""
    before, after = around
    if text in words.persons and before in words.nouns:
        return True
    is_first = at == 0 and text not in words.determiners
    return text in words.prepositions and (is_first or after in words.pronouns)


def _leaves_open(before: str, words: Vocabulary) -> bool:
    """Whether the keyword after this word is part of something else: "a complete", "in done", "you done"."""
    is_subject = before in words.pronouns and before not in words.copulas
    return is_subject or before in words.prepositions or before in words.determiners


def _asks(clause: Sequence[Token], words: Vocabulary) -> bool:
    """Whether the verb comes first: "is it done", though nobody typed the question mark."""
    first = clause[0].text
    if (
        len(clause) < 2
        or first not in words.copulas
        or first in words.statement_first | words.determiners
        or "'" in first
    ):
        return False
    following = clause[1]
    if following.kind is Kind.KEYWORD:
        return " " in following.text  # "is infrastructure ready"
    subjects = words.pronouns | words.determiners | words.nouns
    return following.kind is Kind.WORD and following.text in subjects


def _aside(clause: Sequence[Token], early: bool) -> bool:  # noqa: FBT001 - as in _stands
    """Whether a clause beside the keyword's is thanks, praise, "go on", or a heading such as "Phase 1:"."""
    words = vocabulary()
    telling = words.assent | words.praise | words.onward | words.go
    meant = telling - words.polite
    frame = words.pronouns | words.copulas | words.determiners | words.adverbs | words.prepositions
    known = telling | frame | words.nouns | words.linking
    spoken = [token for token in clause if token.kind is Kind.WORD]
    if any(token.text not in known for token in spoken):
        return False
    if any(token.text in meant for token in spoken) or any(token.kind is Kind.LINK for token in clause):
        return True
    named = early and any(token.text in words.nouns for token in spoken)
    idle = words.adverbs | words.polite
    return named or (bool(spoken) and all(token.text in idle for token in spoken))
