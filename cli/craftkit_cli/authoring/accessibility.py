"""What a screen reader lacks in a document: breaches of PDF/UA, and gaps in its structure."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pikepdf

_BREACH = "As a PDF this would be refused: "
_HEADINGS = {"/H1", "/H2", "/H3", "/H4", "/H5", "/H6", "/H"}


def split_warnings(warnings: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The warnings of a preview: those of the source and data, and the breaches of PDF/UA."""
    plain = [each for each in warnings if _BREACH not in each]
    return plain, [each.replace(_BREACH, "") for each in warnings if _BREACH in each]


def structure_findings(pdf: bytes) -> list[str]:
    """Gaps that PDF/UA allows: no heading, a table without header cells."""
    with pikepdf.open(BytesIO(pdf)) as document:
        root = document.Root.get("/StructTreeRoot")
        tags = list(_tags(root)) if root is not None else []
    kinds = {kind for kind, _ in tags}
    found = []
    if tags and not kinds & _HEADINGS:
        found.append("The document has no heading, so readers cannot navigate to its parts.")
    tables = [below for kind, below in tags if kind == "/Table"]
    without = sum("/TH" not in below for below in tables)
    if without:
        found.append(
            f"Tables without a header row: {without} of {len(tables)}. Use table.header[…], or "
            "grid for what is only arranged."
        )
    return found


def _tags(element: Any) -> Iterator[tuple[str, set[str]]]:
    """Each structure element's tag, with the tags of all that is beneath it."""
    for child in _children(element):
        below = list(_tags(child))
        yield str(child.get("/S", "")), {kind for kind, _ in below}
        yield from below


def _children(element: Any) -> Iterator[pikepdf.Dictionary]:
    children = element.get("/K")
    if children is None:
        return
    for child in children if isinstance(children, pikepdf.Array) else [children]:
        if isinstance(child, pikepdf.Dictionary) and "/S" in child:
            yield child
