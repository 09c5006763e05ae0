"""Field lines: ``- **Key**: value`` in every form that people and agents write it."""
# ruff: noqa: RUF001 - real files use these dashes, quotes and colons

import re
from collections.abc import Iterator
from functools import lru_cache

from roadmark.ingest.document import Item, Node, Paragraph
from roadmark.ingest.plain import LENGTH_LIMIT, QUOTES, plain, says_nothing, squeeze, without_emoji, words_of
from roadmark.ingest.spec import Entry, Field
from roadmark.ingest.tables import Row, Table, tables_of

_FIELD = re.compile(
    r"^[\s>]*+(?:\[[ xX~/-]\]\s*+)?(?P<lead>[^\w*_`\s]*+\s*+)(?P<bold>\*\*|__)?\s*+[^\w*`\s]*+\s*+`?"
    r"(?P<key>[^\W_](?:[^:*：`\n]|(?<!\*)\*(?!\*)){0,70}?)`?\s*(?:\*\*|__)?\s*[:：]\s*(?:\*\*|__)?(?P<value>.*)$",
    re.S,
)
_NOTE = re.compile(
    r"\s+(?:-|–|—|→|#)\s*(?:maps? to\b|from section\b|derived\b|default\b).*$"
    r"|\s*\((?:default|optional)\b[^)]*\)\s*$",
    re.I,
)
_QUOTED = re.compile(r"\s*(['\"`])([^'\"`\n]+)\1\s+(?:[-–—#(→]).*$", re.S)
_NOTE_IN_KEY = re.compile(r"\([^)]*\)")
_BRACKET = re.compile(r"[()\[\]{}]")
_NEXT_ON_LINE = re.compile(r"\s+[|·•]\s+(?=\*\*)")
_COMMA = re.compile(r"\s*[,;、，]\s*")


def read_field(text: str, line: int) -> Field | None:
    """The field that a line states, or None; the value is plain, its notes and quotes taken off."""
    first, _, more = text[:LENGTH_LIMIT].partition("\n")
    found = _FIELD.match(first)
    if not found or "://" in found["key"]:
        return None
    value = clean_value(found["value"] + ("\n" + more if more else ""))
    return Field(label=plain(found["key"]), value=value, line=line)


def clean_value(raw: str) -> str:
    """A value without emphasis, quotes, trailing check marks and template notes.

    >>> clean_value("'semi_auto' ✅"), clean_value("3 (default)"), clean_value("8 hours - maps to task.x")
    ('semi_auto', '3', '8 hours')
    """
    quoted = _QUOTED.match(raw.replace("**", ""))
    value = squeeze(_NOTE.sub("", plain(quoted[2] if quoted else raw)))
    bare = squeeze(without_emoji(value))
    value = bare if not bare or value.startswith(bare) or value.endswith(bare) else value
    while len(value) > 1 and value[0] in QUOTES and value[-1] in QUOTES:
        value = value[1:-1].strip()
    return value.strip(QUOTES) if value.count("'") + value.count('"') == 1 else value


def fields_of_item(item: Item) -> Iterator[Field]:
    """The field of a list item with its nested bullets as entries, or what nested items state."""
    found = read_field(item.text, item.line)
    if found is None:
        return
    nested = tuple(Entry(plain(child.text), child.line) for child in item.children if plain(child.text))
    entries = nested or split_list(found.value, found.line)
    yield Field(label=found.label, value=found.value, line=found.line, entries=entries)


def fields_of_paragraph(paragraph: Paragraph) -> Iterator[Field]:
    """The fields of a paragraph: bold ones, one a line or parted by ``|``."""
    for offset, line in enumerate(paragraph.text.split("\n")):
        for part in _NEXT_ON_LINE.split(line) if "**" in line else ():
            found = read_field(part, paragraph.line + offset)
            if found and "**" in part:
                entries = split_list(found.value, found.line)
                yield Field(label=found.label, value=found.value, line=found.line, entries=entries)


def fields_of_table(table: Table) -> Iterator[Field]:
    """The rows of a table of two columns; its head is one where it is written like one."""
    head = table.head
    if len(head.cells) != 2:
        return
    for row in (head, *table.rows) if head.cells[0].startswith("**") else table.rows:
        if field := _field_of_row(row):
            yield field


def _field_of_row(row: Row) -> Field | None:
    label, value = plain(without_emoji(row.cell(0))).rstrip(" :："), clean_value(row.cell(1))
    if not label:
        return None
    return Field(label=label, value=value, line=row.line, entries=split_list(value, row.line))


def fields_of(node: Node) -> tuple[Field, ...]:
    """The fields directly under a heading, in order: list items, bold lines and rows of tables."""
    found: list[Field] = []
    for block in node.blocks:
        if isinstance(block, Paragraph):
            found.extend(fields_of_paragraph(block))
    for item in node.lists():
        found.extend(fields_of_item(item))
    for table in tables_of(node):
        found.extend(fields_of_table(table))
    return tuple(sorted(found, key=lambda field: field.line))


def all_fields_of(node: Node) -> tuple[Field, ...]:
    """The fields of a section and of the sections below it, in order."""
    return tuple(field for part in node.walk() for field in fields_of(part))


@lru_cache(maxsize=4096)
def key_of(label: str) -> str:
    """A label as a key: casefolded words, without bracketed notes.

    >>> key_of("Feature/Component Name"), key_of("confirmation_required")
    ('feature component name', 'confirmation required')
    """
    return words_of(_NOTE_IN_KEY.sub("", label))


def first_field(fields: tuple[Field, ...], keys: tuple[str, ...]) -> Field | None:
    """The first field whose key is among ``keys`` and that says something; keys in front win."""
    for key in keys:
        for field in fields:
            if key_of(field.label) == key and (field.entries or field.value):
                return field
    return None


def split_list(value: str, line: int) -> tuple[Entry, ...]:
    """A value cut at the commas outside brackets; "None ..." gives nothing.

    >>> [entry.text for entry in split_list("A (b, c), D", 1)]
    ['A (b, c)', 'D']
    """
    if says_nothing(value):
        return ()
    if not _BRACKET.search(value):
        return tuple(Entry(part, line) for part in map(str.strip, _COMMA.split(value)) if part)
    parts: list[str] = [""]
    depth = 0
    for piece in re.split(r"([()\[\]{}]|[,;、，]\s*)", value):
        depth += piece in {"(", "[", "{"}
        depth -= piece in {")", "]", "}"} and depth > 0
        if depth == 0 and _COMMA.fullmatch(piece):
            parts.append("")
        else:
            parts[-1] += piece
    return tuple(Entry(part.strip(), line) for part in parts if part.strip())
