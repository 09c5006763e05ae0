"""Markdown text into a tree of sections, and into safe HTML for a page. The only importer of markdown_it.

The tree comes from our own scanner of blocks; the page from markdown-it, which reads inline text too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import nh3
from markdown_it import MarkdownIt
from roadmark.ingest.blocks import scan_blocks
from roadmark.ingest.document import Block, Document, Heading, Node
from roadmark.ingest.source import SourceText
from roadmark.ingest.titles import read_title

_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "pre", "code", "blockquote", "hr", "br"}
_TAGS |= {"em", "strong", "s", "del", "a", "table", "thead", "tbody", "tr", "th", "td"}


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
    parts, cut_line = scan_blocks(source.body_lines)
    tree = _tree(parts, len(source.lines))
    return Document(
        path,
        source.text,
        source.lines,
        source.byte_lines,
        tree,
        nodes=tuple(tree.walk()),
        fences=tuple(tree.fences()),
        items=tuple(tree.all_items()),
        cut_line=cut_line,
        front_matter=front_matter,
    )


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
