"""Our scanner of blocks finds what markdown-it finds, on fixed, random and real texts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from roadmark.ingest.blocks import scan_blocks
from roadmark.ingest.document import Fence, Heading, Item, ItemList, Paragraph
from roadmark.ingest.source import read_source

Found = tuple[object, ...]


def _words(text: str) -> str:
    return " ".join(text.split())


def _ours(text: str) -> list[Found]:
    parts, _ = scan_blocks(tuple(text.split("\n")))
    found: list[Found] = []
    for part in parts:
        if isinstance(part, Heading):
            found.append((part.line, "heading", part.level, _words(part.text)))
        elif isinstance(part, ItemList):
            found.extend(entry for item in part.items for entry in _item(item))
        else:
            found.extend(_leaf(part))
    return sorted(found, key=str)


def _item(item: Item) -> Iterator[Found]:
    for part in item.walk():
        yield (part.line, "item", part.depth, part.number)
        if part.mark is None and part.text:
            yield (part.mark_line, "text", _words(part.text))
        for rest in part.rest:
            yield from _leaf(rest)


def _leaf(part: Paragraph | Fence) -> Iterator[Found]:
    if isinstance(part, Fence):
        yield (part.line, "fence", part.info, _words(part.text))
    elif not part.text.lstrip().startswith("<") and part.text.strip():
        yield (part.line, "text", _words(part.text))


def _theirs(text: str) -> list[Found]:
    parser = MarkdownIt("commonmark", {"maxNesting": 400})
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.disable("reference")
    found: list[Found] = []
    depth, heading = 0, ""
    for token in parser.parse(text):
        line = token.map[0] + 1 if token.map else 0
        depth += (token.type == "list_item_open") - (token.type == "list_item_close")
        if token.type == "list_item_open":
            found.append((line, "item", depth, token.info))
        elif token.type == "heading_open":
            heading = token.tag if token.level == 0 else ""
        elif token.type == "inline" and heading:
            found.append((line, "heading", int(heading[1]), _words(token.content)))
        elif token.type == "inline" and not _is_box(token.content, depth):
            found.append((line, "text", _words(token.content)))
        elif token.type == "fence":
            found.append((line, "fence", token.info.strip(), _words(token.content)))
        elif token.type == "code_block":
            found.append((line, "fence", "(indented)", _words(token.content)))
        heading = heading if token.type == "heading_open" else ""
    return sorted((entry for entry in found if entry[1:] != ("text", "")), key=str)


def _is_box(content: str, depth: int) -> bool:
    """Boxes are told apart by other tests; here their text would only differ by the box."""
    return depth > 0 and content.lstrip().startswith("[")


def _without_boxes(found: list[Found]) -> list[Found]:
    return [
        entry for entry in found if not (entry[1] == "text" and str(entry[2]).lstrip().startswith(("[", "<")))
    ]


def _agree(text: str) -> None:
    assert _without_boxes(_ours(text)) == _without_boxes(_theirs(text))


# A deeply indented line stands behind a blank one here: as the lazy continuation of a paragraph that it is
# for CommonMark (and for us), markdown-it takes it for code.
LEADS = ["", " ", "  ", "   ", "\n    ", "\n      ", "\n\t", "> ", ">", "- ", "  > ", "1. ", "\n \t"]
LINES = st.lists(
    st.sampled_from(
        [
            "",
            "a",
            "# b",
            "### c ##",
            "#",
            "- d",
            "* e",
            "+ f",
            "1. g",
            "2) h",
            "-",
            "1.",
            "> i",
            ">",
            "```",
            "```js",
            "~~~~",
            "~~~",
            "---",
            "***",
            "- - -",
            "===",
            "==",
            "--",
            "- [ ] j",
            "-     k",
            "- ```",
            "<div>",
            "<!-- l",
            "-->",
            "<b>",
            "</pre>",
            "<pre>",
            "12345678901. m",
            "7. n",
            "_ _ _",
            "\\# o",
            "#p",
            "####### q",
            "r ===",
        ]
    ).flatmap(lambda line: st.sampled_from(LEADS).map(lambda lead: lead + line)),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=400)
@given(LINES)
@example(["- a", "", "  b", "c"])
@example(["> a", "b", "===", "> ```", "c"])
@example(["-", "", "  a"])
@example(["- - a", "", "  b"])
@example(["1. a", "", "   - b", "", "2. c"])
@example(["- a", " - b", "  - c", "   - d", "    - e"])
@example(["\t- a", "- b", "\t- c", "\t\td"])
@example(["> - a", "> - b", "- c"])
@example(["a", "2. b", "1. c", "-"])
@example(["```", "a", "> ```", "    ```", "```"])
@example(["<!-- a", "- b", "-->", "- c"])
@example(["- <div>", "  - a", "", "- b"])
def test_random_lines_give_the_same_blocks(lines: list[str]) -> None:
    _agree("\n".join(lines))


@settings(max_examples=200)
@given(st.text(alphabet=" \n->*#`~1.)[]x_=<a", max_size=60))
def test_random_signs_give_the_same_blocks(text: str) -> None:
    _agree(text.replace("    ", "   ").replace("    ", "   "))


@pytest.mark.slow
def test_real_files_give_the_same_blocks(corpus: Path) -> None:
    files = sorted((corpus / "dev").rglob("*.md"))[::8]
    different = []
    for path in files:
        source, _ = read_source(path.read_bytes())
        text = "\n".join(source.body_lines)
        if _without_boxes(_ours(text)) != _without_boxes(_theirs(text)):
            different.append(path.name)
    assert different == []
