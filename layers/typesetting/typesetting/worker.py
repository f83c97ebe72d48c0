"""The worker: claims a render, typesets it, stores the document and writes the outcome.

It can run twice for the same render: a claim has one holder, the same job gives the same bytes,
and only the holder writes the outcome.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, cast

from craftkit import storage
from craftkit.clock import utc_now
from craftkit.errors import NotFoundError, SealNotConfiguredError
from craftkit.invoices.service import create_invoice
from craftkit.observability import logger
from craftkit.renders import inputs, lifecycle
from craftkit.renders.files import MEDIA_TYPES, ZIP_TYPE, filename_of, zip_of
from craftkit.renders.finishing import FinishingRequest
from craftkit.renders.inline import INLINE_LIMIT_BYTES
from craftkit.renders.known import remember_document
from craftkit.renders.lifecycle import AttemptsExhaustedError, Claim, GoneError
from craftkit.renders.models import Render, UnstoredJob, UnstoredResult
from craftkit.seals.models import SealOptions
from craftkit.templates import service as templates
from craftkit.templates.data import types
from craftkit.templates.models import TemplateVersion
from craftkit.typesetter import (
    DrawImages,
    InvoiceFile,
    Job,
    OutputFormat,
    PdfStandard,
    Typeset,
    TypesettingError,
)
from typesetting.files import with_files
from typesetting.finishing import FinishingFiles
from typesetting.sealing import seal_document
from typesetting.service import draw_images

CSS_PIXELS_PER_INCH = 96.0


@dataclass(frozen=True)
class FileRequest:
    """The file to make of a job: format, name, of images the pages and the scale, of a PDF the
    seal."""

    format: OutputFormat
    filename: str
    pages: str | None
    scale: float
    seal: SealOptions | None = None


@dataclass(frozen=True)
class File:
    """A document in its format, or its pages as ZIP."""

    content: bytes
    media_type: str
    page_count: int
    warnings: tuple[str, ...]
    unsealed_sha256: str | None = None


_XML_TYPE = "text/xml"


def render_document(
    project_id: str,
    render_id: str,
    *,
    typeset: Typeset,
    draw: DrawImages = draw_images,
) -> Render | None:
    """Render one document.

    Returns:
        The ended render. None if the render ended before, or its lease was lost.

    Raises:
        BusyError: another worker holds the claim; try again later.
        Exception: a fault that may be temporary. The claim is released for a next attempt.
    """
    try:
        held = lifecycle.claim(project_id, render_id, utc_now())
    except GoneError:
        return None
    except AttemptsExhaustedError as error:
        return lifecycle.give_up(
            error.render, now=utc_now(), code=lifecycle.WORKER_FAILED, message=lifecycle.GIVEN_UP
        )
    try:
        return _finish(held, typeset, draw)
    except GoneError:
        logger.warning("a lease was lost while rendering", extra={"render_id": render_id})
        return None
    except Exception:
        lifecycle.release(held, utc_now())
        raise


def _finish(held: Claim, typeset: Typeset, draw: DrawImages) -> Render:
    render = held.render
    try:
        data, finishing = inputs.load_all(held.item)
        file = _make_file(render, data, finishing, typeset, draw)
    except TypesettingError as error:
        return lifecycle.fail(held, now=utc_now(), code=error.code, message=str(error))
    # The template was deleted, or the certificate expired, while the render was queued.
    except (NotFoundError, SealNotConfiguredError) as error:
        return lifecycle.fail(held, now=utc_now(), code=error.code, message=str(error))
    render = render.model_copy(update={"media_type": file.media_type})
    sha256 = hashlib.sha256(file.content).hexdigest()
    storage.put(render.document_key, file.content, content_type=file.media_type)
    remember_document(render, sha256)
    return lifecycle.succeed(
        held,
        now=utc_now(),
        page_count=file.page_count,
        size_bytes=len(file.content),
        sha256=sha256,
        warnings=(*render.warnings, *file.warnings),
        filename=filename_of(render.filename, file.media_type),
        media_type=file.media_type,
        unsealed_sha256=file.unsealed_sha256,
    )


def render_unstored(
    job: UnstoredJob, *, typeset: Typeset, draw: DrawImages = draw_images
) -> UnstoredResult:
    """Render a job whose data and document are not stored.

    A document that is too large for the response is a failed render, because there is no other
    place to read it from.
    """
    render = job.render
    try:
        file = _make_file(render, job.data, job.finishing, typeset, draw)
    except (TypesettingError, NotFoundError, SealNotConfiguredError) as error:
        return UnstoredResult.failed(render, utc_now(), error.code, str(error))
    if len(file.content) > INLINE_LIMIT_BYTES:
        message = _too_large(len(file.content))
        return UnstoredResult.failed(render, utc_now(), "render_too_large", message)
    outcome = {
        "status": "succeeded",
        "completed_at": utc_now(),
        "page_count": file.page_count,
        "size_bytes": len(file.content),
        "unsealed_sha256": file.unsealed_sha256,
        "warnings": (*render.warnings, *file.warnings),
        "filename": filename_of(render.filename, file.media_type),
        "media_type": file.media_type,
    }
    return UnstoredResult(render=render.model_copy(update=outcome), content=file.content)


def _too_large(size_bytes: int) -> str:
    return (
        f"The document is {size_bytes / 1_000_000:.1f} MB large, and a response holds at most "
        f"{INLINE_LIMIT_BYTES / 1_000_000:.1f} MB. Send the request without `options.store`, and "
        "delete the render after the download."
    )


def _make_file(
    render: Render,
    data: dict[str, Any],
    finishing: FinishingRequest | None,
    typeset: Typeset,
    draw: DrawImages,
) -> File:
    """The document of a render. Raises as `make_file`, and NotFoundError without its template."""
    job = with_files(_job_of(render, data))
    if finishing:
        job = replace(job, finishing=FinishingFiles(render.project_id).load(finishing))
    wanted = FileRequest(
        render.format, render.filename, render.pages, float(render.scale), render.seal
    )
    return make_file(job, wanted, typeset, draw)


def make_file(job: Job, wanted: FileRequest, typeset: Typeset, draw: DrawImages) -> File:
    """The document of a job, in the requested format.

    Raises:
        TypesettingError: it cannot be typeset, or not be sealed as requested.
        SealNotConfiguredError: it is to be sealed, and the stage has no valid certificate.
    """
    if wanted.format == "pdf":
        document = typeset(job)
        file = File(document.pdf, MEDIA_TYPES["pdf"], document.page_count, document.warnings)
        if wanted.seal is None:
            return file
        sealed = seal_document(document.pdf, wanted.seal, typeset)
        return replace(file, content=sealed.pdf, unsealed_sha256=sealed.unsealed_sha256)
    density = CSS_PIXELS_PER_INCH * wanted.scale
    drawn = draw(job, wanted.format, density, wanted.pages)
    media_type, count = MEDIA_TYPES[wanted.format], len(drawn.files)
    if count == 1:
        return File(drawn.files[0], media_type, 1, drawn.warnings)
    archive = zip_of(drawn.files, drawn.numbers, wanted.filename, media_type)
    return File(archive, ZIP_TYPE, count, drawn.warnings)


def _job_of(render: Render, data: dict[str, Any]) -> Job:
    version = templates.current_version(
        render.project_id, render.template_slug, render.version_number
    )
    invoice = _invoice_of(render, version, data)
    return Job(
        source=version.source,
        data=data,
        types=types(version.manifest),
        locale=version.locale,
        title=version.name,
        created_at=render.document_date or render.created_at,
        # With its invoice and its finishing. Images conform to none: theirs is the version's.
        pdf_standard=cast(PdfStandard, render.pdf_standard)
        if render.format == "pdf"
        else version.pdf_standard,
        invoice=invoice,
        font_files=version.fonts,
        watermark=render.mode == "test",
        is_live=render.mode == "live",
    )


def _invoice_of(
    render: Render, version: TemplateVersion, data: dict[str, Any]
) -> InvoiceFile | None:
    """Store the render's electronic invoice; returned is what belongs into the PDF."""
    if render.invoice is None or version.manifest.invoice is None:
        return None
    invoice = create_invoice(version.manifest.invoice, data, render.invoice)
    if render.is_stored:
        storage.put(render.invoice_key, invoice.xml, content_type=_XML_TYPE)
    return invoice.attachment if render.format == "pdf" else None
