"""The documentation as static pages: `make site` writes them into `site/`.

    python -m tools.site

The pages are `docs/*.md`. They use no JavaScript, web fonts or external resources; the menu on
narrow screens is a popover.
"""

import re
import shutil
from html import escape, unescape
from pathlib import Path

from markdown_it import MarkdownIt

from tools.docs import DOCS
from tools.reference import anchor_of

SITE = DOCS.parent / "site"

# In reading order for newcomers.
CHAPTERS = {
    "Begin": ("quick-start", "authentication", "errors", "api"),
    "Build": (
        "clients",
        "templates",
        "invoices",
        "seals",
        "batches",
        "finishing",
        "webhooks",
        "hooks",
        "embed",
        "keys",
        "federation",
        "dashboard",
    ),
    "Run": ("deploy", "operations", "security", "permissions", "performance", "cost"),
    "Understand": ("architecture", "glossary", "sam-local"),
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_STYLE = Path(__file__).with_name("site.css")

# Display names of the samples' languages.
_LANGUAGES = {
    "curl": "curl", "html": "HTML", "js": "JavaScript", "json": "JSON",
    "mermaid": "Diagram", "node": "Node", "python": "Python", "sh": "Shell", "typst": "Typst",
}  # fmt: skip
_SHELLS = ("", "curl", "sh")
# Strings and comments of a sample in escaped HTML.
_TEXT = r"&quot;(?:\\.|(?!&quot;).)*?&quot;"
_COMMENT = {"shell": r"(?<!\S)#\s.*", "python": r"#\s.*", "c": r"(?<!\S)//\s.*"}


def build(site: Path = SITE) -> list[Path]:
    """Write all pages. Returns their paths."""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    for folder in ("images", "gallery"):
        shutil.copytree(DOCS / folder, site / folder)
    for file in (DOCS / "openapi.json", *DOCS.glob("*.svg"), _STYLE):
        shutil.copy(file, site)
    texts = {name: text_of(name) for name in pages()}
    titles = {name: text.splitlines()[0].removeprefix("# ") for name, text in texts.items()}
    written = []
    for name, text in texts.items():
        page = site / f"{name}.html"
        page.write_text(_page(name, titles, _html(text)), encoding="utf-8")
        written.append(page)
    first = site / f"{next(iter(texts))}.html"
    (site / "index.html").write_bytes(first.read_bytes())
    return [*written, site / "index.html"]


def pages() -> list[str]:
    """The names of the existing pages. `make bench` writes the performance page."""
    named = [name for names in CHAPTERS.values() for name in names]
    return [name for name in named if (DOCS / f"{name}.md").is_file()]


def text_of(name: str) -> str:
    """A page as Markdown."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def _html(text: str) -> str:
    body: str = _MARKDOWN.render(text)
    body = re.sub(r'<a href="(?!https?:)([^"]*)">(.*?)</a>', _link, body, flags=re.DOTALL)
    body = re.sub(r"<h([1-4])>(.*?)</h\1>", _heading, body, flags=re.DOTALL)
    body = re.sub(
        r'<pre><code(?: class="language-(\w+)")?>(.*?)</code></pre>', _sample, body, flags=re.DOTALL
    )
    body = re.sub(r"<code>([A-Z]+) (/[^<\s]*)</code>", r"<code><b>\1</b> \2</code>", body)
    return re.sub(r"<table>.*?</table>", _table, body, flags=re.DOTALL)


def _link(match: re.Match[str]) -> str:
    """Links to Markdown pages become links to HTML pages; links into the repository become text."""
    target, _, anchor = match[1].partition("#")
    name = target.removesuffix(".md")
    if not target or (name in pages() and target.endswith(".md")):
        page = f"{name}.html" if target else ""
        return f'<a href="{page}{"#" + anchor if anchor else ""}">{match[2]}</a>'
    return match[0] if target == "openapi.json" else match[2]


def _heading(match: re.Match[str]) -> str:
    anchor = anchor_of(_words(match[2]))
    link = "" if match[1] == "1" else f' <a class="anchor" href="#{anchor}" title="Link">#</a>'
    return f'<h{match[1]} id="{anchor}">{match[2]}{link}</h{match[1]}>'


def _sample(match: re.Match[str]) -> str:
    """A code sample with the name of its language, and highlighted strings and comments."""
    kind, code = match[1] or "", match[2]
    comment = "shell" if kind in _SHELLS else kind if kind in _COMMENT else "c"
    tokens = rf"(?P<text>{_TEXT})|(?P<comment>{_COMMENT[comment]})"
    code = re.sub(tokens, lambda found: f"<i class={found.lastgroup}>{found[0]}</i>", code)
    name = _LANGUAGES.get(kind)
    caption = f"<figcaption>{name}</figcaption>" if name else ""
    # It scrolls, so it must be focusable by keyboard.
    return f'<figure>{caption}<pre tabindex="0"><code>{code}</code></pre></figure>'


def _table(match: re.Match[str]) -> str:
    """A table that can scroll; one without a header is only for layout."""
    head = re.search(r"<thead>(.*?)</thead>", match[0], re.DOTALL)
    if head and not _words(head[1]).strip():
        plain = match[0].replace(head[0], "").replace("<td></td>\n", "")
        return plain.replace("<table>", '<table class="places" role="presentation">')
    return f'<div class="wide" tabindex="0">{match[0]}</div>'


def _words(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", "", html))


def _page(name: str, titles: dict[str, str], body: str) -> str:
    chapters = "".join(
        f"<h2>{chapter}</h2><ul>{_items(name, titles, names)}</ul>"
        for chapter, names in CHAPTERS.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(titles[name])} · Craftkit</title>"
        f'<link rel="stylesheet" href="{_STYLE.name}">'
        '<a class="skip" href="#page">Skip to the page</a>'
        '<header><a href="index.html">Craftkit</a>'
        '<button popovertarget="pages">Menu</button></header>'
        f'<nav id="pages" aria-label="Pages" popover>{chapters}</nav>'
        f'<main id="page">{body}{_neighbours(name, titles)}</main>{_contents(body)}</html>\n'
    )


def _items(name: str, titles: dict[str, str], names: tuple[str, ...]) -> str:
    return "".join(
        f'<li><a href="{each}.html"{" aria-current=page" if each == name else ""}>'
        f"{escape(titles[each])}</a></li>"
        for each in names
        if each in titles
    )


def _neighbours(name: str, titles: dict[str, str]) -> str:
    """Links to the previous and the next page."""
    names = list(titles)
    at = names.index(name)
    links = [
        f'<a rel="{rel}" href="{names[to]}.html">{escape(titles[names[to]])}</a>'
        for rel, to in (("prev", at - 1), ("next", at + 1))
        if 0 <= to < len(names)
    ]
    return f'<nav class="neighbours" aria-label="Before and after">{"".join(links)}</nav>'


def _contents(body: str) -> str:
    """The table of contents of the page."""
    sections = re.findall(r'<h2 id="([^"]*)">(.*?) <a class="anchor"', body, re.DOTALL)
    if len(sections) < 2:
        return ""
    items = "".join(f'<li><a href="#{anchor}">{words}</a></li>' for anchor, words in sections)
    return f'<nav class="contents" aria-label="Here"><h2>On this page</h2><ul>{items}</ul></nav>'


if __name__ == "__main__":
    print(f"  {len(build())} pages in {SITE.name}/.")  # noqa: T201
