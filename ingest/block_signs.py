"""The signs by which a line of Markdown opens a block.

Source: CommonMark 0.31.2, chapters 4 and 5; GitHub Flavored Markdown, task list items.
"""

import re

BLANKS = re.compile(r"[ \t\v\f]*")
LEAD = re.compile(r"[ \t>*+\-\d.)]*")
BOX = re.compile(r"\[([ xX~/-])\](\*?)(?=\s)[^\S\n]*(?=\S)")
MAY_START = re.compile(r"[#>`~<=*+_\-\d]")
ATX = re.compile(r"#{1,6}(?=[ \t]|$)")
FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
SETEXT = re.compile(r"(?:(=+)|-+)[ \t]*$")
BREAK = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
MARKER = re.compile(r"(?:([*+-])|(\d{1,9})([.)]))(?=[ \t]|$)")
NEXT_ITEM = re.compile(r"[-*+] (?=[A-Za-z\[]|`(?!`)|\*\*\w)")
"""A bullet item whose content can be nothing but text."""
_HTML_NAMES = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt"
    "|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main"
    "|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead"
    "|title|tr|track|ul"
)
_ATTRIBUTE = r"""\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:[^"'=<>`\x00-\x20]+|'[^']*'|"[^"]*"))?"""
HTML_STARTS = (
    (
        re.compile(r"<(?:script|pre|style|textarea)(?:\s|>|$)", re.I),
        re.compile(r"</(?:script|pre|style|textarea)>", re.I),
    ),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
    (re.compile(rf"</?(?:{_HTML_NAMES})(?:\s|/?>|$)", re.I), None),
    (re.compile(rf"<[A-Za-z][A-Za-z0-9-]*(?:{_ATTRIBUTE})*\s*/?>\s*$|</[A-Za-z][A-Za-z0-9-]*\s*>\s*$"), None),
)
