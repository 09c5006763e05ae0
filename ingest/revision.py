"""Which item of an edited spec is which item of the one before: what was done stays done."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from roadmark.ingest.plain import words_of
from roadmark.ingest.spec import Checkbox

SIMILAR = 0.7
"""Two texts whose words agree this far (0 to 1) are the same item, reworded."""
_PAIRS_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item as it was known before the edit."""

    key: str
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class ItemMatch:
    """``kept`` maps old keys to new ones; ``added`` are new keys, ``removed`` old ones."""

    kept: Mapping[str, str]
    added: tuple[str, ...]
    removed: tuple[str, ...]


def match_items(before: Sequence[KnownItem], after: Sequence[Checkbox]) -> ItemMatch:
    """Finds the items again: by key, then by equal text elsewhere, then by similar text in their section.

    No item is matched twice, and a text that stands twice is never guessed at.
    """
    if not before:
        return ItemMatch({}, tuple(box.key for box in after), ())
    new_keys = {box.key for box in after}
    kept = {item.key: item.key for item in before if item.key in new_keys}
    for step in (_equal_elsewhere, _similar_in_section):
        lost = [item for item in before if item.key not in kept]
        free = [box for box in after if box.key not in kept.values()]
        kept.update(step(lost, free))
    found = set(kept.values())
    return ItemMatch(
        kept,
        tuple(box.key for box in after if box.key not in found),
        tuple(item.key for item in before if item.key not in kept),
    )


def _equal_elsewhere(lost: list[KnownItem], free: list[Checkbox]) -> Iterator[tuple[str, str]]:
    """Items that were moved: their text stands once in what is lost and once in what is new."""
    texts = Counter(words_of(item.text) for item in lost)
    places = Counter(words_of(box.text) for box in free)
    by_text = {words_of(box.text): box.key for box in free}
    for item in lost:
        words = words_of(item.text)
        if texts[words] == places[words] == 1:
            yield item.key, by_text[words]


def _similar_in_section(lost: list[KnownItem], free: list[Checkbox]) -> Iterator[tuple[str, str]]:
    """Items that were reworded, the most similar first."""
    pairs = sorted(_similarities(lost, free), key=lambda pair: -pair[0])
    old: set[str] = set()
    new: set[str] = set()
    for _, old_key, new_key in pairs:
        if old_key not in old and new_key not in new:
            old.add(old_key)
            new.add(new_key)
            yield old_key, new_key


def _similarities(lost: list[KnownItem], free: list[Checkbox]) -> Iterator[tuple[float, str, str]]:
    if len(lost) * len(free) > _PAIRS_LIMIT:
        return
    boxes = [(words_of(box.section), words_of(box.text), box.key) for box in free]
    for item in lost:
        section, text = words_of(item.section), words_of(item.text)
        for box_section, box_text, key in boxes:
            if box_section == section:
                likeness = _likeness(text, box_text)
                if likeness >= SIMILAR:
                    yield likeness, item.key, key


def _likeness(one: str, other: str) -> float:
    if (one and f"{other} ".startswith(f"{one} ")) or (other and f"{one} ".startswith(f"{other} ")):
        return SIMILAR  # something was added behind it, or taken away
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= SIMILAR else 0.0
