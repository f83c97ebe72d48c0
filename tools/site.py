"""The documentation as static pages: `make site` writes them into `site/`.

    python -m tools.site

The pages are `docs/*.md`, and the reference is made from the OpenAPI document. No script, no font
and no address from outside.
"""

import re
import shutil
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from craftkit.openapi import describe
from tools.docs import DOCS, PUBLIC_URL

SITE = DOCS.parent / "site"

# In the order in which somebody who is new reads them.
CHAPTERS = {
    "Begin": ("quick-start", "authentication", "errors", "api"),
    "Build": ("templates", "webhooks", "hooks", "embed", "keys", "dashboard"),
    "Run": ("deploy", "operations", "permissions", "performance", "cost"),
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_METHODS = ("get", "post", "put", "patch", "delete")

Json = dict[str, Any]


def build(site: Path = SITE) -> list[Path]:
    """Write every page anew. Returns them."""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    for folder in ("images", "gallery"):
        shutil.copytree(DOCS / folder, site / folder)
    for file in (DOCS / "openapi.json", *DOCS.glob("*.svg")):
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
    """The names of the pages that there are. Performance is written by `make bench`."""
    named = [name for names in CHAPTERS.values() for name in names]
    return [name for name in named if name == "api" or (DOCS / f"{name}.md").is_file()]


def text_of(name: str) -> str:
    """A page as Markdown."""
    return reference() if name == "api" else (DOCS / f"{name}.md").read_text(encoding="utf-8")


def reference() -> str:
    """The API, route by route."""
    document = describe(PUBLIC_URL)
    schemas: Json = document["components"]["schemas"]
    parts = ["# API reference", "", _REFERENCE, ""]
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if operation := methods.get(method):
                parts += _operation(method, path, operation)
    parts += ["## Bodies", ""]
    for name, schema in sorted(schemas.items()):
        parts += [f"### {name}", "", *_fields(schema), ""]
    return "\n".join(parts)


def _operation(method: str, path: str, operation: Json) -> list[str]:
    parts = [f"## {operation['summary']}", "", f"`{method.upper()} {path}`"]
    scope = operation.get("x-scope")
    parts += ["", f"Scope: `{scope}`." if scope else "Public: no API key.", ""]
    if description := operation.get("description"):
        parts += [description, ""]
    if parameters := operation.get("parameters"):
        parts += ["| parameter | in | |", "| --- | --- | --- |"]
        parts += [
            f"| `{each['name']}`{'' if each.get('required') else ', optional'} | {each['in']} "
            f"| {each.get('description') or _type(each['schema'])} |"
            for each in parameters
        ]
        parts.append("")
    if body := operation.get("requestBody"):
        parts += [f"Body: {_type(body['content']['application/json']['schema'])}.", ""]
    parts += ["| status | |", "| --- | --- |"]
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json", {}).get("schema", {})
        is_refusal = "allOf" in content
        shown = answer["description"] if is_refusal or not content else _type(content)
        parts.append(f"| {status} | {shown} |")
    return [*parts, ""]


def _fields(schema: Json) -> list[str]:
    parts = [str(schema.get("description", "")).split("\n\n")[0].replace("\n", " "), ""]
    properties = schema.get("properties")
    if not properties:
        return [*parts, f"{_type(schema)}."]
    required = schema.get("required", [])
    parts += ["| field | |", "| --- | --- |"]
    return parts + [
        f"| `{name}`{'' if name in required else ', optional'} | {_type(field)} |"
        for name, field in properties.items()
    ]


def _type(schema: Json) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](api.md#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_type(each) for each in schema[several]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [
        f"{word} {schema[key]}"
        for key, word in (
            ("minimum", "from"), ("maximum", "to"), ("minLength", "from"), ("maxLength", "to"),
        )
        if key in schema
    ]  # fmt: skip
    return " ".join([schema.get("format", kind), *limits])


def _html(text: str) -> str:
    body: str = _MARKDOWN.render(text)
    body = re.sub(r'<a href="(?!https?:)([^"]*)">(.*?)</a>', _link, body, flags=re.DOTALL)
    return re.sub(r"<h([1-4])>(.*?)</h\1>", _heading, body, flags=re.DOTALL)


def _link(match: re.Match[str]) -> str:
    """A link to a page's Markdown leads to the page; one into the repository is words alone."""
    target, _, anchor = match[1].partition("#")
    name = target.removesuffix(".md")
    if not target or (name in pages() and target.endswith(".md")):
        page = f"{name}.html" if target else ""
        return f'<a href="{page}{"#" + anchor if anchor else ""}">{match[2]}</a>'
    return match[0] if target == "openapi.json" else match[2]


def _heading(match: re.Match[str]) -> str:
    words = re.sub(r"<[^>]+>", "", match[2])
    anchor = re.sub(r"[^\w -]", "", words.lower()).replace(" ", "-")
    return f'<h{match[1]} id="{anchor}">{match[2]}</h{match[1]}>'


def _page(name: str, titles: dict[str, str], body: str) -> str:
    chapters = "".join(
        f"<h2>{chapter}</h2><ul>"
        + "".join(
            f'<li><a href="{each}.html"{" aria-current=page" if each == name else ""}>'
            f"{escape(titles[each])}</a></li>"
            for each in names
            if each in titles
        )
        + "</ul>"
        for chapter, names in CHAPTERS.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(titles[name])} · Craftkit</title><style>{_STYLE}</style>"
        f'<a class="skip" href="#page">Skip to the page</a><nav aria-label="Pages">'
        f'<a class="home" href="index.html">Craftkit</a>{chapters}</nav>'
        f'<main id="page">{body}</main></html>\n'
    )


_REFERENCE = f"""Made from the [OpenAPI 3.1 document](openapi.json), which every stage serves at `GET /v1/openapi.json`.

Address: `{PUBLIC_URL}`. JSON in and out, camelCase (embed answers are snake_case). Send the key as `Authorization: Bearer ck_live_…` ([authentication](authentication.md)). Every answer carries `x-request-id`; every refusal wears one envelope ([errors](errors.md))."""  # noqa: E501 a paragraph of Markdown is one line

_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1f2937, #e5e7eb);
  --soft: light-dark(#64748b, #94a3b8); --paper: light-dark(#fff, #0f172a);
  --shade: light-dark(#f1f5f9, #1e293b); --line: light-dark(#e2e8f0, #334155);
  --accent: light-dark(#0f766e, #5eead4) }
* { box-sizing: border-box }
body { margin: 0; display: grid; grid-template-columns: 15rem minmax(0, 48rem); gap: 3rem;
  font: 16px/1.6 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
nav { padding: 2rem 0 2rem 2rem; position: sticky; top: 0; align-self: start; max-height: 100vh;
  overflow: auto }
nav h2 { font-size: .75rem; text-transform: uppercase; letter-spacing: .08em; color: var(--soft);
  margin: 1.5rem 0 .25rem }
nav ul { list-style: none; margin: 0; padding: 0 } nav a { color: inherit; text-decoration: none }
nav a[aria-current] { color: var(--accent); font-weight: 600 } .home { font-weight: 700 }
main { padding: 2rem 2rem 6rem 0; overflow-wrap: break-word } h1, h2, h3 { line-height: 1.25 }
h2 { margin-top: 2.5rem } a { color: var(--accent) }
pre, code { font: .875em/1.5 ui-monospace, monospace; background: var(--shade); border-radius: 4px }
code { padding: .1em .3em } pre { padding: 1rem; overflow: auto } pre code { padding: 0 }
table { border-collapse: collapse; width: 100%; font-size: .9rem; display: block; overflow: auto }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top } img { max-width: 100%; height: auto }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: 1rem }
@media (max-width: 50rem) { body { display: block } nav { position: static; max-height: none;
  padding: 1rem 1rem 0 } main { padding: 1rem } }
"""

if __name__ == "__main__":
    print(f"  {len(build())} pages in {SITE.name}/.")  # noqa: T201
