"""The risk assessment: level, risk and mitigation."""
# ruff: noqa: RUF001 - real files use these dashes and colons

import re
from collections.abc import Iterator

from roadmark.ingest.document import Item, Node
from roadmark.ingest.plain import plain, says_nothing
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.spec import Risk
from roadmark.ingest.tables import Table, tables_of

_LEVELS = {
    "critical": "high",
    "high": "high",
    "medium": "medium",
    "moderate": "medium",
    "low": "low",
    "hohes": "high",
    "hoch": "high",
    "mittleres": "medium",
    "mittel": "medium",
    "niedriges": "low",
    "niedrig": "low",
    "高": "high",
    "中": "medium",
    "低": "low",
}
_NAMES = "|".join(name for name in _LEVELS if name.isascii())
_LEVEL_TITLE = re.compile(rf"\b({_NAMES})\b|([高中低])", re.I)
_LEVEL_ITEM = re.compile(rf"^\W*({_NAMES})\b(?:[ -](?:risk|risiko|priority))?\W*[:：–—-]\s*", re.I)
_MITIGATIONS = ("mitigation", "gegenmaßnahme", "maßnahme", "缓解", "対策", "response", "action")
_MITIGATION = re.compile(
    r"\s*[-–—,;.]?\s*(?:→|->)?\s*\(?\b(?:mitigations?|gegenmaßnahmen?|maßnahmen?)\b\s*[:：]\s*"
    r"|\s*[-–—,;，；。]?\s*(?:缓解措施|缓解|緩和策|対策)\s*[:：]\s*"
    r"|\s*[(,–—-]*\s*\bmitigated by\s+|\s+(?:→|->)\s+",
    re.I,
)
_NO_RISK = re.compile(
    r"^\W*(?:rollback(?: plan| strategy)?|contingency|mitigations?(?: strategy)?)\W*[:：]", re.I
)


def read_risks(sections: Sections) -> tuple[Risk, ...]:
    """The risks of the first risk section that lists any."""
    for node in sections.all("risks"):
        found = tuple(_risks(node, None))
        if found:
            return found
    return ()


def _risks(node: Node, level: str | None) -> Iterator[Risk]:
    for item in node.lists():
        risk = _risk(item, level)
        if risk is not None:
            yield risk
    for table in tables_of(node):
        yield from _risks_of_table(table, level)
    for child in node.children:
        yield from _risks(child, _level_of(child.title) or level)


def _level_of(title: str) -> str | None:
    found = _LEVEL_TITLE.search(title)
    return _LEVELS[found[0].casefold()] if found else None


def _risk(item: Item, level: str | None) -> Risk | None:
    text = plain(item.text)
    if says_nothing(text) or _NO_RISK.match(text):
        return None
    stated = _LEVEL_ITEM.match(text)
    if stated:
        level, text = _LEVELS[stated[1].casefold()], text[stated.end() :]
    found = _MITIGATION.search(text)
    if found:
        return Risk(
            level=level,
            text=text[: found.start()],
            mitigation=text[found.end() :].rstrip(")"),
            line=item.line,
        )
    return Risk(level=level, text=text, mitigation=_nested_mitigation(item), line=item.line)


def _risks_of_table(table: Table, level: str | None) -> Iterator[Risk]:
    """A risk a row, where a column says that these are risks or what is done against them."""
    mitigation = table.column(*_MITIGATIONS)
    named = table.column("risk", "risiko", "风险", "リスク")
    if mitigation is None and named is None:
        return
    levels = table.column("level", "severity", "schwere", "priority", "impact", "likelihood", "probability")
    name = named if named != levels and named is not None else 0
    for row in table.rows:
        if not says_nothing(plain(row.cell(name))):
            yield Risk(
                level=_level_of(row.cell(levels)) or level,
                text=plain(row.cell(name)),
                mitigation=plain(row.cell(mitigation)),
                line=row.line,
            )


def _nested_mitigation(item: Item) -> str:
    for child in item.children:
        found = _MITIGATION.match(plain(child.text))
        if found:
            return plain(child.text)[found.end() :]
    return ""
