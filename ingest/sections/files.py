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

_KINDS = ("files_create", "files_modify", "files_delete", "files_move")
_LENGTH = 1_000
_CODE = re.compile(r"`([^`\n]+)`")
_SEPARATOR = re.compile(r"\s+(?:-|–|—|→|->|=>)\s+|\s*[:：]\s+|\s+\(")
_ARROW = re.compile(r"`?([^`\s]+)`?\s*(?:→|->|=>|\bto\b)\s*`?([^`\s]+)`?")


def read_files(sections: Sections, phases: Node | None) -> Files:
    """The declared files of the file impact section, or of file headings outside the phases."""
    home = sections.first("files")
    groups = {kind: tuple(_changes(_nodes(sections, home, phases, kind), kind)) for kind in _KINDS}
    return Files(*(groups[kind] for kind in _KINDS))


def _nodes(sections: Sections, home: Node | None, phases: Node | None, kind: str) -> list[Node]:
    if home is not None:
        return list(inside(home, kind))
    first = sections.first_outside(kind, phases)
    return [first] if first is not None else []


def _changes(nodes: list[Node], kind: str) -> Iterator[FileChange]:
    for node in nodes:
        items = [item for part in node.walk() if part is node or not part.kind for item in part.lists()]
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


def _cut(text: str) -> tuple[str, str, str]:
    found = _SEPARATOR.search(text)
    if not found:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]


def _change(path: str, purpose: str, item: Item, target: str | None) -> FileChange:
    path = path.strip(" *_~")
    return FileChange(
        path=path,
        purpose=purpose.strip(" *~-–—:：→()"),
        line=item.line,
        text=item.text,
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
