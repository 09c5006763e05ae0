"""Files that belong to one task: index, implementation, phase files and analysis; and what they say together.

A family has one main file, whose work is carried out; the others are shown beside it. How far a task is can
be said by four: the boxes of its phases, the status field, the index, the folder. They count in this order.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from roadmark.ingest.problems import Problem, problem
from roadmark.ingest.spec import Spec

_SUFFIX = re.compile(
    r"(?:-(?P<implementation>implementation)|-(?P<index>(?:master-)?index)|-(?P<analysis>(?:gap-)?analysis)"
    r"|-(?P<phase>(?:implementation-)?(?:phase|subtask)-\d+[a-z]?(?:-[\w-]+)?))$",
    re.I,
)
_COMPANIONS = ("spec", "plan", "proposal", "design", "requirements", "research", "data-model", "quickstart")
_LINK = re.compile(r"\]\(\s*<?(?:\./)?([^)\s>]+\.md)>?\s*\)")
_FOLDER_STATUS = {
    "completed": "completed",
    "done": "completed",
    "archive": "completed",
    "in-progress": "in_progress",
    "pending": "pending",
    "blocked": "blocked",
    "cancelled": "cancelled",
}
_MAIN_ORDER = ("implementation", "task")


@dataclass(frozen=True, slots=True)
class Place:
    """What a file's name says: the family (folder and base name) and its part in it.

    The part is ``implementation``, ``task``, ``index``, ``phase``, ``analysis`` or ``companion``.
    """

    family: str
    part: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one source says about how far a task is; ``source`` is boxes, field, index or folder."""

    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Family:
    """A task: its main file, the other files, and the opinions on its status, the one that counts first."""

    name: str
    main: Spec
    others: tuple[Spec, ...]
    opinions: tuple[Opinion, ...]
    problems: tuple[Problem, ...]

    @property
    def status(self) -> str:
        """The opinion that counts; ``pending`` where nobody has one."""
        return self.opinions[0].status if self.opinions else "pending"


def place_of(path: str) -> Place:
    """The family and part that a path says.

    >>> place_of("docs/login-implementation.md")
    Place(family='docs/login', part='implementation')
    """
    pure = PurePosixPath(path.replace("\\", "/"))
    stem = re.sub(r"@\w+$", "", pure.stem)
    folder = "" if str(pure.parent) == "." else f"{pure.parent}/"
    if stem == "tasks" or stem.casefold() in _COMPANIONS:
        return Place(f"{folder}tasks", "task" if stem == "tasks" else "companion")
    found = _SUFFIX.search(stem)
    if not found:
        return Place(f"{folder}{stem}", "task")
    part = next(name for name, value in found.groupdict().items() if value)
    return Place(folder + stem[: found.start()], part)


def join_families(specs: Iterable[Spec]) -> tuple[Family, ...]:
    """The tasks of these files. Where a family has no main file, each of its files is a task of its own."""
    groups: dict[str, list[Spec]] = {}
    by_path = {spec.path: spec for spec in specs}
    linked = dict(_linked(by_path))
    for spec in by_path.values():
        groups.setdefault(linked.get(spec.path, place_of(spec.path).family), []).append(spec)
    return tuple(family for name, members in groups.items() for family in _families(name, members))


def _linked(by_path: dict[str, Spec]) -> Iterator[tuple[str, str]]:
    """Files that an index links to, with the index's family."""
    for spec in by_path.values():
        if place_of(spec.path).part != "index":
            continue
        folder = PurePosixPath(spec.path).parent
        family = place_of(spec.path).family
        for target in _LINK.findall(spec.text):
            path = str(folder / target)
            if path in by_path and place_of(path).part != "task":
                yield path, family
        yield spec.path, family


def _families(name: str, members: list[Spec]) -> Iterator[Family]:
    main = _main_of(members)
    if main is None:
        yield from (_family(place_of(spec.path).family, spec, ()) for spec in members)
    else:
        yield _family(name, main, tuple(spec for spec in members if spec is not main))


def _main_of(members: Sequence[Spec]) -> Spec | None:
    for part in _MAIN_ORDER:
        for spec in members:
            if place_of(spec.path).part == part and spec.is_spec:
                return spec
    return None


def _family(name: str, main: Spec, others: tuple[Spec, ...]) -> Family:
    opinions = tuple(_opinions(main, others))
    return Family(name, main, others, opinions, tuple(_conflicts(opinions)))


def _opinions(main: Spec, others: tuple[Spec, ...]) -> Iterator[Opinion]:
    boxes = [box for phase in main.phases for box in phase.items]
    if boxes:
        done = sum(box.is_done for box in boxes)
        status = "completed" if done == len(boxes) else "in_progress" if done else "pending"
        yield Opinion("boxes", status)
    if main.status is not None:
        yield Opinion("field", main.status)
    for spec in others:
        if place_of(spec.path).part == "index" and spec.status is not None:
            yield Opinion("index", spec.status)
    folders = reversed(PurePosixPath(main.path).parts[:-1])
    named = (_FOLDER_STATUS.get(folder.casefold()) for folder in folders)
    status_of_folder = next((status for status in named if status), None)
    if status_of_folder is not None:
        yield Opinion("folder", status_of_folder)


def _conflicts(opinions: tuple[Opinion, ...]) -> Iterator[Problem]:
    if len({opinion.status for opinion in opinions}) > 1:
        said = ", ".join(f"{opinion.source} says {opinion.status}" for opinion in opinions)
        yield problem("I601", 1, f"{said}; the first counts")
