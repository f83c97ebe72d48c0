"""The use cases of batches: create, get, list, cancel and retry."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import batched
from typing import Any, cast

from craftkit import cursors, storage
from craftkit.auth.principal import Principal
from craftkit.batches import dispatch, files, repository
from craftkit.batches.checking import CheckedRows
from craftkit.batches.lifecycle import CHUNK_ROWS, new_chunk
from craftkit.batches.models import (
    UPLOAD_LIMIT_BYTES,
    Batch,
    BatchList,
    BatchPage,
    BatchRequest,
    Chunk,
    InvalidRow,
    Row,
)
from craftkit.batches.preparation import INVALID_DATA, invalid_message, start_checking
from craftkit.batches.progress import CHECK_EVERY
from craftkit.batches.repository import Claim
from craftkit.batches.views import signed_view_of
from craftkit.clock import to_epoch_seconds, to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import (
    ConflictError,
    IdempotencyConflictError,
    InvalidRequestError,
    Issues,
    NotCancellableError,
    NotFoundError,
    NotReadyError,
    PayloadTooLargeError,
    TooManyRequestsError,
)
from craftkit.ids import new_id
from craftkit.limits import service as limits
from craftkit.renders import input_keys
from craftkit.renders.finishing import FinishingRequest
from craftkit.renders.finishing_checks import requested_finishing, standard_of
from craftkit.renders.repository import expires_at
from craftkit.renders.seals import requested_seal
from craftkit.renders.service import EVERYTHING, Visibility
from craftkit.seals.models import SealOptions
from craftkit.templates import service as templates
from craftkit.templates.models import TemplateVersion
from craftkit.typesetter import PdfStandard

_NO_INVOICES = (
    "This template has an invoice mapping, and a batch makes no electronic invoices. Send false to "
    "render the documents without them, or create renders"
)

_NO_SEALS = "A merged PDF has no seals. Send `seal` false, or the output files or zip"


def create_batch(
    principal: Principal,
    request: BatchRequest,
    *,
    base_url: str,
    idempotency_key: str | None = None,
) -> tuple[Batch, bool]:
    """Create a batch, or return the one that the same request created.

    The items of the request are checked before anything is charged. All of the valid ones are
    charged, or none. A batch with an upload waits for `start_batch`.

    Returns:
        The batch, and whether this call created it.

    Raises:
        InsufficientScopeError, TemplateNotFoundError, VersionNotFoundError,
        NoPublishedVersionError, SealNotConfiguredError: the request cannot be rendered.
        IdempotencyConflictError: its idempotency key was used for another request.
        RateLimitedError, QuotaExceededError: a limit of the key or its project is reached; nothing
            was stored.
    """
    principal.require_template(request.template_slug)
    version = templates.current_version(
        principal.project_id, request.template_slug, request.options.version_number
    )
    if version.manifest.invoice and request.options.invoice is not False:
        raise InvalidRequestError(issues=Issues(field_errors={"options.invoice": [_NO_INVOICES]}))
    claim = _claim_of(idempotency_key, principal, request)
    seal = requested_seal(version.manifest, request.options.seal, request.options.format)
    if seal and request.output == "merged":
        raise InvalidRequestError(issues=Issues(field_errors={"options.seal": [_NO_SEALS]}))
    finishing = requested_finishing(
        principal, request.options, version.pdf_standard, is_sealed=seal is not None
    )
    batch = _new_batch(principal, request, version, base_url, seal, finishing)
    checked = CheckedRows()
    for number, item in enumerate(request.items or (), 1):
        checked.add(batch, version.manifest, number, item)
    batch, rows = _checked(batch, checked)
    try:
        charge = limits.charge(principal, renders=len(rows))
    except TooManyRequestsError:
        # A repeated request is answered even if the limits are used up.
        found = _find_claimed(principal.project_id, claim)
        if found is None:
            raise
        return found, False
    chunks = list(_chunks_of(batch, rows))
    with charge.commit_on_success():
        existing = _store(batch, chunks, rows, checked.invalid, claim, finishing)
    if existing is not None:
        charge.refund()
        return _claimed(principal.project_id, existing, claim), False
    dispatch.enqueue_chunks(chunks)
    return batch, True


def get_batch(project_id: str, batch_id: str, *, visible: Visibility = EVERYTHING) -> Batch:
    """The batch.

    Raises:
        NotFoundError: the project has no such batch, or the caller may not see it.
    """
    batch = _find_batch(project_id, batch_id, visible)
    if batch is None:
        raise NotFoundError(
            "There is no batch with this id in this project and mode. Check the id and the key."
        )
    return batch


def _find_batch(project_id: str, batch_id: str, visible: Visibility) -> Batch | None:
    batch = repository.get(project_id, batch_id)
    if batch is None or not visible.includes(batch) or batch.expires_at <= utc_now():
        return None
    return batch


def list_batches(
    project_id: str, query: BatchList, *, visible: Visibility = EVERYTHING
) -> BatchPage:
    """A page of the project's batches, newest first."""
    scope = f"batches/{project_id}/{visible.mode or ''}/{','.join(sorted(visible.templates))}"
    after = cursors.unseal(query.cursor, scope) if query.cursor else None
    found, last = repository.page(
        project_id, limit=query.limit, mode=visible.mode, only=visible.templates, after=after
    )
    now = utc_now()
    return BatchPage(
        batches=[signed_view_of(batch) for batch in found if batch.expires_at > now],
        next_cursor=cursors.seal(last, scope) if last else None,
    )


def start_batch(project_id: str, batch_id: str, *, visible: Visibility = EVERYTHING) -> Batch:
    """Check and render the rows of the uploaded file. Repeating it changes nothing.

    Raises:
        NotFoundError: the project has no such batch.
        ConflictError: the batch takes no upload, or is over.
        NotReadyError: nothing was uploaded.
        PayloadTooLargeError: the file is larger than 1 GiB.
    """
    batch = get_batch(project_id, batch_id, visible=visible)
    if batch.upload_format is None:
        raise ConflictError("This batch was created with its items and needs no start.")
    if batch.status == "awaiting_upload":
        found = storage.find_size(files.upload_key(batch))
        if found is None:
            message = "Nothing was uploaded yet. PUT the file to `uploadUrl`, then start the batch."
            raise NotReadyError(message)
        size_bytes, etag = found
        if size_bytes > UPLOAD_LIMIT_BYTES:
            raise PayloadTooLargeError("The file is larger than 1 GiB. Split it into batches.")
        started = start_checking(batch, etag, utc_now())
        batch = started or get_batch(project_id, batch_id)
    if batch.is_finished:
        raise ConflictError(f"The batch is {batch.status}. Create a new one.")
    return batch


def cancel_batch(project_id: str, batch_id: str, *, visible: Visibility = EVERYTHING) -> Batch:
    """Cancel a batch. Documents that a worker is rendering may still succeed.

    Raises:
        NotFoundError: the project has none of this id.
        NotCancellableError: it is over.
    """
    get_batch(project_id, batch_id, visible=visible)
    cancelled = _cancel(project_id, batch_id, ("running",)) or _cancel(
        project_id, batch_id, ("awaiting_upload", "checking")
    )
    if cancelled is None:
        state = get_batch(project_id, batch_id).status
        raise NotCancellableError(f"The batch is {state}. It can no longer be cancelled.")
    dispatch.request_check(project_id, batch_id)
    return cancelled


def _cancel(project_id: str, batch_id: str, states: tuple[str, ...]) -> Batch | None:
    """Cancel a batch in one of these states. Before it runs, there are no chunks to end."""
    try:
        item = repository.update(
            project_id,
            batch_id,
            set_={"status": "cancelled", "completed_at": to_rfc3339(utc_now())},
            remove=() if states == ("running",) else (repository.UNFINISHED, "due_at"),
            condition=" OR ".join(f"#status = :{state}" for state in states),
            values={f":{state}": state for state in states},
        )
    except ConditionFailedError:
        return None
    return repository.batch_of(item)


def retry_batch(principal: Principal, batch_id: str, *, visible: Visibility = EVERYTHING) -> Batch:
    """Render the failed documents of a completed batch again, with the same data.

    They are charged like new ones.

    Raises:
        NotFoundError: the project has none of this id.
        ConflictError: it is not completed, nothing failed, or it was retried at the same time.
        RateLimitedError, QuotaExceededError: a limit of the key or the project is reached.
    """
    project_id = principal.project_id
    found = _find_batch(project_id, batch_id, visible)
    failed = _failed_chunks(found) if found and found.status == "completed" else []
    # Before any answer: the request counts against the rate, also when there is no batch.
    charge = limits.charge(principal, renders=sum(chunk.failed for chunk in failed))
    batch = get_batch(project_id, batch_id, visible=visible)
    if not failed:
        raise ConflictError("Only a completed batch with failed documents can be tried again.")
    now = utc_now()
    attempt = batch.attempt + 1
    chunks = []
    key = input_keys.find_key(project_id, batch.id)
    for number, old in enumerate(failed):
        rows = _failed_rows(old)
        chunk = new_chunk(batch, attempt, number, len(rows), replaces=old.key)
        files.put_rows(chunk, rows, key)
        chunks.append(chunk)
    repository.put_chunks(chunks)
    try:
        item = repository.update(
            project_id,
            batch.id,
            set_={
                "status": "running",
                "attempt": attempt,
                "failed": 0,
                "assemblies": 0,
                "started_at": to_rfc3339(now),
                **repository.unfinished_fields(batch.id, now + CHECK_EVERY),
            },
            remove=("completed_at", "error_code", "error_message"),
            condition="#status = :completed AND attempt = :attempt",
            values={":completed": "completed", ":attempt": batch.attempt},
        )
    except ConditionFailedError as error:
        charge.refund()
        raise ConflictError("The batch was tried again at the same time.") from error
    dispatch.enqueue_chunks(chunks)
    return repository.batch_of(item)


def _failed_chunks(batch: Batch) -> list[Chunk]:
    chunks = repository.chunks_of(batch)
    replaced = {chunk.replaces for chunk in chunks}
    return [chunk for chunk in chunks if chunk.failed and chunk.key not in replaced]


def _failed_rows(chunk: Chunk) -> list[Row]:
    failed = {result.row for result in files.get_results(chunk) if result.status == "failed"}
    return [row for row in files.get_rows(chunk) if row.row in failed]


def _new_batch(
    principal: Principal,
    request: BatchRequest,
    version: TemplateVersion,
    base_url: str,
    seal: SealOptions | None,
    finishing: FinishingRequest | None,
) -> Batch:
    options, now = request.options, utc_now()
    return Batch(
        project_id=principal.project_id,
        id=new_id(),
        status="awaiting_upload" if request.upload else "running",
        mode=principal.mode,
        key_id=principal.key_id,
        template_slug=request.template_slug,
        version_number=version.number,
        pdf_standard=cast(PdfStandard, standard_of(version.pdf_standard, finishing)),
        output=request.output,
        on_invalid=request.on_invalid,
        format=options.format,
        pages=options.pages,
        scale=Decimal(str(options.scale or 1)),
        document_date=options.document_date,
        seal=seal,
        has_finishing=finishing is not None,
        base_url=base_url,
        upload_format=request.upload.format if request.upload else None,
        mapping=request.upload.mapping if request.upload else None,
        created_at=now,
        started_at=None if request.upload else now,
        expires_at=expires_at(now),
    )


def _checked(batch: Batch, checked: CheckedRows) -> tuple[Batch, list[Row]]:
    """A batch whose items were checked, and the rows to render. One with an upload has none yet."""
    rows, invalid = checked.rows, checked.invalid
    counts = {"total": len(rows) + len(invalid), "invalid": len(invalid)}
    batch = batch.model_copy(update=counts)
    if not invalid or (rows and batch.on_invalid == "skip"):
        return batch, rows
    refusal = {
        "status": "refused",
        "completed_at": batch.created_at,
        "error_code": INVALID_DATA,
        "error_message": invalid_message(batch),
    }
    return batch.model_copy(update=refusal), []


def _chunks_of(batch: Batch, rows: Sequence[Row]) -> Iterator[Chunk]:
    for number, part in enumerate(batched(rows, CHUNK_ROWS, strict=False)):
        yield new_chunk(batch, batch.attempt, number, len(part))


def _store(
    batch: Batch,
    chunks: Sequence[Chunk],
    rows: Sequence[Row],
    invalid: Sequence[InvalidRow],
    claim: Claim | None,
    finishing: FinishingRequest | None,
) -> dict[str, Any] | None:
    """Store a new batch; the claim on its idempotency key where another batch has it.

    The objects come first, so that every row that is stored has its data.
    """
    key = input_keys.new_key(batch.project_id, batch.id, to_epoch_seconds(batch.expires_at))
    for chunk, group in zip(chunks, batched(rows, CHUNK_ROWS, strict=False), strict=True):
        files.put_rows(chunk, group, key)
    if finishing:
        files.put_finishing(batch, finishing, key)
    if invalid:
        part = files.put_invalid(batch, invalid)
        batch = batch.model_copy(update={"invalid_parts": (part,)})
    try:
        repository.create(batch, chunks, batch.created_at + CHECK_EVERY, claim)
    except ConditionFailedError as error:
        for chunk in chunks:
            files.delete_rows(chunk)
        for part in batch.invalid_parts:
            files.delete_invalid(batch, part)
        if finishing:
            files.delete_finishing(batch)
        input_keys.delete(batch.project_id, batch.id)
        existing = error.items[0] if claim else None
        if existing is None:
            raise
        return existing
    return None


def _find_claimed(project_id: str, claim: Claim | None) -> Batch | None:
    held = repository.find_claim(project_id, claim) if claim else None
    return _claimed(project_id, held, claim) if held else None


def _claimed(project_id: str, held: dict[str, Any], claim: Claim | None) -> Batch:
    """The batch of a claimed idempotency key.

    Raises:
        IdempotencyConflictError: the key was used for another request.
    """
    if claim is None or held["request_hash"] != claim.request_hash:
        raise IdempotencyConflictError(str(held["claimed_by"]))
    return get_batch(project_id, str(held["claimed_by"]))


def _claim_of(key: str | None, principal: Principal, request: BatchRequest) -> Claim | None:
    """The claim on a caller's idempotency key. Each mode has separate keys."""
    if not key:
        return None
    # Without defaults, so that a new option does not change the hash of older requests.
    body = request.model_dump(mode="json", exclude_defaults=True)
    return Claim(_sha256_of([principal.mode, key]), _sha256_of(body))


def _sha256_of(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
