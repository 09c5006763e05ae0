"""Raw Markdown of one line into plain words: emphasis, code marks, links, emoji and comments taken off."""

# ruff: noqa: RUF001 - real files use these dashes, quotes and colons

import re

_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.S)
_LINK = re.compile(r"!?\[([^\]\[]*+)\]\([^()\s]*+(?:\([^()]*+\))?[^()]*+\)")
_EMPHASIS = re.compile(r"\*{1,3}(?=\S)([^*\n]+?)\*{1,3}|(?<![\w_])_{1,2}(?=\S)([^_\n]+?)_{1,2}(?![\w_])")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3]+")
_NO_WORD = re.compile(r"[\W_]+")
_EMPTY = re.compile(
    r"(?:none|n\s*/\s*a|not applicable|nothing|keine[rsn]?|entfällt|nil|tbd|-+|—|–|无|無|なし)\b.*|[-—–]*",
    re.I | re.S,
)
LENGTH_LIMIT = 4_000
"""What a line of a spec says beyond is not read: no title, file or item is that long."""
QUOTES = "'\"`‘’‚“”„«»"


def without_emoji(text: str) -> str:
    """The text without emoji and dingbats."""
    return text if text.isascii() else _EMOJI.sub(" ", text)


def squeeze(text: str) -> str:
    """The text on one line, its runs of white space made one blank."""
    return " ".join(text.split())


def plain(text: str) -> str:
    """The words of a line of Markdown: ``- **A** `b` `` gives ``A b``; emoji stay.

    >>> plain("**Use** `a_b` and [docs](http://x.y) <!-- note -->")
    'Use a_b and docs'
    """
    text = text[:LENGTH_LIMIT]
    if "<!--" in text:
        text = _COMMENT.sub("", text)
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    text = text.replace("`", "").replace("~~", "")
    if "*" in text or "_" in text:
        text = _EMPHASIS.sub(lambda found: found.group(1) or found.group(2), text).replace("**", "")
    return squeeze(text)


def says_nothing(text: str) -> bool:
    """Whether a value stands for "there is none": ``None``, ``N/A``, ``Keine``, a dash, or nothing.

    >>> says_nothing("None (foundation component)"), says_nothing("Nonet")
    (True, False)
    """
    return _EMPTY.fullmatch(squeeze(without_emoji(text)).strip("*_`()[]. ")) is not None


def words_of(text: str) -> str:
    """The text as a comparison key: casefolded words with single blanks between them."""
    return _NO_WORD.sub(" ", text.casefold()).strip()
