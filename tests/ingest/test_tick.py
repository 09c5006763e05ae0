"""Ticks change the byte of a mark and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.ingest.tick import MARKS, boxes_of, set_marks

_LINES = st.sampled_from(
    """# A|## B|- [ ] one|- [x] two|  - [X] three|1. [ ] four|> - [ ] five|```|- [ ]||text
- [~] größer|\t- [ ] tab|- [/] half|* [-] gone|- [ ]* maybe|+ [ ] ünïcode|---""".replace("\n", "|").split("|")
)
_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(st.one_of(_LINES, st.text(max_size=12)), max_size=25))
    start = draw(st.sampled_from([b"", b"\xef\xbb\xbf", b"---\nkey: value\n---\n"]))
    parts = [line.replace("\0", " ").encode("utf-8", "replace") for line in lines]
    return (
        start
        + b"".join(part + draw(_ENDS) for part in parts)
        + draw(st.sampled_from([b"", b"- [ ] last \xff"]))
    )


@given(_files(), st.sampled_from(MARKS))
def test_only_mark_bytes_change_whatever_the_file(content: bytes, mark: str) -> None:
    boxes = boxes_of(content)
    result = set_marks(content, {box.key: mark for box in boxes})
    assert result.missing == ()
    assert len(result.content) == len(content)
    different = [
        at for at, pair in enumerate(zip(content, result.content, strict=True)) if pair[0] != pair[1]
    ]
    assert len(different) == len(result.changed)
    assert all(content[at - 1 : at] == b"[" and content[at + 1 : at + 2] == b"]" for at in different)
    assert [box.mark for box in boxes_of(result.content)] == [mark] * len(boxes)
    assert [box.key for box in boxes_of(result.content)] == [box.key for box in boxes]


def test_a_tick_keeps_line_ends_and_everything_else(example_bytes: bytes) -> None:
    content = example_bytes.replace(b"\n", b"\r\n")
    box = boxes_of(content)[7]
    result = set_marks(content, {box.key: "x"})
    assert result.changed == (box.key,)
    assert result.content.count(b"[x]") == 1
    assert set_marks(result.content, {box.key: " "}).content == content


def test_a_capital_mark_counts_as_ticked_and_stays() -> None:
    content = b"- [X] done\n"
    (box,) = boxes_of(content)
    assert set_marks(content, {box.key: "x"}).content == content


def test_a_box_that_is_gone_is_reported_and_nothing_is_guessed() -> None:
    content = b"# A\n- [ ] one\n"
    result = set_marks(content, {"two.0000000000": "x"})
    assert result.content == content
    assert result.missing == ("two.0000000000",)


def test_a_mark_must_be_one_of_the_known() -> None:
    with pytest.raises(ValueError, match="a mark is one of"):
        set_marks(b"- [ ] one\n", {"one": "xx"})


def test_keys_stay_when_the_file_is_edited_around_a_box() -> None:
    before = boxes_of(b"# T\n## 4. Phases\n### Phase 1: Core (2 hours)\n- [ ] Write `a.py`\n")
    after = boxes_of(
        b"# T\n\nmore\n\n## Other\n- [ ] new\n## 5. Phases\n"
        b"### Phase 1: Core (3 hours) \xe2\x9c\x85 COMPLETED\n"
        b"- [ ] another\n- [x] Write **`a.py`**\n"
    )
    assert before[0].key == after[-1].key


def test_equal_boxes_of_one_section_have_different_keys() -> None:
    boxes = boxes_of(b"## A\n- [ ] same\n- [ ] same\n## B\n- [ ] same\n")
    assert len({box.key for box in boxes}) == 3


def test_a_file_over_the_limits_has_no_boxes() -> None:
    assert boxes_of(b"- [ ] one\n" * 10_001) == ()
