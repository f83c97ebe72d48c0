"""The use cases of batches: create, get, list, cancel and retry."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import batched
from typing import Any

from craftkit import cursors
from craftkit.auth.principal import Principal
from craftkit.batches import dispatch, files, repository
from craftkit.batches.lifecycle import CHUNK_ROWS
from craftkit.batches.models import (
    Batch,
    BatchItem,
    BatchList,
    BatchPage,
    BatchRequest,
    Chunk,
    InvalidRow,
    Row,
)
from craftkit.batches.progress import CHECK_EVERY
from craftkit.batches.repository import Claim
from craftkit.batches.views import view_of
from craftkit.clock import to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import (
    ConflictError,
    IdempotencyConflictError,
    InvalidInputDataError,
    NotCancellableError,
    NotFoundError,
    TooManyRequestsError,
)
from craftkit.ids import derived_id, new_id
from craftkit.limits import service as limits
from craftkit.renders.files import ENDINGS, MEDIA_TYPES
from craftkit.renders.repository import expires_at
from craftkit.renders.service import EVERYTHING, Visibility
from craftkit.templates import service as templates
from craftkit.templates.data import validate_data
from craftkit.templates.misspellings import warnings_of_names
from craftkit.templates.models import TemplateVersion

INVALID_ROWS = "invalid_input_data"


def create_batch(
    principal: Principal,
    request: BatchRequest,
    *,
    base_url: str,
    idempotency_key: str | None = None,
) -> tuple[Batch, bool]:
    """Create a batch of the items of a request, or return the one that the same request created.

    Every item is checked before anything is charged. All of the valid ones are charged, or none.

    Returns:
        The batch, and whether this call created it.

    Raises:
        InsufficientScopeError, TemplateNotFoundError, VersionNotFoundError,
        NoPublishedVersionError: the request cannot be rendered.
        IdempotencyConflictError: its idempotency key was used for another request.
        RateLimitedError, QuotaExceededError: a limit of the key or its project is reached; nothing
            was stored.
    """
    principal.require_template(request.template_slug)
    version = templates.current_version(
        principal.project_id, request.template_slug, request.options.version_number
    )
    claim = _claim_of(idempotency_key, principal, request)
    batch = _new_batch(principal, request, version, base_url)
    rows, invalid = _check(request, version)
    is_refused = bool(invalid) and (request.on_invalid == "refuse" or not rows)
    batch = batch.model_copy(update={"total": len(request.items), "invalid": len(invalid)})
    if is_refused:
        rows = []
        message = f"{len(invalid)} of {len(request.items)} items do not fit the template."
        refusal = {"error_code": INVALID_ROWS, "error_message": message}
        batch = batch.model_copy(
            update={"status": "refused", "completed_at": batch.created_at, **refusal}
        )
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
        existing = _store(batch, chunks, rows, invalid, claim)
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
    batch = repository.get(project_id, batch_id)
    if batch is None or not visible.includes(batch) or batch.expires_at <= utc_now():
        raise NotFoundError("There is no batch of this id in this project.")
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
        batches=[view_of(batch) for batch in found if batch.expires_at > now],
        next_cursor=cursors.seal(last, scope) if last else None,
    )


def cancel_batch(project_id: str, batch_id: str, *, visible: Visibility = EVERYTHING) -> Batch:
    """Cancel a batch. Documents that a worker is rendering may still succeed.

    Raises:
        NotFoundError: the project has none of this id.
        NotCancellableError: it is over.
    """
    batch = get_batch(project_id, batch_id, visible=visible)
    now = utc_now()
    try:
        item = repository.update(
            project_id,
            batch_id,
            set_={"status": "cancelled", "completed_at": to_rfc3339(now)},
            condition="#status = :running",
            values={":running": "running"},
        )
    except ConditionFailedError as error:
        state = get_batch(project_id, batch_id).status
        message = f"The batch is {state}. Only a batch that is running can be cancelled."
        raise NotCancellableError(message) from error
    dispatch.request_check(project_id, batch.id)
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
    batch = get_batch(project_id, batch_id, visible=visible)
    failed = _failed_chunks(batch) if batch.status == "completed" else []
    count = sum(chunk.failed for chunk in failed)
    charge = limits.charge(principal, renders=count)
    if not failed:
        charge.refund()
        raise ConflictError("Only a completed batch with failed documents can be tried again.")
    now = utc_now()
    attempt = batch.attempt + 1
    chunks = []
    for number, old in enumerate(failed):
        rows = _failed_rows(old)
        chunk = _chunk(batch, attempt, number, len(rows), replaces=old.key)
        files.put_rows(chunk, rows)
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
                "started_at": to_rfc3339(now),
                **repository.unfinished_fields(batch.id, now + CHECK_EVERY),
            },
            remove=("completed_at",),
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
    principal: Principal, request: BatchRequest, version: TemplateVersion, base_url: str
) -> Batch:
    options, now = request.options, utc_now()
    return Batch(
        project_id=principal.project_id,
        id=new_id(),
        status="running",
        mode=principal.mode,
        key_id=principal.key_id,
        template_slug=request.template_slug,
        version_number=version.number,
        pdf_standard=version.pdf_standard,
        output=request.output,
        on_invalid=request.on_invalid,
        format=options.format,
        pages=options.pages,
        scale=Decimal(str(options.scale or 1)),
        document_date=options.document_date,
        base_url=base_url,
        created_at=now,
        started_at=now,
        expires_at=expires_at(now),
    )


def _check(request: BatchRequest, version: TemplateVersion) -> tuple[list[Row], list[InvalidRow]]:
    """The rows that can be rendered, and those that do not fit the template."""
    rows: list[Row] = []
    invalid: list[InvalidRow] = []
    for number, item in enumerate(request.items, 1):
        try:
            rows.append(_row_of(number, item, request, version))
        except InvalidInputDataError as error:
            issues = error.issues
            assert issues  # noqa: S101 this error has always some
            invalid.append(
                InvalidRow(
                    row=number,
                    job_id=item.job_id,
                    form_errors=issues.form_errors,
                    field_errors=issues.field_errors,
                )
            )
    return rows, invalid


def _row_of(number: int, item: BatchItem, request: BatchRequest, version: TemplateVersion) -> Row:
    ending = ENDINGS[MEDIA_TYPES[request.options.format]][0]
    return Row(
        row=number,
        data=validate_data(version.manifest, item.data),
        job_id=item.job_id,
        filename=item.filename or f"{request.template_slug}-{number:06d}{ending}",
        metadata=item.metadata,
        warnings=warnings_of_names(version.manifest, item.data),
    )


def _chunks_of(batch: Batch, rows: Sequence[Row]) -> Iterator[Chunk]:
    for number, part in enumerate(batched(rows, CHUNK_ROWS, strict=False)):
        yield _chunk(batch, batch.attempt, number, len(part))


def _chunk(
    batch: Batch, attempt: int, number: int, rows: int, replaces: str | None = None
) -> Chunk:
    key = repository.chunk_key(batch.id, attempt, number)
    return Chunk(
        project_id=batch.project_id,
        batch_id=batch.id,
        key=key,
        # The same where a retry is repeated after a fault.
        id=derived_id(batch.created_at, key),
        status="queued",
        mode=batch.mode,
        key_id=batch.key_id,
        template_slug=batch.template_slug,
        attempt=attempt,
        rows=rows,
        replaces=replaces,
        queued_at=utc_now(),
        expires_at=batch.expires_at,
    )


def _store(
    batch: Batch,
    chunks: Sequence[Chunk],
    rows: Sequence[Row],
    invalid: Sequence[InvalidRow],
    claim: Claim | None,
) -> dict[str, Any] | None:
    """Store a new batch; the claim on its idempotency key where another batch has it.

    The objects come first, so that every row that is stored has its data.
    """
    for chunk, part in zip(chunks, batched(rows, CHUNK_ROWS, strict=False), strict=True):
        files.put_rows(chunk, part)
    if invalid:
        files.put_invalid(batch, invalid)
    try:
        repository.create(batch, chunks, batch.created_at + CHECK_EVERY, claim)
    except ConditionFailedError as error:
        for chunk in chunks:
            files.delete_rows(chunk)
        if invalid:
            files.delete_invalid(batch)
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
