"""Checks PDF files from outside and copies what a page shows, without anything that acts.

Such a file is hostile until it is checked: it is read without repair, its pages and the size of its
decompressed streams are limited, and only its pages are copied into a new file. Scripts, actions,
forms, attachments and everything else of the document stay behind.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from typst_child.pages import PAGE_LIMIT, SIDE_LIMIT_POINTS

if TYPE_CHECKING:
    from pikepdf import Page, Pdf, Stream

OBJECT_LIMIT = 500_000
STREAM_LIMIT_BYTES = 128 * 1024 * 1024
"""Of the decompressed streams of one file together."""

_DAMAGED = "it is damaged or incomplete; save it again as PDF"
_ENCRYPTED = "it is encrypted; send it without a password"
_PAGE_KEYS = frozenset(
    {
        "/Type", "/Parent", "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Rotate",
        "/Resources", "/Contents", "/Group", "/UserUnit",
    }
)  # fmt: skip
_LINKS = ("http://", "https://", "mailto:")


class ForeignFileError(Exception):
    """The file cannot be used. The message says why, for the caller."""


@contextmanager
def refusing_damage() -> Iterator[None]:
    """Every error of reading a hostile file as the file's own. Memory that runs out is not one."""
    try:
        yield
    except (ForeignFileError, MemoryError):
        raise
    except Exception as error:
        raise ForeignFileError(_DAMAGED) from error


def open_foreign(content: bytes) -> "Pdf":
    """A PDF from outside that was checked.

    Raises:
        ForeignFileError: it is no usable PDF.
    """
    from pikepdf import PasswordError, Pdf

    if not content.lstrip()[:5] == b"%PDF-":
        raise ForeignFileError("it is not a PDF")
    with refusing_damage():
        try:
            document = Pdf.open(BytesIO(content), attempt_recovery=False, suppress_warnings=True)
        except PasswordError as error:
            raise ForeignFileError(_ENCRYPTED) from error
        if document.is_encrypted:
            raise ForeignFileError(_ENCRYPTED)
        _check_objects(document)
        _check_pages(document)
        if document.get_warnings():
            raise ForeignFileError(_DAMAGED)
    return document


def cleaned(content: bytes) -> tuple[bytes, int]:
    """The pages of a PDF from outside as a new PDF, and their number.

    Annotations are drawn onto their page, links to web and mail addresses stay, and nothing else.

    Raises:
        ForeignFileError: it is no usable PDF.
    """
    from pikepdf import Array, Pdf

    with open_foreign(content) as document, refusing_damage(), Pdf.new() as copy:
        if _hides_layers(document):
            raise ForeignFileError("it has hidden layers; save it again without layers")
        links = [_links_of(page) for page in document.pages]
        if "/AcroForm" in document.Root:
            document.generate_appearance_streams()
        document.flatten_annotations("all")
        for page, kept in zip(document.pages, links, strict=True):
            for key in set(page.obj.keys()) - _PAGE_KEYS:
                del page[key]
            if kept:
                page.Annots = Array(kept)
        copy.pages.extend(document.pages)
        _strip(copy)
        output = BytesIO()
        copy.save(output, deterministic_id=True)
        return output.getvalue(), len(copy.pages)


def _check_objects(document: "Pdf") -> None:
    from pikepdf import Stream

    left = STREAM_LIMIT_BYTES
    for number, each in enumerate(document.objects):
        if number >= OBJECT_LIMIT:
            raise ForeignFileError(f"it has more than {OBJECT_LIMIT:,} objects")
        if isinstance(each, Stream):
            left -= _decoded_size(each, left)
            if left < 0:
                limit = STREAM_LIMIT_BYTES // 1024 // 1024
                raise ForeignFileError(f"it is larger than {limit} MiB when it is decompressed")


def _decoded_size(stream: "Stream", limit_bytes: int) -> int:
    """The size of a stream without its compression, as far as `limit_bytes` and one byte.

    Deflate alone can grow a thousandfold; other filters are counted as they are.
    """
    content: bytes = stream.read_raw_bytes()
    filters = [str(each) for each in _listed(stream.get("/Filter"))]
    if len(filters) > 2:
        raise ForeignFileError("a stream of it has more than two filters")
    for name in filters:
        if name not in ("/FlateDecode", "/Fl"):
            break
        content = _inflated(content, limit_bytes)
        if len(content) > limit_bytes:
            break
    return len(content)


def _inflated(content: bytes, limit_bytes: int) -> bytes:
    """The decompressed bytes, at most `limit_bytes` and one. What cannot be read is left out."""
    decoder = zlib.decompressobj()
    try:
        return decoder.decompress(content, limit_bytes + 1)
    except zlib.error:
        return b""


def _listed(value: Any) -> list[Any]:
    from pikepdf import Array

    if value is None:
        return []
    return list(value) if isinstance(value, Array) else [value]


def _check_pages(document: "Pdf") -> None:
    count = len(document.pages)
    if count == 0:
        raise ForeignFileError("it has no pages")
    if count > PAGE_LIMIT:
        raise ForeignFileError(f"it has {count:,} pages; the maximum is {PAGE_LIMIT}")
    for page in document.pages:
        left, bottom, right, top = (float(edge) for edge in page.mediabox)
        if not 0 < abs(right - left) <= SIDE_LIMIT_POINTS or not (
            0 < abs(top - bottom) <= SIDE_LIMIT_POINTS
        ):
            raise ForeignFileError("a page of it has no size, or is larger than 200 inches a side")


def _hides_layers(document: "Pdf") -> bool:
    layers = document.Root.get("/OCProperties")
    default = layers.get("/D") if layers is not None else None
    if default is None:
        return False
    return bool(len(default.get("/OFF", []))) or default.get("/BaseState") == "/OFF"


def _links_of(page: "Page") -> list[Any]:
    """Links of a page to the web, written anew."""
    from pikepdf import Array, Dictionary, Name, String

    kept = []
    for each in page.get("/Annots", []):
        action = each.get("/A") if each.get("/Subtype") == "/Link" else None
        address = action.get("/URI") if action is not None and action.get("/S") == "/URI" else None
        if address is None or not str(address).lower().startswith(_LINKS):
            continue
        kept.append(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Link,
                Rect=Array([float(edge) for edge in each.Rect]),
                Border=Array([0, 0, 0]),
                F=4,
                A=Dictionary(S=Name.URI, URI=String(str(address))),
            )
        )
    return kept


def _strip(copy: "Pdf") -> None:
    """Remove references to a document that is not here, from every object of the pages."""
    from pikepdf import Dictionary, Stream

    for each in copy.objects:
        if isinstance(each, (Dictionary, Stream)):
            for key in (
                "/StructParent",
                "/StructParents",
                "/AA",
                "/JS",
                "/PieceInfo",
                "/OPI",
                "/Ref",
            ):
                if key in each:
                    del each[key]
