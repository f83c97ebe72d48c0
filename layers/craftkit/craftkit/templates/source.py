"""Generates Typst source from a manifest, as a start for the author.

The source uses the prelude and has, in this order: title, facts, groups of facts, loops as tables,
sums, long texts, images and codes.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from craftkit.templates.models import Loop, Manifest, Variable

_HEAD = """\
// {title}: generated from its manifest. You can edit everything.
#import "/craftkit.typ": *

#let accent = rgb("#1d4ed8")
#let muted = rgb("#64748b")
#let hairline = 0.5pt + rgb("#e2e8f0")

#show: document-frame
#set par(leading: 0.65em, spacing: 0.9em)
#set table(
  inset: (x: 6pt, y: 7pt),
  stroke: (_, y) => (bottom: if y == 0 {{ 0.8pt + accent }} else {{ hairline }}),
)
#show table: set text(number-width: "tabular")
#show table.cell.where(y: 0): set text(8pt, weight: "semibold", fill: muted)
#show heading: set block(above: 1.6em, below: 1em)
#show heading.where(level: 1): set text(22pt, fill: accent, tracking: -0.02em)
#show heading.where(level: 2): set text(12pt)
#show heading.where(level: 3): set text(10pt)
#show heading.where(level: 4): set text(8pt, fill: muted)
"""

_FACTS = """
// Labels above values, in columns. Absent values take no space.
#let facts(columns: 3, ..pairs) = {
  let present = pairs.pos().filter(((_, value)) => value != none)
  let fact((label, value)) = stack(spacing: 0.55em, text(7.5pt, fill: muted, label), value)
  if present != () {
    block(grid(
      columns: (1fr,) * columns,
      column-gutter: 1.5em,
      row-gutter: 1.2em,
      ..present.map(fact),
    ))
  }
}
"""

_SUMS = """
// Amounts in a column at the right; the last one is the total.
#let sums(..pairs) = {
  let present = pairs.pos().filter(((_, value)) => value != none)
  if present == () { return }
  let (label, value) = present.pop()
  align(end, block(breakable: false, width: 45%, {
    grid(
      columns: (1fr, auto),
      align: (start, end),
      row-gutter: 0.9em,
      ..present.map(((label, value)) => (text(fill: muted, label), value)).flatten(),
    )
    line(length: 100%, stroke: 0.8pt + accent)
    set text(13pt, weight: "bold")
    grid(columns: (1fr, auto), align: (start, end), label, value)
  }))
}
"""

_SMALL = {
    "mail(": """
#let mail(address) = if address != none { link("mailto:" + address, address) }
""",
    "web(": """
#let web(url) = if url != none { link(url) }
""",
    "yes-no(": """
#let yes-no(value) = if value != none { if value { "Yes" } else { "No" } }
""",
}

_KEYWORDS = frozenset(
    {"_", "and", "as", "auto", "break", "context", "continue", "else", "false", "for", "if"}
    | {"import", "in", "include", "let", "none", "not", "or", "return", "set", "show", "true"}
    | {"while"}
)
# Names that the generated source calls, which a loop's variable must not shadow.
_TAKEN = (
    _KEYWORDS
    | {"accent", "align", "barcode", "block", "data", "day", "facts", "grid", "hairline", "heading"}
    | {"index", "line", "link", "mail", "money", "muted", "number", "par", "picture", "qr", "rgb"}
    | {"stack", "sums", "table", "text", "web"}
)
_PLAIN = re.compile(r"[^\W\d_](?:[^\W_]|[ ,.&()'-])*(?<![ .-])")
_PLURAL = re.compile(r"(?<=..)(?:ies|(x|ch|sh|ss)es|s)$")
_LONG = ("longtext", "richtext")
_SHOWN = ("image", "qr", "barcode")
_RIGHT = ("number", "currency")


def write_source(manifest: Manifest, title: str) -> str:
    """Typst source that shows every variable and every loop of the manifest."""
    own = [variable for variable in manifest.variables if "." not in variable.key]
    sums = [v for v in own if v.data_type == "currency"] if manifest.loops else []
    plain = [v for v in own if v not in sums and v.data_type not in (*_LONG, *_SHOWN)]
    apart = [v for v in own if v.data_type in (*_LONG, *_SHOWN)]

    body = [f"\n= {_markup(title)}\n"]
    body += _facts(plain, "data")
    for group, variables in _groups(manifest.variables):
        body += [f"\n== {_markup(_words(group))}\n", *_fields(variables, "data")]
    for loop in manifest.loops:
        body += [f"\n== {_markup(loop.label)}\n", *_loop(loop, "data", level=3)]
    if sums:
        body += ["\n#sums(", *_pairs(sums, "data"), ")"]
    for variable in apart:
        body += _apart(variable, "data")

    text = "\n".join(body)
    helpers = (_FACTS if "#facts(" in text else "") + (_SUMS if "#sums(" in text else "")
    helpers += "".join(
        helper for call, helper in _SMALL.items() if re.search(rf"[ #]{re.escape(call)}", text)
    )
    return _HEAD.format(title=" ".join(title.split())) + helpers + text + "\n"


def _groups(variables: Iterable[Variable]) -> Iterator[tuple[str, list[Variable]]]:
    """Variables grouped by their first segment, in the order of the manifest."""
    dotted = [variable for variable in variables if "." in variable.key]
    order = list(dict.fromkeys(variable.key.split(".")[0] for variable in dotted))
    dotted.sort(key=lambda variable: order.index(variable.key.split(".")[0]))
    for group, found in groupby(dotted, key=lambda variable: variable.key.split(".")[0]):
        yield group, list(found)


def _fields(variables: Sequence[Variable], owner: str) -> Iterator[str]:
    """Facts first, then long texts, images and codes."""
    apart = [v for v in variables if v.data_type in _SHOWN]
    yield from _facts([v for v in variables if v not in apart], owner)
    for variable in apart:
        yield from _apart(variable, owner)


def _facts(variables: Sequence[Variable], owner: str) -> list[str]:
    return ["#facts(", *_pairs(variables, owner), ")"] if variables else []


def _pairs(variables: Iterable[Variable], owner: str) -> Iterator[str]:
    for variable in variables:
        yield f"  ({_string(variable.label)}, {_value(variable, owner)}),"


def _apart(variable: Variable, owner: str) -> list[str]:
    """A long text below its label, or an image or code with space around it."""
    value = _path(owner, variable.key)
    if variable.data_type in _SHOWN:
        return [f"\n#{_value(variable, owner)}"]
    lines = [f"== {_markup(variable.label)}", f"#{value}"]
    if variable.required:
        return ["", *lines]
    return [f"\n#if {value} != none [", *(f"  {line}" for line in lines), "]"]


def _loop(loop: Loop, owner: str, level: int, outer: frozenset[str] = frozenset()) -> list[str]:
    """A table; or a section for each item if the loop has nested loops."""
    name = _item_name(loop.key, outer)
    items = _path(owner, loop.key)
    if not loop.loops:
        return _table(loop.variables, items, name)
    title = next((v for v in loop.variables if v.data_type == "text" and v.required), None)
    rest = [variable for variable in loop.variables if variable is not title]
    inner = [f"{'=' * level} {_heading(loop, title, name)}", *_fields(rest, name)]
    for nested in loop.loops:
        inner += [
            f"\n{'=' * (level + 1)} {_markup(nested.label)}",
            *_loop(nested, name, level + 2, outer | {name}),
        ]
    head = f"#for {name} in {items} ["
    if title is None:
        head = f"#for (index, {name}) in {items}.enumerate(start: 1) ["
    return [head, *_indented(inner), "]"]


def _heading(loop: Loop, title: Variable | None, name: str) -> str:
    return f"#{_path(name, title.key)}" if title else f"{_markup(loop.label)} #index"


def _table(variables: Sequence[Variable], items: str, name: str) -> list[str]:
    """A table with a repeated header and right-aligned numbers."""
    widths = {variable: "2fr" for variable in variables if variable.data_type in _LONG}
    first = next((v for v in variables if v.data_type == "text"), variables[0])
    widths.setdefault(first, "1fr")
    columns = [widths.get(variable, "auto") for variable in variables]
    sides = ["end" if v.data_type in _RIGHT else "start" for v in variables]
    return [
        "#table(",
        f"  columns: {_tuple(columns)},",
        f"  align: {_tuple(sides)},",
        f"  table.header({', '.join(_string(v.label) for v in variables)}),",
        f"  ..for {name} in {items} {{",
        "    (",
        *(f"      {_value(v, name, height='1.2cm')}," for v in variables),
        "    )",
        "  },",
        ")",
    ]


def _value(variable: Variable, owner: str, height: str = "2cm") -> str:
    """The value as content; none if it is absent."""
    value, format_ = _path(owner, variable.key), variable.format
    match variable.data_type:
        case "number":
            return f"number({value})"
        case "currency":
            return f"money({value}{f', currency: "{format_}"' if format_ else ''})"
        case "date":
            return f"day({value}{f', style: "{format_}"' if format_ else ''})"
        case "datetime":
            style = f', style: "{format_}"' if format_ else ""
            return f'day({value}{style}, time: "short")'
        case "boolean":
            return f"yes-no({value})"
        case "email":
            return f"mail({value})"
        case "url":
            return f"web({value})"
        case "image":
            return f"picture({value}, alt: {_string(variable.label)}, height: {height})"
        case "qr":
            return f"qr({value})"
        case "barcode":
            return f'barcode({value}, format: "{format_}")'
        case _:
            return value


def _item_name(key: str, outer: frozenset[str]) -> str:
    """The name of a loop's variable: `order` for `orders`; longer if the name is already used."""
    name = _PLURAL.sub(lambda plural: "y" if plural[0] == "ies" else plural[1] or "", key)
    if name == key or name in _TAKEN:
        name = f"{name}-item"
    while name in outer or name in _TAKEN:
        name += "-item"
    return name


def _path(owner: str, key: str) -> str:
    steps = key.split(".")
    return owner + "".join(f'.at("{s}")' if s in _KEYWORDS else f".{s}" for s in steps)


def _words(key: str) -> str:
    """A key as a label: "Billing address" for `billingAddress` and `billing_address`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+", " ", key).strip().lower()
    return spaced[:1].upper() + spaced[1:] if spaced else key


def _markup(text: str) -> str:
    """Text as markup; as a string if it contains characters with a meaning in markup."""
    return text if _PLAIN.fullmatch(text) else f"#{_string(text)}"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "").replace("\t", "\\t") + '"'


def _tuple(parts: Sequence[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    for block in lines:
        for line in block.split("\n"):
            yield f"  {line}" if line else ""
