"""Text into words: invisible characters off, marks told apart, a spec's keywords found as whole words."""

# ruff: noqa: RUF001 - the marks that people really type

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from roadmark.executor.vocabulary import plain_spellings, vocabulary

_ANSI = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # a title or a link
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours and moves
    r"|\x1b[@-Z\\-_]"
)
_CJK = "\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_FIRST_NAMED = "\ue000"
"""Characters for private use, from this one on, stand for keywords that have marks in them."""
_PRIVATE = re.compile(rf"[{_FIRST_NAMED}-\uf8ff]")
_LETTER = rf"(?:(?![{_CJK}])[\w\u0300-\u036f])"
_TOKEN = re.compile(
    r"(?P<link>https?://\S+)"
    r"|(?P<smiley>[:;=]-?[)d](?!\w))"
    r"|(?P<sad>[:;=]['-]?[(/\\|\[])"
    r"|(?P<code>:[a-z0-9_+\-]{1,30}:)"
    r"|(?P<share>\d{1,4}\s?(?:/|of|out\sof|von|sur|de|di|van|z)\s?\d{1,4}(?![\w/.%]))"
    r"|(?P<percent>\d{1,4}(?:[.,]\d{1,3})?\s?%)"
    r"|(?P<mention>(?<!\S)@[^\W\d_][\w-]*(?:\.[\w-]+)*)"
    rf"|(?P<named>[{_FIRST_NAMED}-\uf8ff])"
    r"|(?P<plus>\+1(?!\w))"
    rf"|(?P<cjk>[{_CJK}]+)"
    rf"|(?P<word>{_LETTER}+(?:['.\-/_@#&=+\\]+{_LETTER}+)*)"
    r"|(?P<newline>\n+)"
    r"|(?P<space>\s+)"
    r"|(?P<mark>.)"
)
_BREAKS = frozenset(",.;:!¡…–—()·•-、。~〜")
_GLAD = frozenset(
    "✅☑✔✓🎉👍👌🚀🙏💯😀😃😄🙂😊😁😎👏🥳🏁🎊💪❤🟢🔥✨⭐🌟🤝🙌🆗🔑📦☀🌞🌈🎈🍾🥂🍻☕🫡🤗😇🤩😍🥰😌👋🤘✌👊🤙💙💚💛💜🧡🎯🏆🥇🚢⛵🍀🌸🌻🐳🦄⚡"
)
_GLAD_CODES = frozenset(
    {":white_check_mark:", ":heavy_check_mark:", ":ballot_box_with_check:", ":tada:", ":+1:", ":thumbsup:",
     ":rocket:", ":ok_hand:", ":100:", ":clap:", ":pray:", ":smile:", ":muscle:", ":fire:", ":sparkles:",
     ":shipit:", ":ship:", ":raised_hands:", ":partying_face:", ":v:", ":star:", ":green_heart:", ":heart:"}
)  # fmt: skip
_QUOTES = frozenset("\"'“”„‟«»‹›「」『』`‘‚\ufffc")
_BEFORE = frozenset("!/\\#$@~.-_=<>|&^%+") | _QUOTES
_AFTER = frozenset("/\\=<>|&^%$@#_([{~+") | _QUOTES


class Kind(StrEnum):
    """What a token is to a reader."""

    WORD = "word"
    NUMBER = "number"
    BREAK = "break"
    ASKED = "asked"
    KEYWORD = "keyword"
    QUOTED = "quoted"
    LINK = "link"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token; ``glued`` says that a mark which is no punctuation touches it ("done.py", "--done")."""

    kind: Kind
    text: str
    glued: bool = False
    unbordered: bool = False


def clean(text: str) -> str:
    """The text as a person sees it: no terminal codes, no invisible or control characters, NFKC."""
    text = _ANSI.sub("", text).replace("\r\n", "\n")
    kept = "".join(_visible(character) for character in text)
    return unicodedata.normalize("NFKC", kept).replace("’", "'").replace("ʼ", "'").replace("＇", "'")


def _visible(character: str) -> str:
    if character in "\n\t":
        return character
    if character in "\r\u2028\u2029\x0b\x0c\x85":
        return "\n"
    hidden = unicodedata.category(character) in ("Cf", "Cc") or 0xFE00 <= ord(character) <= 0xFE0F
    return "" if hidden or 0x1F3FB <= ord(character) <= 0x1F3FF else character


def fold(text: str) -> str:
    """The text for comparison: casefolded, again NFKC."""
    return unicodedata.normalize("NFKC", text.casefold())


class Keywords:
    """The words of a spec that say "done", prepared for finding them among tokens."""

    def __init__(self, keywords: Iterable[str]) -> None:
        folded = {" ".join(fold(clean(keyword)).split()) for keyword in keywords}
        spellings = folded.union(*map(plain_spellings, folded))
        self.plain = frozenset(keyword for keyword in spellings if keyword)
        parts = {tuple(_TOKEN_WORDS.findall(keyword)) for keyword in self.plain}
        self.sequences = sorted((part for part in parts if part), key=lambda part: (-len(part), part))
        self.marked = sorted(k for k in self.plain if " ".join(_TOKEN_WORDS.findall(k)) != k)
        self._named = [
            re.compile(rf"(?<!{_LETTER}){re.escape(keyword)}(?!{_LETTER}|%)") for keyword in self.marked
        ]
        self.unbordered = tuple(k for k in self.plain if re.fullmatch(rf"[{_CJK}]+", k))

    def named_in(self, text: str) -> str:
        """The text with one character for each keyword that is no plain words ("c++ ok", "100%")."""
        text = _PRIVATE.sub("\ufffd", text)
        for number, pattern in enumerate(self._named):
            text = pattern.sub(chr(ord(_FIRST_NAMED) + number), text)
        return text

    def at(self, words: Sequence[str]) -> int:
        """How many of the next words are one keyword; 0 where none begins here."""
        for sequence in self.sequences:
            if tuple(words[: len(sequence)]) == sequence:
                return len(sequence)
        return 1 if words and "-" in words[0] and tuple(words[0].split("-")) in self.sequences else 0


_TOKEN_WORDS = re.compile(rf"[{_CJK}]+|{_LETTER}+(?:['.\-/_@#&=+\\]+{_LETTER}+)*")


def tokenise(text: str, keywords: Keywords) -> list[Token]:
    """The tokens of a folded text, white space left out, whole-word keywords marked."""
    tokens: list[Token] = []
    text = keywords.named_in(text)
    for found in _TOKEN.finditer(text):
        group = found.lastgroup or "mark"
        if group == "cjk":
            tokens.extend(_cut(found[0], keywords))
        elif group == "named":
            tokens.append(Token(kind=Kind.KEYWORD, text=keywords.marked[ord(found[0]) - ord(_FIRST_NAMED)]))
        elif group != "space":
            tokens.extend(_token(group, found, text))
    return _mark(tokens, keywords)


def _token(group: str, found: re.Match[str], text: str) -> list[Token]:
    if group in ("smiley", "mention"):
        return []
    if group == "sad":
        return [Token(kind=Kind.FOREIGN, text=found[0])]
    if group == "mark":
        return _symbol(found[0])
    if group == "code":
        return [] if found[0] in _GLAD_CODES else [Token(kind=Kind.FOREIGN, text=found[0])]
    if group == "word":
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        kind = Kind.NUMBER if found[0].isdecimal() else Kind.WORD
        return [Token(kind=kind, text=found[0], glued=before in _BEFORE or after in _AFTER)]
    return [Token(kind=_KINDS[group], text=_whole(found[0]) if group in ("share", "percent") else found[0])]


_KINDS = {
    "link": Kind.LINK,
    "newline": Kind.BREAK,
    "plus": Kind.WORD,
    "share": Kind.WORD,
    "percent": Kind.WORD,
}


def _whole(share: str) -> str:
    """``100%`` for the whole of something ("8 of 8", "100 %"), else ``1%``, a word nobody may say."""
    numbers = re.findall(r"\d+", share)
    if share.endswith("%"):
        return "100%" if numbers == ["100"] else "1%"
    return "100%" if int(numbers[0]) == int(numbers[1]) > 0 else "1%"


def _symbol(mark: str) -> list[Token]:
    if mark == "?":
        return [Token(kind=Kind.ASKED, text=mark)]
    if mark in _BREAKS:
        return [Token(kind=Kind.BREAK, text=mark)]
    if mark in _QUOTES:
        return [Token(kind=Kind.QUOTED, text=mark)]
    if mark in _GLAD or mark == "*":
        return []
    return [Token(kind=Kind.WORD if mark == "&" else Kind.FOREIGN, text=mark)]


def _mark(tokens: list[Token], keywords: Keywords) -> list[Token]:
    marked: list[Token] = []
    at = 0
    while at < len(tokens):
        length = keywords.at(_words_from(tokens, at, keywords)) if tokens[at].kind is Kind.WORD else 0
        if length and not tokens[at].unbordered:
            taken = tokens[at : at + length]
            glued = any(token.glued for token in taken)
            marked.append(Token(kind=Kind.KEYWORD, text=" ".join(t.text for t in taken), glued=glued))
        else:
            marked.append(tokens[at])
        at += length if length and not tokens[at].unbordered else 1
    return marked


def _words_from(tokens: list[Token], at: int, keywords: Keywords) -> list[str]:
    longest = len(keywords.sequences[0]) if keywords.sequences else 0
    words = []
    for token in tokens[at : at + longest]:
        if token.kind not in (Kind.WORD, Kind.NUMBER):
            break
        words.append(token.text)
    return words


def _cut(run: str, keywords: Keywords) -> list[Token]:
    """Cut a run written without word borders into keywords and known pieces, longest first from the left.

    A run that cannot be covered is one foreign token. Positions are tried once each, from the right end, so
    that a piece is only chosen where the rest can be covered too; a keyword goes before a longer piece.
    """
    pieces = vocabulary().pieces
    known = pieces | set(keywords.unbordered)
    longest = max((len(piece) for piece in known), default=0)
    step = [0] * (len(run) + 1)
    step[len(run)] = -1  # the end is reached
    for at in range(len(run) - 1, -1, -1):
        sizes = [n for n in range(min(longest, len(run) - at), 0, -1) if step[at + n]]
        fitting = [n for n in sizes if run[at : at + n] in known]
        named = [n for n in fitting if run[at : at + n] in keywords.unbordered]
        step[at] = (named or fitting or [0])[0]
    if not step[0]:
        return [Token(kind=Kind.FOREIGN, text=run, unbordered=True)]
    tokens = []
    at = 0
    while at < len(run):
        text = run[at : at + step[at]]
        kind = Kind.KEYWORD if text in keywords.unbordered else Kind.WORD
        tokens.append(Token(kind=kind, text=text, unbordered=True))
        at += step[at]
    return tokens
