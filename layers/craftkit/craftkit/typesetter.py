"""What is asked of the typesetter and what comes back, and the way to ask from another function.

The typesetter itself (Typst, fonts, the sandbox) is the `typesetting` layer, which only the
workers carry. They call it in their own process; everybody else calls `typeset_remotely`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

PdfStandard = Literal["a-2a+ua-1", "a-2a", "a-2b", "ua-1", "1.7"]
"""Names of what the PDF conforms to; `a-2a+ua-1` (PDF/A-2a and PDF/UA-1) is the default."""

DEFAULT_PDF_STANDARD: PdfStandard = "a-2a+ua-1"


@dataclass(frozen=True)
class Job:
    """One document to typeset.

    Args:
        source: Typst source; it may `#import "/craftkit.typ": *` and nothing else from outside.
        data: already judged against the manifest, JSON types only.
        types: data type of each manifest path (`customer.name`, `items.price`), which tells the
            prelude what to make of a value: `currency` and `number` exact decimals, `date` dates.
            A loop's own path is typed `loop`. A variable's `format` follows its type after a
            colon: `currency:EUR`, `barcode:ean13`.
        locale: BCP 47, such as `en`, `de-CH`, `ar`.
        title: the PDF's title, which PDF/UA requires.
        created_at: fixes every time in the PDF, so that the same job makes the same bytes.
        watermark: stamp every finished page as a test render.
        images: the bytes behind each image value of `data` (its URL), fetched by the worker.
        fonts: the project's own font files, by name.
    """

    source: str
    data: Mapping[str, Any]
    types: Mapping[str, str]
    locale: str
    title: str
    created_at: datetime
    pdf_standard: PdfStandard = DEFAULT_PDF_STANDARD
    watermark: bool = False
    images: Mapping[str, bytes] = field(default_factory=dict)
    fonts: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Document:
    """A finished PDF. `warnings` are sentences for the template's author."""

    pdf: bytes
    page_count: int
    warnings: tuple[str, ...] = ()


class TypesettingError(Exception):
    """The job has no document. `code` is what the render's `errorCode` says.

    `line` and `column` count from 1 in the template's source, where the fault is there.
    """

    code = "template_error"

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class SourceError(TypesettingError):
    """The template's source does not compile, or its code stopped with an error."""


class StandardError(TypesettingError):
    """The document breaks a rule of the PDF standard that was asked for."""

    code = "pdf_standard_violated"


class RenderTimeoutError(TypesettingError):
    """The job took longer than it may."""

    code = "render_timeout"


class RenderTooLargeError(TypesettingError):
    """The job took more memory or made more pages than it may."""

    code = "render_too_large"


Typeset = Callable[[Job], Document]
"""`typesetting.typeset` in a worker, `typeset_remotely` elsewhere, a fake in tests."""
