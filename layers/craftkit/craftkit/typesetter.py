"""Jobs and results of the typesetter.

The typesetter itself (Typst, fonts, the sandbox) is in the `typesetting` layer, which only the
workers have. They call it in their own process. All other functions call
`remote_typesetter.typeset_remotely`, which invokes a function with it.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import accumulate
from typing import Any, Literal, Self
from zlib import compress, decompress

PdfStandard = Literal["a-2a+ua-1", "a-2a", "a-2b", "a-3a+ua-1", "a-3a", "a-3b", "ua-1", "1.7"]
"""Names of what the PDF conforms to; `a-2a+ua-1` (PDF/A-2a and PDF/UA-1) is the default."""

DEFAULT_PDF_STANDARD: PdfStandard = "a-2a+ua-1"

OutputFormat = Literal["pdf", "png", "jpeg", "webp", "svg"]

INVOICE_STANDARDS: Mapping[PdfStandard, PdfStandard] = {
    "a-2a+ua-1": "a-3a+ua-1",
    "a-2a": "a-3a",
    "a-2b": "a-3b",
    "ua-1": "a-3a+ua-1",
    "1.7": "a-3b",
}
"""What a PDF with an attached invoice conforms to: only PDF/A-3 allows an attachment in XML."""


@dataclass(frozen=True)
class InvoiceFile:
    """The XML of an electronic invoice that is attached to a PDF (Factur-X 1.0, ZUGFeRD 2).

    Args:
        level: the conformance level in the PDF's metadata, such as `EN 16931`.
        relationship: of the attachment to the page: `Alternative`, or `Data`.
    """

    xml: bytes
    level: str
    relationship: Literal["Alternative", "Data"]


Relationship = Literal["Source", "Data", "Alternative", "Supplement", "Unspecified"]
"""Of an attachment to its document (ISO 32000-2, 7.11.3)."""

Permission = Literal["print", "copy", "edit", "annotate", "fillForms", "assemble"]

FilePurpose = Literal["letterhead", "append", "render"]
"""What a PDF is checked for: a letterhead, a file to append, or a render to append."""


@dataclass(frozen=True)
class CheckedFile:
    """A PDF from outside that was checked: what is left of it, and what PDF/A forbids in it."""

    content: bytes
    page_count: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppendedFile:
    """A checked PDF whose pages follow the document, and the title of their bookmark."""

    content: bytes
    title: str


@dataclass(frozen=True)
class AttachedFile:
    filename: str
    content: bytes
    media_type: str
    relationship: Relationship
    description: str | None = None


@dataclass(frozen=True)
class Password:
    """Passwords of a PDF. `permissions` is what a reader without the owner's one may do; None is
    everything."""

    open: str | None = field(default=None, repr=False)
    owner: str | None = field(default=None, repr=False)
    permissions: tuple[Permission, ...] | None = None


@dataclass(frozen=True)
class Finishing:
    """What is done to a PDF after it was typeset. `letterhead` is a checked PDF."""

    letterhead: bytes | None = None
    append: tuple[AppendedFile, ...] = ()
    attachments: tuple[AttachedFile, ...] = ()
    password: Password | None = None


@dataclass(frozen=True)
class Job:
    """One document to typeset.

    Args:
        source: Typst source; it may `#import "/craftkit.typ": *` and nothing else from outside.
        data: validated against the manifest, JSON types only; every path of the manifest is
            present, None or an empty list where the caller sent nothing.
        types: data type of each manifest path (`customer.name`, `items.price`), which tells the
            prelude what to make of a value: `currency` and `number` exact decimals, `date` dates.
            A loop's own path is typed `loop`. A variable's `format` follows its type after a
            colon: `currency:EUR`, `barcode:ean13`.
        locale: BCP 47, such as `en`, `de-CH`, `ar`.
        title: the PDF's title, which PDF/UA requires.
        created_at: fixes every time in the PDF, so that the same job makes the same bytes.
        watermark: mark every finished page as a test render, on PDF and images alike.
        is_live: a render of a live key, which counts; test renders and previews fetch fewer bytes.
        images: the bytes behind each image value of `data` (its URL), fetched by the worker.
        fonts: the project's own font files, by name.
        font_files: where they lie in the bucket until `typesetting.files.with_files` reads them.
        invoice: the electronic invoice that is attached to a PDF; images have none.
        finishing: what is done to a PDF at last; images and previews have none.
        as_fragment: the PDF as a part of a merged one: see `typst_child.fragment`.
    """

    source: str
    data: Mapping[str, Any]
    types: Mapping[str, str]
    locale: str
    title: str
    created_at: datetime
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD
    watermark: bool = False
    is_live: bool = False
    images: Mapping[str, bytes] = field(default_factory=dict)
    fonts: Mapping[str, bytes] = field(default_factory=dict)
    font_files: Mapping[str, str] = field(default_factory=dict)
    invoice: InvoiceFile | None = None
    finishing: Finishing | None = None
    as_fragment: bool = False

    def as_json(self) -> dict[str, Any]:
        """The form for a call to another function: JSON types only, bytes packed into text."""
        return {part.name: getattr(self, part.name) for part in fields(self)} | {
            "created_at": self.created_at.isoformat(),
            "images": {name: pack(image) for name, image in self.images.items()},
            "fonts": {name: pack(font) for name, font in self.fonts.items()},
            "font_files": dict(self.font_files),
            "invoice": None,  # a preview has none
            "finishing": None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            **{
                **value,
                "created_at": datetime.fromisoformat(value["created_at"]),
                "images": {name: unpack(image) for name, image in value["images"].items()},
                "fonts": {name: unpack(font) for name, font in value["fonts"].items()},
            }
        )


@dataclass(frozen=True)
class Document:
    """A finished PDF. `warnings` are sentences for the template's author."""

    pdf: bytes
    page_count: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageImages:
    """Pages of a document as images, each with its number, from 1."""

    files: tuple[bytes, ...]
    numbers: tuple[int, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FontFace:
    """The face of a font file, as `set text(font: …, weight: …, style: …)` selects it."""

    family: str
    weight: int
    style: str


class TypesettingError(Exception):
    """The job has no document. `code` is what the render's `errorCode` says.

    `line` and `column` count from 1 in the template's source, where the fault is there.
    """

    code = "template_error"

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": type(self).__name__,
            "message": str(self),
            "line": self.line,
            "column": self.column,
        }

    @staticmethod
    def from_json(reported: Mapping[str, Any]) -> "TypesettingError":
        """The reported error, of the same class."""
        kinds = {kind.__name__: kind for kind in TypesettingError.__subclasses__()}
        kind = kinds.get(reported["kind"], TypesettingError)
        return kind(reported["message"], reported["line"], reported["column"])


class SourceError(TypesettingError):
    """The template's source does not compile, or its code stopped with an error."""


class StandardError(TypesettingError):
    """The document violates the requested PDF standard."""

    code = "pdf_standard_violated"


class RenderTimeoutError(TypesettingError):
    """The job took longer than it may."""

    code = "render_timeout"


class RenderTooLargeError(TypesettingError):
    """The job took more memory or made more pages than it may, or its document is too large for
    a response and must not be stored."""

    code = "render_too_large"


class SealFieldError(TypesettingError):
    """The field of the seal is not on a page of the document."""

    code = "invalid_seal_field"


class FileError(TypesettingError):
    """A letterhead, an appended PDF or an attachment cannot be used; the message names its field.

    It begins with the path, such as `options.append.0`.
    """

    code = "invalid_file"


class FontError(TypesettingError):
    """The file is no font that can be set with."""

    code = "invalid_font"


@dataclass(frozen=True)
class Preview:
    """The first pages of a document as images, as many as fit into a response.

    `warnings` are those of the document, and what its PDF standard would refuse.
    """

    pages: tuple[bytes, ...]
    page_count: int
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, pages: Sequence[bytes], warnings: tuple[str, ...] = ()) -> "Preview":
        """The pages that fit into a response, at least the first.

        Raises:
            RenderTooLargeError: not even the first page fits.
        """
        sizes = accumulate(map(len, pages))
        shown = sum(size <= PREVIEW_LIMIT_BYTES for size in sizes)
        if pages and not shown:
            raise RenderTooLargeError("The first page is larger than 4 MiB as an image.")
        return cls(tuple(pages[:shown]), len(pages), warnings)


Draw = Callable[[Job, float], Preview]
"""`typesetting.preview` in a worker, `preview_remotely` elsewhere, a fake in tests."""

PREVIEW_LIMIT_BYTES = 4_300_000
"""Maximum size of a preview's pages. In base64 they must fit into Lambda's response of 6 MB."""

FONT_LIMIT_BYTES = 4 * 1024 * 1024
"""Of a project's own font. In base 64 it must fit into a call of Lambda's, which takes 6 MiB."""


LETTERHEAD_LIMIT_BYTES = 4 * 1024 * 1024
"""Of a letterhead. In base 64 it must fit into a call of Lambda's, as a font."""


def pack(content: bytes) -> str:
    """Bytes as text for JSON, compressed: Lambda takes 6 MiB in a call."""
    return b64encode(compress(content)).decode()


def unpack(text: str) -> bytes:
    return decompress(b64decode(text))


CheckFile = Callable[[bytes, FilePurpose], CheckedFile]
"""`typesetting.check_file`, `check_file_remotely` elsewhere, or a fake in tests."""

Typeset = Callable[[Job], Document]
"""`typesetting.typeset` in a worker, `typeset_remotely` elsewhere, a fake in tests."""

DrawImages = Callable[[Job, OutputFormat, float, str | None], PageImages]
"""`typesetting.draw_images`, or a fake in tests: job, format, pixels per inch, selected pages."""
