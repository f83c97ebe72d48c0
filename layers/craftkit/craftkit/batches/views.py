"""A batch and its documents, as callers see them."""

from datetime import datetime

from craftkit import storage
from craftkit.batches import files
from craftkit.batches.models import (
    Batch,
    BatchView,
    CountsView,
    InvalidRow,
    IssuesView,
    ItemView,
    Result,
    Row,
)
from craftkit.clock import to_rfc3339, utc_now
from craftkit.renders.files import MEDIA_TYPES, ZIP_TYPE


def new_view_of(batch: Batch) -> BatchView:
    """A batch as it is answered to the request that creates it, with the URL to upload its file."""
    is_waiting = batch.status == "awaiting_upload"
    if not is_waiting:
        return signed_view_of(batch)
    return view_of(batch, storage.sign_upload(files.upload_key(batch)))


def signed_view_of(batch: Batch) -> BatchView:
    """The batch with a URL of its result that is signed now, if it has one."""
    view = view_of(batch)
    has_result = batch.output != "files" and batch.succeeded and not batch.error_code
    if batch.status != "completed" or not has_result:
        return view
    is_merged = batch.output == "merged"
    filename = f"{batch.template_slug}-{batch.id}.{'pdf' if is_merged else 'zip'}"
    media_type = MEDIA_TYPES["pdf"] if is_merged else ZIP_TYPE
    url, _ = storage.sign_download(
        files.result_key(batch), filename=filename, media_type=media_type, now=utc_now()
    )
    return view.model_copy(update={"result_url": url})


def view_of(batch: Batch, upload_url: str | None = None) -> BatchView:
    return BatchView(
        id=batch.id,
        status=batch.status,
        mode=batch.mode,
        template_slug=batch.template_slug,
        version_number=batch.version_number,
        output=batch.output,
        on_invalid=batch.on_invalid,
        format=batch.format,
        counts=_counts_of(batch),
        page_count=batch.page_count,
        attempt=batch.attempt,
        poll_url=f"{batch.base_url}/v1/batches/{batch.id}",
        upload_url=upload_url,
        result_url=None,
        error_code=batch.error_code,
        error_message=batch.error_message,
        created_at=to_rfc3339(batch.created_at),
        completed_at=to_rfc3339(batch.completed_at) if batch.completed_at else None,
        expires_at=to_rfc3339(batch.expires_at),
    )


def _counts_of(batch: Batch) -> CountsView:
    """The counts. What has not ended in a batch that is over without being completed never will."""
    ended = batch.succeeded + batch.failed + batch.cancelled + batch.invalid
    rest = batch.total - ended
    is_over = batch.status in ("cancelled", "refused")
    return CountsView(
        total=batch.total,
        queued=0 if is_over else rest,
        succeeded=batch.succeeded,
        failed=batch.failed,
        cancelled=batch.cancelled + (rest if is_over else 0),
        invalid=batch.invalid,
    )


def result_view(batch: Batch, result: Result, now: datetime) -> ItemView:
    """A document that has ended, with a download URL that is signed now."""
    url, expires = None, None
    if result.status == "succeeded" and batch.output == "files":
        key = files.document_key(batch, result.row, result.media_type, result.sha256 or "")
        url, until = storage.sign_download(
            key, filename=result.filename, media_type=result.media_type, now=now
        )
        expires = to_rfc3339(until)
    shown = result.model_dump(exclude={"media_type"})
    return ItemView.model_validate({**shown, "download_url": url, "download_expires_at": expires})


def waiting_view(batch: Batch, row: Row) -> ItemView:
    """A document that has not ended; in a cancelled batch it never will."""
    return ItemView(
        row=row.row,
        status="cancelled" if batch.status == "cancelled" else "queued",
        job_id=row.job_id,
        filename=row.filename,
        metadata=row.metadata,
    )


def invalid_view(row: InvalidRow) -> ItemView:
    issues = IssuesView(form_errors=row.form_errors, field_errors=row.field_errors)
    return ItemView(row=row.row, status="invalid", job_id=row.job_id, issues=issues)
