"""The sections that are lists: security, tests, documentation, deployment, rollback, criteria, indicators."""

from collections.abc import Iterator

from roadmark.ingest.document import Item, Node
from roadmark.ingest.plain import plain, says_nothing
from roadmark.ingest.sections.index import Sections
from roadmark.ingest.spec import Deployment, Entry, Group


def read_entries(node: Node | None) -> tuple[Entry, ...]:
    """The top-level items of a section and of those below it: the boxed ones, or all where none has a box."""
    if node is None:
        return ()
    items = [item for part in node.walk() for item in part.lists()]
    boxed = [item for item in items if item.mark is not None]
    return tuple(_entries(boxed or items))


def _entries(items: list[Item]) -> Iterator[Entry]:
    for item in items:
        text = plain(item.text)
        if not says_nothing(text):
            yield Entry(text, item.line)


def read_groups(node: Node | None) -> tuple[Group, ...]:
    """The lists of a section by the heading above each; an item with nested bullets carries them along."""
    if node is None:
        return ()
    groups = (Group(part.title, part.line, tuple(_with_nested(part))) for part in node.walk())
    return tuple(group for group in groups if group.entries)


def _with_nested(node: Node) -> Iterator[Entry]:
    for top in node.lists():
        yield from (Entry(plain(item.text), item.line) for item in top.walk() if plain(item.text))


def read_deployment(sections: Sections) -> Deployment:
    """The deployment checklist by moment; headings with "pre" and "post" say which, the rest is during."""
    node = sections.first("deployment")
    groups: dict[str, list[Entry]] = {"pre": [], "during": [], "post": []}
    for part in node.walk() if node else ():
        moment = _moment(part.title)
        groups[moment].extend(_entries(list(part.lists())))
    return Deployment(pre=tuple(groups["pre"]), during=tuple(groups["during"]), post=tuple(groups["post"]))


def _moment(title: str) -> str:
    words = title.casefold()
    if words.startswith(("pre", "before", "vor")):
        return "pre"
    return "post" if words.startswith(("post", "after", "nach")) else "during"


def read_criteria(sections: Sections, phases: Node | None) -> tuple[Entry, ...]:
    """What must hold at the end: the first success criteria outside the phases."""
    return read_entries(sections.first_outside("criteria", phases))


def read_indicators(sections: Sections) -> tuple[Entry, ...]:
    """The success indicators of the automation section."""
    return read_entries(sections.first("indicators"))
