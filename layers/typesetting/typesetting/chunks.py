"""The worker's side of a batch: claim a chunk, typeset its rows in turn, store how they ended.

The template, its fonts and the child stay warm from row to row. A worker stops after some seconds,
so that other projects' renders need not wait long, and the rest of the chunk is queued again.
"""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from time import monotonic

from craftkit import storage
from craftkit.batches import dispatch, files, lifecycle, progress, repository
from craftkit.batches.lifecycle import ChunkClaim
from craftkit.batches.models import Batch, Chunk, Result, Row
from craftkit.clock import utc_now
from craftkit.errors import NotFoundError, SealNotConfiguredError
from craftkit.observability import logger
from craftkit.renders.files import filename_of
from craftkit.renders.lifecycle import GIVEN_UP, GoneError
from craftkit.templates import service as templates
from craftkit.templates.data import types
from craftkit.templates.models import TemplateVersion
from craftkit.typesetter import DrawImages, FileError, Finishing, Job, Typeset, TypesettingError
from typesetting.files import with_files
from typesetting.finishing import FinishingFiles
from typesetting.service import draw_images
from typesetting.worker import File, FileRequest, make_file

SLICE_SECONDS = 5.0
"""A worker begins no further row after this time. Together with the longest row it stays within
its timeout of 60 s."""

PACK_BYTES = 32 * 1024 * 1024
"""A worker begins no further row once it holds this much for one file."""

_UPLOADS_AT_ONCE = 4

Put = Callable[[str, File], None]


def render_chunk(
    project_id: str,
    batch_id: str,
    key: str,
    *,
    typeset: Typeset,
    draw: DrawImages = draw_images,
) -> Chunk | None:
    """Render rows of a chunk, all of them where the time is enough.

    Returns:
        The chunk afterwards, or None where there was nothing left to do.

    Raises:
        BusyError: another worker is at it; look again later.
        Exception: a fault that may pass; the claim was given back.
    """
    batch = repository.get(project_id, batch_id)
    if batch is None:
        return None
    try:
        held = lifecycle.claim(project_id, key, utc_now())
    except GoneError:
        return None
    try:
        chunk = _advance(batch, held, typeset, draw)
    except GoneError:
        logger.warning("a lease was lost while rendering", extra={"chunk": key})
        return None
    except Exception:
        lifecycle.release(held, utc_now())
        raise
    if chunk.status == "ended":
        dispatch.request_check(project_id, batch_id)
    else:
        dispatch.enqueue_rest(chunk)
    return chunk


def _advance(batch: Batch, held: ChunkClaim, typeset: Typeset, draw: DrawImages) -> Chunk:
    if batch.status == "cancelled":
        return lifecycle.cancel_rest(held, utc_now())
    if held.is_last_try:
        return progress.fail_rest(held, utc_now(), GIVEN_UP)
    chunk = held.chunk
    rows = files.get_rows(chunk)[chunk.done :]
    documents: list[bytes] = []
    results = list(_render(batch, rows, typeset, draw, documents))
    part = files.put_results(chunk, results, documents)
    return lifecycle.count_results(held, part, results, utc_now())


def _render(
    batch: Batch, rows: list[Row], typeset: Typeset, draw: DrawImages, documents: list[bytes]
) -> Iterator[Result]:
    """The results of the rows that were begun in time.

    Where the output is files, each document is stored. Else it is added to `documents`.
    """
    try:
        version = templates.current_version(
            batch.project_id, batch.template_slug, batch.version_number
        )
    except NotFoundError as error:  # the template was deleted while the batch waited
        yield from (_failed(row, error.code, str(error)) for row in rows)
        return
    try:
        finishing = _finishing_of(batch)
    except FileError as error:
        yield from (_failed(row, error.code, str(error)) for row in rows)
        return
    begun, uploads = monotonic(), list[Future[None]]()
    with ThreadPoolExecutor(_UPLOADS_AT_ONCE) as pool:
        for row in rows:
            if monotonic() - begun > SLICE_SECONDS or sum(map(len, documents)) > PACK_BYTES:
                break
            try:
                job = replace(_job_of(batch, version, row), finishing=finishing)
                file = make_file(job, _wanted(batch, row), typeset, draw)
            except (TypesettingError, SealNotConfiguredError) as error:
                yield _failed(row, error.code, str(error))
                continue
            if batch.output == "merged":
                documents.append(files.packed_fragment(file.content))
                yield _succeeded(row, file).model_copy(update={"size_bytes": None, "sha256": None})
                continue
            if batch.output == "zip":
                documents.append(file.content)
                yield _succeeded(row, file)
                continue
            result = _succeeded(row, file)
            key = files.document_key(batch, row.row, file.media_type, result.sha256 or "")
            uploads.append(pool.submit(_upload, key, file))
            yield result
    for upload in uploads:
        upload.result()


def _finishing_of(batch: Batch) -> Finishing | None:
    """The finishing of every document: its files are loaded once for a slice of a chunk.

    Raises:
        FileError: a file cannot be used.
    """
    if not batch.has_finishing:
        return None
    return FinishingFiles(batch.project_id).load(files.get_finishing(batch))


def _upload(key: str, file: File) -> None:
    storage.put(key, file.content, content_type=file.media_type)


def _job_of(batch: Batch, version: TemplateVersion, row: Row) -> Job:
    return with_files(
        Job(
            source=version.source,
            data=row.data,
            types=types(version.manifest),
            locale=version.locale,
            title=version.name,
            created_at=batch.date,
            pdf_standard=batch.pdf_standard if batch.format == "pdf" else version.pdf_standard,
            as_fragment=batch.output == "merged",
            font_files=version.fonts,
            watermark=batch.mode == "test",
            is_live=batch.mode == "live",
        )
    )


def _wanted(batch: Batch, row: Row) -> FileRequest:
    return FileRequest(batch.format, row.filename, batch.pages, float(batch.scale), batch.seal)


def _succeeded(row: Row, file: File) -> Result:
    return Result(
        row=row.row,
        status="succeeded",
        job_id=row.job_id,
        filename=filename_of(row.filename, file.media_type),
        metadata=row.metadata,
        media_type=file.media_type,
        page_count=file.page_count,
        size_bytes=len(file.content),
        sha256=hashlib.sha256(file.content).hexdigest(),
        unsealed_sha256=file.unsealed_sha256,
        warnings=(*row.warnings, *file.warnings),
    )


def _failed(row: Row, code: str, message: str) -> Result:
    return Result(
        row=row.row,
        status="failed",
        job_id=row.job_id,
        filename=row.filename,
        metadata=row.metadata,
        error_code=code,
        error_message=message,
    )
