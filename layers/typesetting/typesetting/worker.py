"""The worker's side: claim a render, typeset it, keep the PDF, say how it ended.

Safe to run twice for the same render: the claim has one holder, the bytes are the same for the
same job, and the end is written by the holder alone.
"""

import hashlib

from craftkit import storage
from craftkit.clock import Clock, utc_now
from craftkit.errors import NotFoundError
from craftkit.observability import logger
from craftkit.renders import inputs, lifecycle
from craftkit.renders.lifecycle import AttemptsExhaustedError, Claim, GoneError
from craftkit.renders.models import Render
from craftkit.templates import service as templates
from craftkit.templates.data import types
from craftkit.typesetter import Document, Job, Typeset, TypesettingError
from typesetting.files import with_files


def render_document(
    project_id: str, render_id: str, *, typeset: Typeset, clock: Clock = utc_now
) -> Render | None:
    """Render one document to its end.

    Returns:
        The render as it ended, or None where there was nothing left to do.

    Raises:
        BusyError: another worker is at it; look again later.
        Exception: a fault that may pass; the claim was given back, and a next attempt may follow.
    """
    try:
        held = lifecycle.claim(project_id, render_id, clock())
    except GoneError:
        return None
    except AttemptsExhaustedError as error:
        return lifecycle.give_up(
            error.render, now=clock(), code=lifecycle.WORKER_FAILED, message=lifecycle.GIVEN_UP
        )
    try:
        return _finish(held, typeset, clock)
    except GoneError:
        logger.warning("a lease was lost while rendering", extra={"render_id": render_id})
        return None
    except Exception:
        lifecycle.release(held, clock())
        raise


def _finish(held: Claim, typeset: Typeset, clock: Clock) -> Render:
    render = held.render
    try:
        document = typeset(with_files(_job_of(held)))
    except TypesettingError as error:
        return lifecycle.fail(held, now=clock(), code=error.code, message=str(error))
    except NotFoundError as error:  # the template was deleted while the render waited
        return lifecycle.fail(held, now=clock(), code=error.code, message=str(error))
    _keep(render, document)
    return lifecycle.succeed(
        held,
        now=clock(),
        page_count=document.page_count,
        size_bytes=len(document.pdf),
        sha256=hashlib.sha256(document.pdf).hexdigest(),
        warnings=(*render.warnings, *document.warnings),
    )


def _job_of(held: Claim) -> Job:
    render = held.render
    version = templates.current_version(
        render.project_id, render.template_slug, render.version_number
    )
    return Job(
        source=version.source,
        data=inputs.load(held.item),
        types=types(version.manifest),
        locale=version.locale,
        title=version.name,
        created_at=render.created_at,
        pdf_standard=version.pdf_standard,
        font_files=version.fonts,
        watermark=render.mode == "test",
        is_live=render.mode == "live",
    )


def _keep(render: Render, document: Document) -> None:
    storage.put(render.document_key, document.pdf, content_type="application/pdf")
