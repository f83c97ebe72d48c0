"""Generates hostile rich texts from a seed, and checks their parsed trees."""

from collections.abc import Iterator
from random import Random
from typing import Any

from typst_child.richtext import tree

KINDS = {
    "par", "em", "strong", "strike", "underline", "sub", "super", "heading", "list", "enum",
    "item", "quote", "link", "code", "pre", "break", "rule", "table",
}  # fmt: skip

_PIECES = (
    # Typst
    '#panic("x")', '#read("/etc/passwd")', "#{", "}", "$x^2$", "#let a = 1", "@label", "<label>",
    "#sys.inputs", "#import", "`raw`", "//", "/*", "*/", "~", "---", "...", "#metadata(1)<a>",
    # Markdown
    "# ", "## ", "###### ", "*", "**", "_", "__", "~~", "`", "```", "- ", "1. ", "99999999. ", "> ",
    "| ", "|---|", "[a](", "](", "![x](http://a/b)", "[ref]: http://a", "<http://a.dev>", "&#35;",
    "\\", "\n", "\n\n", "    ", "\t", "====", "&lt;b&gt;", "&NewLine;",
    # HTML
    "<b>", "</b>", "<p>", "</p>", "<script>", "</script>", "<style>", "<table>", "<tr>", "<td>",
    "<th>", "</table>", "<ul>", "<li>", "</ul>", "<ol start=-1>", "<ol start=99>", "<h1>", "</h1>",
    "<h6>", "<a href=javascript:x>", '<a href="https://a.dev/">', "</a>", "<svg onload=x>", "<pre>",
    "<code>", "<!--", "-->", "<![CDATA[", "<iframe src=//a>", "<math><mi>", "<br>", "<hr/>",
    "<blockquote>", "<img src=x onerror=y>", "<template>", "<noscript>", "&amp;", "&#0;",
    "&#x110000;",
    # Text
    "word", " ", "\u202e", "\u0000", "\ufeff", "שלום", "محمد", "नाम", "日本", "é", "\U0001f600",
    "https://a.dev/?a=1&b=2",
)  # fmt: skip


def hostile_texts(seed: int, count: int) -> Iterator[str]:
    """`markdown:…` and `html:…`, always the same for a seed."""
    random = Random(seed)
    for _ in range(count):
        text_format = random.choice(("markdown", "html"))
        pieces = random.choices(_PIECES, k=random.randint(1, 40))
        if random.random() < 0.02:
            pieces *= random.randint(10, 200)
        yield f"{text_format}:{''.join(pieces)}"


def check_tree(text: str) -> None:
    """Check that a tree has only known elements, text, and http, https and mailto links."""
    found = tree(text)
    assert set(found) == {"c", "headings"}
    levels: list[int] = []
    _check(found["c"], 0, levels)
    assert found["headings"] == bool(levels), text
    for before, level in zip([0, *levels], levels, strict=False):
        assert 1 <= level <= before + 1, (text, levels)


def _check(nodes: list[Any], depth: int, levels: list[int]) -> None:
    assert depth < 40
    for node in nodes:
        if isinstance(node, str):
            continue
        assert node["t"] in KINDS, node
        if node["t"] == "heading":
            levels.append(node["level"])
        if node["t"] == "link":
            assert node["url"].lower().startswith(("http://", "https://", "mailto:")), node
        if node["t"] in ("code", "pre"):
            assert isinstance(node["s"], str)
        elif node["t"] == "table":
            assert all(len(row) == node["columns"] for row in (node["header"], *node["c"]))
            for row in (node["header"], *node["c"]):
                for cell in row:
                    _check(cell, depth + 1, levels)
        else:
            _check(node["c"], depth + 1, levels)
