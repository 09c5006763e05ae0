"""Markdown text into a tree of sections, and into safe HTML for a page. The only importer of markdown_it.

Only blocks are parsed: the few lines whose inline text matters are read with regular expressions,
which costs half the time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from roadmark.ingest.document import Block, Document, Fence, Heading, Item, ItemList, Node, Paragraph
from roadmark.ingest.fences import GUARD
from roadmark.ingest.source import SourceText
from roadmark.ingest.titles import read_title

NESTING_LIMIT = 400
"""markdown-it's own limit of 20 loses deeper items without a word."""

_BOX = re.compile(r"\[([ xX~/-])\](\*?)(?=\s)[^\S\n]*(?=\S)")
_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "pre", "code", "blockquote", "hr", "br"}
_TAGS |= {"em", "strong", "s", "del", "a", "table", "thead", "tbody", "tr", "th", "td"}


def _block_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": NESTING_LIMIT})
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def _page_parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "maxNesting": 100}).enable(["table", "strikethrough"])


def render_html(text: str) -> str:
    """Safe HTML of a Markdown text: no raw HTML, images or scripts; links tell their target nothing."""
    html = str(_page_parser().render(text))
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def read_document(
    path: str, source: SourceText, front_matter: Mapping[str, object] = MappingProxyType({})
) -> Document:
    """The tree of a Markdown text. Line numbers are those of the file, front matter included."""
    tokens = _tokens("\n".join(source.body_lines))
    parts = list(_parts(tokens, source.lines))
    cut_line = next((token.map[0] + 1 for token in tokens if _is_cut(token) and token.map), 0)
    tree = _tree(parts, len(source.lines))
    return Document(path, source.text, source.lines, source.byte_lines, tree, cut_line, front_matter)


def _tokens(body: str) -> list[Token]:
    try:
        return _block_parser().parse(body)
    except RecursionError:  # quotes nest deeper than lists, and the caller's own stack counts too
        return [Token("cut", "", 0, map=[0, 1], level=NESTING_LIMIT)]


def _is_cut(token: Token) -> bool:
    """Whether what is inside this block was not read, because it stands too deep."""
    return token.level >= NESTING_LIMIT - 1


def _parts(tokens: list[Token], lines: tuple[str, ...]) -> Iterator[Heading | Block]:
    """Headings and blocks of the top level, in order."""
    builder = _Builder(lines)
    for token in tokens:
        builder.take(token)
    return iter(builder.parts)


@dataclass(slots=True)
class _OpenItem:
    line: int
    end_line: int
    number: str
    first: Token | None = None
    has_content: bool = False
    children: list[Item] = field(default_factory=list)
    rest: list[Paragraph | Fence] = field(default_factory=list)


class _Builder:
    """Turns the flat token stream into nested values; lists inside quotes count like lists outside."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self.parts: list[Heading | Block] = []
        self.items: list[_OpenItem] = []
        self.lists: list[tuple[int, list[Item]]] = []
        self.heading: Token | None = None

    def take(self, token: Token) -> None:
        """Adds one token."""
        match token.type:
            case "inline":
                self._text(token)
            case "heading_open":
                self.heading = token
            case "heading_close":
                self.heading = None
            case "list_item_open":
                first, last = token.map or [0, 0]
                self.items.append(_OpenItem(first + 1, last, token.info))
            case "list_item_close":
                self._close_item()
            case "bullet_list_open" | "ordered_list_open":
                self.lists.append(((token.map or [0])[0] + 1, []))
            case "bullet_list_close" | "ordered_list_close":
                self._close_list()
            case "fence" | "code_block":
                self._fence(token)
            case "html_block":
                self._add(Paragraph((token.map or [0])[0] + 1, token.content))

    def _text(self, token: Token) -> None:
        line = (token.map or [0])[0] + 1
        if self.heading is not None and not self.items and self.heading.level == 0:
            self.parts.append(Heading(line, int(self.heading.tag[1]), token.content))
        elif self.items and not self.items[-1].has_content:
            self.items[-1].first = token
            self.items[-1].has_content = True
        else:
            self._add(Paragraph(line, token.content))

    def _fence(self, token: Token) -> None:
        first, last = token.map or [0, 0]
        info = token.info.strip() if token.type == "fence" else "(indented)"
        text = token.content.replace(GUARD, "") if GUARD in token.content else token.content
        self._add(Fence(first + 1, last, info, text))

    def _add(self, part: Paragraph | Fence) -> None:
        if self.items:
            self.items[-1].has_content = True
            self.items[-1].rest.append(part)
        else:
            self.parts.append(part)

    def _close_item(self) -> None:
        item = self._item(self.items.pop())
        self.lists[-1][1].append(item)
        if self.items:
            self.items[-1].has_content = True

    def _close_list(self) -> None:
        line, items = self.lists.pop()
        if self.items:
            self.items[-1].has_content = True
            self.items[-1].children.extend(items)
        else:
            self.parts.append(ItemList(line, tuple(items)))

    def _item(self, opened: _OpenItem) -> Item:
        raw = opened.first.content if opened.first else ""
        line = (opened.first.map or [0])[0] + 1 if opened.first else opened.line
        box = _BOX.match(raw)
        mark, column = None, 0
        if box:
            mark = box[1].lower()
            column = self._column(line, raw.split("\n", 1)[0]) + 1
        return Item(
            opened.line,
            opened.end_line,
            len(self.items) + 1,
            opened.number,
            raw[box.end() :] if box else raw,
            mark,
            line,
            column,
            bool(box and box[2]),
            tuple(opened.children),
            tuple(opened.rest),
        )

    def _column(self, line: int, first: str) -> int:
        """Where ``first`` starts in its line, from 1: content is always the end of its line."""
        return len(self.lines[line - 1].rstrip()) - len(first.rstrip()) + 1


@dataclass(slots=True)
class _OpenNode:
    heading: Heading
    blocks: list[Block] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)


def _tree(parts: list[Heading | Block], line_count: int) -> Node:
    open_nodes = [_OpenNode(Heading(1, 0, ""))]
    for part in parts:
        if isinstance(part, Heading):
            _close_down_to(open_nodes, part.level, part.line - 1)
            open_nodes.append(_OpenNode(part))
        else:
            open_nodes[-1].blocks.append(part)
    _close_down_to(open_nodes, 1, line_count)
    return _node(open_nodes[0], line_count)


def _close_down_to(open_nodes: list[_OpenNode], level: int, last_line: int) -> None:
    while open_nodes[-1].heading.level >= level:
        done = open_nodes.pop()
        open_nodes[-1].children.append(_node(done, last_line))


def _node(opened: _OpenNode, end_line: int) -> Node:
    heading = opened.heading
    title = read_title(heading.text)
    return Node(
        heading.level,
        heading.line,
        end_line,
        heading.text,
        title.text,
        title.number,
        title.kind,
        tuple(opened.blocks),
        tuple(opened.children),
    )
