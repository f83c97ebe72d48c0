"""Parses rich text of the data into a tree, which the prelude turns into Typst content.

markdown-it-py parses Markdown; nh3 reduces HTML to a safe subset. Neither ever becomes Typst
source: a tree contains only text and elements of the kinds in `_KINDS`.
"""

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from html.parser import HTMLParser
from typing import Any

Node = str | dict[str, Any]

_DEPTH_LIMIT = 16
"""Elements in one another. Deeper ones are left out, and their content is in the innermost one."""

_MARKDOWN_DEPTH_LIMIT = 20
"""Blocks in one another that markdown-it-py reads. The time for hostile text grows with it."""

_URL = re.compile(r"(https?://|mailto:)[^\x00-\x20\x7f]{1,2000}", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_EMPTY_LINES = re.compile(r"\n[ \t\r]*\n")

_INLINE = {
    "em": "em", "i": "em", "strong": "strong", "b": "strong", "s": "strike", "del": "strike",
    "u": "underline", "sub": "sub", "sup": "super",
}  # fmt: skip
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_KINDS = {
    **_INLINE, **dict.fromkeys(_HEADINGS, "heading"), "p": "par", "ul": "list", "ol": "enum",
    "li": "item", "blockquote": "quote", "a": "link", "code": "code", "pre": "pre", "br": "break",
    "hr": "rule", "table": "table", "thead": "rows", "tbody": "rows", "tr": "row", "th": "cell",
    "td": "cell",
}  # fmt: skip
# Text directly in these elements is white space between their parts.
_CONTAINERS = {"root", "list", "enum", "table", "rows", "row", "quote"}
_TEXT_ONLY = {"code", "pre"}
_PARENTS = {
    "item": {"list", "enum"},
    "cell": {"row"},
    "row": {"rows", "table"},
    "rows": {"table"},
}
_BLOCKS = {"par", "heading", "list", "enum", "quote", "pre", "rule", "table"}
_IN_LINE = {"heading", "link", "par", *_INLINE.values()}
# A heading in these elements becomes a bold paragraph, outside the document's outline.
_WITHOUT_HEADINGS = {
    "list", "enum", "item", "table", "rows", "row", "cell", "quote", "code", "pre",
    *_IN_LINE,
}  # fmt: skip
_NOTHING_IF_BLANK = {
    "heading", "link", "par", "list", "enum", "quote", "table", "row", *_INLINE.values(),
}  # fmt: skip


def trees(texts: bytes) -> bytes:
    """The trees of rich texts, by format and text, as JSON.

    Args:
        texts: JSON, a list of `markdown:…` and `html:…`.
    """
    return json.dumps({text: tree(text) for text in json.loads(texts)}).encode()


@lru_cache(maxsize=64)
def tree(text: str) -> dict[str, Any]:
    """The tree of one text: its blocks, and whether any is a heading."""
    text_format, _, content = text.partition(":")
    builder = _Builder()
    if text_format == "html":
        _HtmlReader(builder).read(content)
    else:
        _read_markdown(builder, content)
    blocks = builder.end()
    return {"c": blocks, "headings": builder.has_headings}


class _Builder:
    """Builds a tree from start and end tags with the element names of HTML."""

    def __init__(self) -> None:
        self.has_headings = False
        self._levels: list[int] = []
        self._open: list[tuple[str, dict[str, Any]]] = [("root", {"c": []})]
        self._too_deep = 0

    def open(self, tag: str, attributes: dict[str, Any]) -> None:
        kind = _KINDS.get(tag)
        if kind is None:
            return
        if len(self._open) > _DEPTH_LIMIT or self._too_deep:
            self._too_deep += 1
            return
        node: dict[str, Any] = {"t": kind, "c": []}
        if kind == "heading":
            node["level"] = _HEADINGS[tag]
        elif kind == "link":
            node["url"] = str(attributes.get("href") or "")
        elif kind == "enum":
            start = str(attributes.get("start") or 1)
            node["start"] = int(start) if start.isascii() and start.isdigit() else 1
        elif kind == "cell":
            node["header"] = tag == "th"
        self._open.append((tag, node))

    def close(self, tag: str) -> None:
        if tag not in _KINDS:
            return
        if self._too_deep:
            self._too_deep -= 1
            return
        if len(self._open) > 1 and self._open[-1][0] == tag:
            self._add(self._finished(self._open.pop()[1]))

    def text(self, text: str) -> None:
        kind = self._open[-1][1].get("t", "root")
        if kind not in _TEXT_ONLY:
            text = _SPACE.sub(" ", text)
            if kind in _CONTAINERS and not text.strip():
                return
        if text:
            self._add([text])

    def end(self) -> list[Node]:
        while len(self._open) > 1:
            self._add(self._finished(self._open.pop()[1]))
        return list(self._open[0][1]["c"])

    def _add(self, nodes: Iterable[Node]) -> None:
        siblings: list[Node] = self._open[-1][1]["c"]
        for node in nodes:
            if isinstance(node, str) and siblings and isinstance(siblings[-1], str):
                siblings[-1] += node
            else:
                siblings.append(node)

    def _finished(self, node: dict[str, Any]) -> list[Node]:
        """The nodes that replace a finished node: itself, its children, or none."""
        kind, children = node["t"], node["c"]
        if kind in _TEXT_ONLY:
            text = "".join(_texts(children))
            if kind == "code" and self._open[-1][1].get("t") == "pre":
                return [text]
            return [{"t": kind, "s": text.rstrip("\n")}] if text.strip() else []
        if kind in _PARENTS and self._open[-1][1].get("t") not in _PARENTS[kind]:
            return list(children)  # an item or a cell outside of a list or a table
        if kind in _NOTHING_IF_BLANK and not any(text.strip() for text in _texts(children)):
            return []
        if kind in _IN_LINE and any(_is_block(child) for child in children):
            return list(children)  # its tag would be split by the tags of the blocks in it
        if kind == "heading":
            if any(parent.get("t") in _WITHOUT_HEADINGS for _, parent in self._open):
                strong: Node = {"t": "strong", "c": children}
                in_line = any(parent.get("t") in _IN_LINE for _, parent in self._open)
                return [strong] if in_line else [{"t": "par", "c": [strong]}]
            self.has_headings = True
            node["level"] = self._level(node["level"])
        elif kind == "link" and not _URL.fullmatch(node["url"]):
            return list(children)
        elif kind in ("list", "enum"):
            node["c"] = [
                child if _is(child, "item") else {"t": "item", "c": [child]} for child in children
            ]
        elif kind == "rows":
            return [child for child in children if _is(child, "row")]
        elif kind == "row":
            node["c"] = [child for child in children if _is(child, "cell")]
        elif kind == "table":
            return _table(children)
        return [node]

    def _level(self, level: int) -> int:
        """The level without gaps, from 1: PDF/UA refuses a heading that skips a level."""
        while self._levels and self._levels[-1] >= level:
            self._levels.pop()
        self._levels.append(level)
        return len(self._levels)


def _is_block(node: Node) -> bool:
    return isinstance(node, dict) and node["t"] in _BLOCKS


def _is(node: Node, kind: str) -> bool:
    return isinstance(node, dict) and node["t"] == kind


def _table(rows: Sequence[Node]) -> list[Node]:
    """A table with a header row, each row filled up to the widest."""
    cells = [[cell["c"] for cell in row["c"]] for row in rows if isinstance(row, dict)]
    cells = [row for row in cells if row]
    if not cells:
        return []
    columns = min(max(map(len, cells)), 20)
    filled = [(row + [[]] * columns)[:columns] for row in cells]
    return [{"t": "table", "columns": columns, "header": filled[0], "c": filled[1:]}]


def _texts(nodes: Iterable[Node]) -> Iterable[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif "s" in node:
            yield node["s"]
        elif node["t"] == "table":
            yield " "
            for row in (node["header"], *node["c"]):
                for cell in row:
                    yield from _texts(cell)
        else:
            yield from _texts(node["c"])


class _HtmlReader(HTMLParser):
    """Reads HTML that nh3 has cleaned: balanced elements of the allowed kinds, and text."""

    def __init__(self, builder: _Builder) -> None:
        super().__init__(convert_charrefs=True)
        self._builder = builder

    def read(self, text: str) -> None:
        import nh3  # most documents have no HTML

        clean = nh3.clean(
            text,
            tags=set(_KINDS),
            attributes={"a": {"href"}, "ol": {"start"}},
            url_schemes={"http", "https", "mailto"},
            link_rel=None,
        )
        self.feed(clean)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._builder.open(tag, dict(attrs))
        if tag in ("br", "hr"):
            self._builder.close(tag)

    def handle_endtag(self, tag: str) -> None:
        self._builder.close(tag)

    def handle_data(self, data: str) -> None:
        self._builder.text(data)


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt  # most documents have no Markdown

    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _MARKDOWN_DEPTH_LIMIT})
    return parser.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])


def _read_markdown(builder: _Builder, text: str) -> None:
    tokens = _markdown().parse(text)
    if any(token.level >= _MARKDOWN_DEPTH_LIMIT - 1 for token in tokens):
        # markdown-it-py drops deeper blocks with their text: the whole text is shown as it is.
        for paragraph in _EMPTY_LINES.split(text):
            builder.open("p", {})
            builder.text(paragraph)
            builder.close("p")
        return
    for token in tokens:
        if token.type == "inline":
            for part in token.children or ():
                _read_token(builder, part)
        elif not token.hidden:  # the paragraphs of a tight list
            _read_token(builder, token)


def _read_token(builder: _Builder, token: Any) -> None:
    if token.type in ("text", "text_special"):
        builder.text(token.content)
    elif token.type == "softbreak":
        builder.text(" ")
    elif token.type in ("hardbreak", "hr"):
        builder.open(token.tag, {})
        builder.close(token.tag)
    elif token.type == "image":  # images are not fetched: the alternative text is shown
        builder.text(token.content)
    elif token.type in ("fence", "code_block", "code_inline"):
        tag = "code" if token.type == "code_inline" else "pre"
        builder.open(tag, {})
        builder.text(token.content)
        builder.close(tag)
    elif token.nesting == 1:
        builder.open(token.tag, token.attrs)
    elif token.nesting == -1:
        builder.close(token.tag)
