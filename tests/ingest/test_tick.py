"""Ticks change the byte of a mark and nothing else; in a tasks.json, the value of a status."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from roadmark.ingest.strict_json import read_json
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


_STATUSES = ("pending", "done", "in-progress", "review", "blocked", "deferred", "cancelled")
_PARTS = st.fixed_dictionaries(
    {"id": st.integers(1, 9), "title": st.sampled_from(["Sow", "Water", 'größer "quoted"', ""])},
    optional={"status": st.sampled_from(_STATUSES), "details": st.text(max_size=9)},
)
_TASKS = st.lists(
    st.builds(lambda task, subs: task | {"subtasks": subs}, _PARTS, st.lists(_PARTS, max_size=3))
)
_SHAPES = st.sampled_from([lambda tasks: {"tasks": tasks}, lambda tasks: {"a": {"tasks": tasks}, "b": 1}])


@st.composite
def _task_files(draw: st.DrawFn) -> bytes:
    indent, ascii_only = draw(st.sampled_from([None, 1, "\t"])), draw(st.booleans())
    text = json.dumps(draw(_SHAPES)(draw(_TASKS)), indent=indent, ensure_ascii=ascii_only)
    ends = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    comma = ends[:-1] + draw(st.sampled_from(["", ",", "// the end\n"])) + "}"
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + comma.encode("utf-8", "surrogatepass")


def _without_statuses(content: bytes) -> object:
    def strip(value: dict[str, object]) -> dict[str, object]:
        return {key: part for key, part in value.items() if key != "status"}

    return json.loads(read_json(content.decode("utf-8-sig", "replace")).text, object_hook=strip)


@given(_task_files(), st.sampled_from(MARKS))
def test_only_statuses_of_a_tasks_json_change(content: bytes, mark: str) -> None:
    boxes = boxes_of(content)
    result = set_marks(content, {box.key: mark for box in boxes})
    after = {box.key: box.mark for box in boxes_of(result.content)}
    assert list(after) == [box.key for box in boxes]
    assert all(after[key] == {"/": "~"}.get(mark, mark) for key in after if key not in result.missing)
    assert all(after[box.key] == box.mark for box in boxes if box.key in result.missing)
    if boxes:
        assert _without_statuses(result.content) == _without_statuses(content)
        assert re.sub(rb'"status"\s*:\s*"[\w-]*"', b"", result.content) == re.sub(
            rb'"status"\s*:\s*"[\w-]*"', b"", content
        )
    assert (result.content == content) is (not result.changed)


GARDEN = b"""{"tasks": [
  {"id": 1, "title": "Sow", "status" : "pending", "subtasks": [
    {"id": 1, "title": "Dig", "status":"pending", "details": "\\"status\\": \\"pending\\""},
    {"id": 2, "title": "Rake", "status": "pending"}, {"id": 3, "title": "Rest"}]},
  {"id": 2, "title": "Water", "status": "review"}
]}
"""


def _keys(content: bytes) -> dict[str, str]:
    return {box.text: box.key for box in boxes_of(content)}


def test_a_subtask_is_ticked_by_its_status_and_its_task_follows() -> None:
    keys = _keys(GARDEN)
    result = set_marks(GARDEN, {keys["Dig"]: "x"})
    assert result.changed == (keys["Dig"],)
    assert result.content == GARDEN.replace(b'"status":"pending"', b'"status":"done"').replace(
        b'"status" : "pending"', b'"status" : "in-progress"'
    )
    assert set_marks(result.content, {keys["Dig"]: " "}).content == GARDEN


def test_a_task_without_subtasks_is_ticked_itself_and_a_mark_it_has_changes_no_byte() -> None:
    keys = _keys(GARDEN)
    assert set_marks(GARDEN, {keys["Water"]: "x"}).content == GARDEN.replace(b'"review"', b'"done"')
    assert set_marks(GARDEN, {keys["Water"]: "~"}).content == GARDEN


def test_a_part_without_a_status_is_reported_and_nothing_is_inserted() -> None:
    keys = _keys(GARDEN)
    result = set_marks(GARDEN, {keys["Rest"]: "x"})
    assert (result.content, result.missing) == (GARDEN, (keys["Rest"],))


def test_a_task_that_did_not_follow_its_subtasks_is_left_until_all_are_done() -> None:
    content = b'{"tasks": [{"id": 1, "title": "Sow", "status": "deferred", "subtasks": ['
    content += (
        b'{"id": 1, "title": "Dig", "status": "pending"}, {"id": 2, "title": "Rake", "status": "pending"}]}]}'
    )
    keys = _keys(content)
    half = set_marks(content, {keys["Dig"]: "x"}).content
    assert half == content.replace(b'"Dig", "status": "pending"', b'"Dig", "status": "done"')
    whole = set_marks(half, {keys["Rake"]: "x"}).content
    assert whole.count(b'"done"') == 3


def test_markdown_in_braces_is_no_json() -> None:
    assert [box.mark for box in boxes_of(b"{x}\n\n- [x] one\n")] == ["x"]
