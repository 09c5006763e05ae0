"""After an edit, what was done is found again, and nothing is guessed."""

from hypothesis import given
from hypothesis import strategies as st
from roadmark.ingest.revision import ItemMatch, KnownItem, match_items
from roadmark.ingest.tick import boxes_of, set_marks

BEFORE = b"# T\n## Core\n- [x] write the parser\n- [ ] test the parser\n## Docs\n- [x] describe the format\n"


def _match(before: bytes, after: bytes) -> ItemMatch:
    known = [KnownItem(box.key, box.section, box.text) for box in boxes_of(before)]
    return match_items(known, boxes_of(after))


def _kept_texts(before: bytes, after: bytes) -> dict[str, str]:
    match = _match(before, after)
    old = {box.key: box.text for box in boxes_of(before)}
    new = {box.key: box.text for box in boxes_of(after)}
    return {old[key]: new[other] for key, other in match.kept.items()}


def test_an_unchanged_file_keeps_every_item() -> None:
    match = _match(BEFORE, BEFORE)
    assert len(match.kept) == 3
    assert (match.added, match.removed) == ((), ())


def test_a_reworded_item_is_the_same_item() -> None:
    after = BEFORE.replace(b"write the parser", b"write the new parser")
    assert _kept_texts(BEFORE, after)["write the parser"] == "write the new parser"


def test_a_moved_item_is_the_same_item() -> None:
    after = (
        b"# T\n## Core\n- [ ] test the parser\n## Docs\n- [x] describe the format\n- [x] write the parser\n"
    )
    assert _kept_texts(BEFORE, after)["write the parser"] == "write the parser"


def test_a_new_item_takes_nothing_over_and_a_removed_one_is_named() -> None:
    after = BEFORE.replace(b"- [x] describe the format\n", b"- [ ] draw a picture\n")
    match = _match(BEFORE, after)
    assert len(match.kept) == 2
    assert len(match.added) == len(match.removed) == 1


def test_a_text_that_stands_twice_is_not_guessed_at() -> None:
    after = b"# T\n## Other\n- [ ] write the parser\n- [ ] write the parser\n"
    assert _match(BEFORE, after).kept == {}


def test_of_two_similar_items_each_is_matched_once() -> None:
    before = b"## A\n- [x] add the first endpoint\n- [ ] add the second endpoint\n"
    after = b"## A\n- [ ] add the second endpoints\n- [x] add the first endpoints\n"
    assert _kept_texts(before, after) == {
        "add the first endpoint": "add the first endpoints",
        "add the second endpoint": "add the second endpoints",
    }


def test_thousands_of_changed_items_are_not_compared_with_each_other() -> None:
    before = b"## A\n" + b"".join(b"- [ ] old %d\n" % number for number in range(400))
    after = b"## A\n" + b"".join(b"- [ ] new %d\n" % number for number in range(400))
    assert _match(before, after).kept == {}


_TEXTS = st.lists(st.sampled_from(["a", "b", "write it", "write this", "test it", "test that"]), max_size=8)


@given(_TEXTS, _TEXTS)
def test_every_item_is_kept_or_removed_and_every_box_kept_or_added(old: list[str], new: list[str]) -> None:
    before = "".join(f"- [ ] {text}\n" for text in old).encode()
    after = "".join(f"- [ ] {text}\n" for text in new).encode()
    match = _match(before, after)
    assert sorted([*match.kept, *match.removed]) == sorted(box.key for box in boxes_of(before))
    assert sorted([*match.kept.values(), *match.added]) == sorted(box.key for box in boxes_of(after))


@given(st.data())
def test_no_done_item_is_lost_over_any_edit_elsewhere(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), min_size=1, unique=True))
    content = "## W\n" + "".join(f"- [ ] {line}\n" for line in lines)
    done = data.draw(st.sampled_from([box.key for box in boxes_of(content.encode())]))
    ticked = set_marks(content.encode(), {done: "x"}).content
    at = data.draw(st.integers(0, len(lines)))
    edited = ticked.decode().split("\n")
    edited.insert(1 + at, data.draw(st.sampled_from(["- [ ] epsilon", "text", "", "1. zeta"])))
    match = _match(ticked, "\n".join(edited).encode())
    after = {box.key: box.mark for box in boxes_of("\n".join(edited).encode())}
    assert after[match.kept[done]] == "x"
