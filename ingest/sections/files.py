"""The files that a spec wants to create, modify, delete or move."""
# ruff: noqa: RUF001 - real files use these dashes and colons

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from roadmark.ingest.document import Item, Node
from roadmark.ingest.plain import plain, says_nothing, squeeze, without_emoji
from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.sections.index import Sections, inside
from roadmark.ingest.spec import FileChange, Files
from roadmark.ingest.tables import Row, Table, tables_of

_KINDS = ("files_create", "files_modify", "files_delete", "files_move")
_LENGTH = 1_000
_VERB = re.compile(
    r"\W*(?:(?P<files_create>created?|new|add(?:ed)?|neu|anlegen|erstellen)"
    r"|(?P<files_modify>modif(?:y|ied)|updated?|changed?|edit(?:ed)?|enhanced?|ändern)"
    r"|(?P<files_delete>deleted?|removed?|löschen)|(?P<files_move>moved?|renamed?|verschieben))\b",
    re.I,
)
_CODE = re.compile(r"`([^`\n]+)`")
_SEPARATOR = re.compile(r"\s+(?:-|–|—|→|->|=>)\s+|\s*[:：]\s+|\s+\(")
_ARROW = re.compile(r"`?([^`\s]+)`?\s*(?:→|->|=>|\bto\b)\s*`?([^`\s]+)`?")


def read_files(sections: Sections, phases: Node | None) -> Files:
    """The declared files of the file impact section, or of file headings outside the phases.

    Where no heading says what happens to which files, the lines and tables of the section may.
    """
    home = sections.first("files")
    groups = {kind: tuple(_changes(_nodes(sections, home, phases, kind), kind)) for kind in _KINDS}
    if home is not None and not any(groups.values()):
        named = tuple(_named_changes(home))
        groups = {kind: tuple(change for verb, change in named if verb == kind) for kind in _KINDS}
    return Files(*(groups[kind] for kind in _KINDS))


def _nodes(sections: Sections, home: Node | None, phases: Node | None, kind: str) -> list[Node]:
    if home is not None and any(part.kind in _KINDS for part in home.walk()):
        return list(inside(home, kind))
    first = sections.first_outside(kind, phases)
    return [first] if first is not None else []


def _changes(nodes: list[Node], kind: str) -> Iterator[FileChange]:
    for node in nodes:
        parts = [part for part in node.walk() if part is node or not part.kind]
        items = [item for part in parts for item in part.lists()]
        for table in (table for part in parts for table in tables_of(part)):
            yield from (change for row in table.rows if (change := _change_of_row(table, row)))
        boxed = any(item.mark is not None for item in items)
        for item in items:
            if item.mark is not None or not boxed:
                change = read_change(item, kind)
                if change is not None:
                    yield change


def read_change(item: Item, kind: str) -> FileChange | None:
    """The file that a list item names, or None for "None ..."."""
    text = item.text[:_LENGTH].split("\n", 1)[0]
    if says_nothing(plain(text)):
        return None
    arrow = _ARROW.search(text) if kind == "files_move" else None
    if arrow:
        return _change(arrow[1], squeeze(plain(text[arrow.end() :])), item, arrow[2])
    code = _CODE.search(text)
    if code:
        purpose = text[code.end() :]
        return _change(code[1], plain(purpose), item, None)
    bare = squeeze(without_emoji(plain(text)))
    path, _, purpose = _cut(bare)
    return _change(path, purpose, item, None)


def _change_of_row(table: Table, row: Row) -> FileChange | None:
    """The file of a row, under a title that says file, or else in its first cell in backticks."""
    column = table.column("file", "path", "datei", "文件", "ファイル")
    path = plain(row.cell(column or 0))
    if says_nothing(path) or (column is None and not _CODE.search(row.cell(0))):
        return None
    other = next((at for at in range(len(row.cells)) if at != (column or 0)), None)
    purpose = table.column(
        "purpose", "description", "change", "note", "why", "zweck", "beschreibung", "说明", "目的"
    )
    text = plain(row.cell(other if purpose is None or purpose == column else purpose))
    return _placed_change(path, text, row.line, " | ".join(row.cells), None)


def _named_changes(home: Node) -> Iterator[tuple[str, FileChange]]:
    """Kinds and files of lines such as ``- **Create**: `a.py`, `b.py``` and of tables with an action."""
    for node in home.walk():
        for item in node.lists():
            kind = _kind_of(plain(item.text))
            if kind is not None:
                yield from ((kind, change) for change in _changes_of_item(item, kind))
        for table in tables_of(node):
            action = table.column("action", "kind", "type", "operation", "status", "aktion")
            for row in table.rows if action is not None else ():
                kind, change = _kind_of(plain(row.cell(action))), _change_of_row(table, row)
                if kind is not None and change is not None:
                    yield kind, change


def _kind_of(text: str) -> str | None:
    found = _VERB.match(text)
    return found.lastgroup if found else None


def _changes_of_item(item: Item, kind: str) -> Iterator[FileChange]:
    """The files that follow a verb on its line, else those of the items nested below it."""
    paths = _CODE.findall(item.text[:_LENGTH])
    if item.children and not paths:
        yield from (change for child in item.children if (change := read_change(child, kind)))
    elif len(paths) > 1 and kind != "files_move":
        yield from (_change(path, "", item, None) for path in paths)
    elif paths and (change := read_change(item, kind)):
        yield change


def _cut(text: str) -> tuple[str, str, str]:
    found = _SEPARATOR.search(text)
    if not found:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]


def _change(path: str, purpose: str, item: Item, target: str | None) -> FileChange:
    return _placed_change(path, purpose, item.line, item.text, target)


def _placed_change(path: str, purpose: str, line: int, text: str, target: str | None) -> FileChange:
    path = path.strip(" *_~")
    return FileChange(
        path=path,
        purpose=purpose.strip(" *~-–—:：→()"),
        line=line,
        text=text,
        target=target,
        is_directory=path.endswith("/"),
        is_glob=any(sign in path for sign in "*?{") or "[" in path,
    )


def check_files(files: Files) -> Iterator[Problem]:
    """E301 for each path that leaves the repository, W302 for each that two lists name."""
    yield from _twice(files)
    for change in files.all():
        for path in (change.path, change.target):
            if path is not None and leaves_repository(path):
                yield problem(
                    "E301",
                    change.line,
                    f'"{path}" is outside the repository',
                    hint="Name files relative to the repository's root, without .. at the front.",
                )


def _twice(files: Files) -> Iterator[Problem]:
    """W302 for each path that two lists name."""
    first: dict[str, str] = {}
    for kind in ("create", "modify", "delete"):
        changes: tuple[FileChange, ...] = getattr(files, kind)
        for change in changes:
            before = first.setdefault(change.path, kind)
            if before != kind and change.is_exact:
                said = f'"{change.path}" is listed to {before} and to {kind}'
                yield problem("W302", change.line, said, hint="Keep it in one of the lists.")


def leaves_repository(path: str) -> bool:
    """Whether a declared path is absolute or climbs above the repository's root.

    >>> leaves_repository("../x"), leaves_repository("/etc/passwd"), leaves_repository("a/../b")
    (True, True, False)
    """
    normal = path.replace("\\", "/")
    if normal.startswith(("/", "~")) or re.match(r"[A-Za-z]:/", normal):
        return True
    depth = 0
    for part in PurePosixPath(normal).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
