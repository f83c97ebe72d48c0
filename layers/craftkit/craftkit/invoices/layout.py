"""A layout of XML elements, and its writer: terms in, XML out, always the same for the same terms.

An element is written if it holds a value; constants alone make none. `ElementTree` is not used:
the document is made of known names, and text is escaped in one place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from craftkit.invoices.models import PROFILES, Profile, Terms

Attributes = Mapping[str, str]
"""Attribute name, and a constant or the number of a term (`BT-34-1`)."""

_TERM = re.compile(r"BT-\d")
# No XML 1.0 document can hold these.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True)
class Element:
    """One element of a layout.

    Args:
        term: the term whose value is the content.
        constant: content that needs another value with it.
        each: the group that repeats the element.
        least: the first profile that has the element.
        unless, when: the element is left out, or needs, a value of this term.
        date: `102` for CII's dates without separators, empty for ISO 8601.
        always: the schema requires the element, even empty.
    """

    tag: str
    children: tuple["Element", ...] = ()
    term: str = ""
    constant: str = ""
    each: str = ""
    attributes: Attributes = field(default_factory=dict)
    least: int = 0
    unless: str = ""
    when: str = ""
    date: str = ""
    always: bool = False

    @property
    def name(self) -> str:
        return self.tag.partition(":")[2] or self.tag


def element(tag: str, *children: Element, each: str = "", least: str = "minimum", unless: str = "",
            when: str = "", always: bool = False) -> Element:  # fmt: skip
    return Element(
        tag, children, each=each, least=_rank(least), unless=unless, when=when, always=always
    )


def value(tag: str, term: str, *, least: str = "minimum", unless: str = "", when: str = "",
          date: str = "", **attributes: str) -> Element:  # fmt: skip
    return Element(
        tag,
        term=term,
        attributes=attributes,
        least=_rank(least),
        unless=unless,
        when=when,
        date=date,
    )


def constant(tag: str, text: str, *, least: str = "minimum", when: str = "") -> Element:
    """Content that is always the same. With `when` it is written for a value of this term even
    where the element around it has no other value."""
    return Element(tag, constant=text, least=_rank(least), when=when)


def _rank(profile: str) -> int:
    return PROFILES.index(profile)


class Writer:
    """Writes one document.

    Attributes:
        places: the data path of each element with a value from the data, by XPath with positions.
        scopes: the terms of each element that repeats, and of the root.
    """

    def __init__(self, profile: Profile) -> None:
        self.places: dict[str, str] = {}
        self.scopes: dict[str, Terms] = {}
        self._rank = PROFILES.index(profile)

    def write(self, root: Element, namespaces: Mapping[str, str], terms: Terms) -> bytes:
        declared = "".join(f" xmlns{':' if name else ''}{name}={quoteattr(uri)}"
                           for name, uri in namespaces.items())  # fmt: skip
        path = f"/{root.name}[1]"
        self.scopes[path] = terms
        content, _ = self._children(root.children, terms, path, 1)
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<{root.tag}{declared}>\n{content}</{root.tag}>\n"
        )
        return text.encode()

    def _children(
        self, children: tuple[Element, ...], terms: Terms, path: str, depth: int
    ) -> tuple[str, bool]:
        parts: list[str] = []
        counts: dict[str, int] = {}
        has_value = False
        for child in children:
            if child.least > self._rank:
                continue
            for scope in terms.each(child.each) if child.each else (terms,):
                if child.unless and child.unless in scope.values:
                    continue
                if child.when and child.when not in scope.values:
                    continue
                here = f"{path}/{child.name}[{counts.get(child.name, 0) + 1}]"
                written, is_value = self._element(child, scope, here, depth)
                if written:
                    counts[child.name] = counts.get(child.name, 0) + 1
                    parts.append(written)
                    has_value = has_value or is_value
                    if child.each:
                        self.scopes[here] = scope
        return ("".join(parts), True) if has_value else ("", False)

    def _element(self, node: Element, terms: Terms, path: str, depth: int) -> tuple[str, bool]:
        indent = "  " * depth
        if node.constant:
            attributes = _attributes(node.attributes, terms)
            text = f"{indent}<{node.tag}{attributes}>{escape(node.constant)}</{node.tag}>\n"
            return text, bool(node.when)
        if node.term:
            held = terms.values.get(node.term)
            if held is None:
                return "", False
            if source := terms.paths.get(node.term):
                self.places[path] = source
            attributes = _attributes(node.attributes, terms)
            return f"{indent}<{node.tag}{attributes}>{_text(held, node.date)}</{node.tag}>\n", True
        content, has_value = self._children(node.children, terms, path, depth + 1)
        if not has_value:
            return (f"{indent}<{node.tag}/>\n", False) if node.always else ("", False)
        return f"{indent}<{node.tag}>\n{content}{indent}</{node.tag}>\n", True


def _attributes(attributes: Attributes, terms: Terms) -> str:
    texts = (
        (name, terms.text(source) if _TERM.match(source) else source)
        for name, source in attributes.items()
    )
    return "".join(f" {name}={quoteattr(_NO_XML.sub('', text))}" for name, text in texts if text)


def _text(held: str | Decimal, date: str) -> str:
    if isinstance(held, Decimal):
        return format(held, "f")
    return escape(_NO_XML.sub("", held.replace("-", "") if date == "102" else held))
