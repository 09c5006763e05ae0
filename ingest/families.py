"""Files that belong to one task: index, implementation, phase files and analysis; and what they say together.

A family has one main file, whose work is carried out; the others are shown beside it. How far a task is can
be said by four: the boxes of its phases, the status field, the index, the folder. They count in this order.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
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


@lru_cache(maxsize=32_768)
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


def is_index(path: str) -> bool:
    """Whether a path is named like the index of a task."""
    return place_of(path).part == "index"


def links_of(path: str, text: str) -> tuple[str, ...]:
    """The Markdown files that an index links to, as paths beside its own; of any other file none.

    >>> links_of("docs/login-index.md", "[Phase 1](./page-phase-1.md), [Work](../work.md)")
    ('docs/page-phase-1.md', 'work.md')
    """
    if not is_index(path):
        return ()
    folder = posixpath.dirname(path)
    return tuple(posixpath.normpath(posixpath.join(folder, target)) for target in _LINK.findall(text))


def families_of(paths: Iterable[str], links: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The family of each path: as its name says, else as the index says that links to it.

    An index joins itself and the phase files and analyses it links to, as far as these have no main file of
    their own name. It joins them to the main file of its own name, else to the one implementation that it
    links to.
    """
    places = {path: place_of(path) for path in paths}
    with_main = {place.family for place in places.values() if place.part in _MAIN_ORDER}
    families = {path: place.family for path, place in places.items()}
    for index, targets in links.items():
        known = [target for target in targets if target in places]
        own = places[index].family
        works = {places[path].family for path in known if places[path].part == "implementation"}
        home = own if own in with_main else min(works) if len(works) == 1 else None
        homeless = [path for path in (index, *known) if places[path].family not in with_main]
        families |= dict.fromkeys(homeless, home) if home else {}
    return families


def companions_of(paths: Iterable[str], links: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """For each index, phase or analysis file of a task that has a main file: that main file."""
    families = families_of(paths, links)
    mains: dict[str, str] = {}
    for part in reversed(_MAIN_ORDER):
        mains |= {family: path for path, family in families.items() if place_of(path).part == part}
    return {
        path: mains[family] for path, family in families.items() if family in mains and mains[family] != path
    }


def join_families(specs: Iterable[Spec]) -> tuple[Family, ...]:
    """The tasks of these files. Where a family has no main file, each of its files is a task of its own."""
    by_path = {spec.path: spec for spec in specs}
    families = families_of(by_path, {path: links_of(path, spec.text) for path, spec in by_path.items()})
    groups: dict[str, list[Spec]] = {}
    for path, spec in by_path.items():
        groups.setdefault(families[path], []).append(spec)
    return tuple(family for name, members in groups.items() for family in _families(name, members))


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
