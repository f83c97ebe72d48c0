"""Counts what the chunks of a batch have done, queues lost ones again, and completes the batch.

The chunks' rows are the source of every count. Checking a batch once more changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from craftkit.batches import dispatch, files, lifecycle, repository
from craftkit.batches.models import Batch, Chunk, Result
from craftkit.clock import to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.renders.lifecycle import (
    GIVE_UP_AFTER,
    NEVER_BEGUN,
    QUEUED_PATIENCE,
    WORKER_FAILED,
    BusyError,
    GoneError,
)

CHECK_EVERY = timedelta(minutes=3)
"""How often a batch that is not over is checked, apart from the ends of its chunks."""


@dataclass(frozen=True)
class Tally:
    """The sums of a batch's chunks."""

    succeeded: int
    failed: int
    cancelled: int
    page_count: int
    done: int
    is_over: bool


def tally(chunks: Sequence[Chunk]) -> Tally:
    """The sums. Failed rows of a chunk count until another chunk replaces it."""
    replaced = {chunk.replaces for chunk in chunks}
    return Tally(
        succeeded=sum(chunk.succeeded for chunk in chunks),
        failed=sum(chunk.failed for chunk in chunks if chunk.key not in replaced),
        cancelled=sum(chunk.cancelled for chunk in chunks),
        page_count=sum(chunk.page_count for chunk in chunks),
        done=sum(chunk.done for chunk in chunks),
        is_over=all(chunk.status == "ended" for chunk in chunks),
    )


def count_chunks(batch: Batch) -> Batch | None:
    """Count the chunks of a batch that was started, and complete it when all have ended.

    Returns:
        The batch as it is from now on, or None where another process has counted later.
    """
    now = utc_now()
    chunks = repository.chunks_of(batch)
    for chunk in chunks:
        _requeue_if_lost(chunk, batch.started_at or batch.created_at, now)
    return _count(batch, tally(chunks), now)


def _count(batch: Batch, sums: Tally, now: datetime) -> Batch | None:
    counts = counts_of(sums)
    set_ = {**counts, "due_at": to_rfc3339(now + CHECK_EVERY)}
    remove: tuple[str, ...] = ()
    is_assembled = batch.status == "running" and batch.output != "files"
    if sums.is_over and not is_assembled:
        set_, remove = counts, (repository.UNFINISHED, "due_at")
        if batch.status == "running":
            set_ |= {"status": "completed", "completed_at": to_rfc3339(now)}
    try:
        item = repository.update(
            batch.project_id,
            batch.id,
            set_=set_,
            remove=remove,
            # A batch that is over has left the index; of two sums, the later one stays.
            condition="#status = :status AND attempt = :attempt AND done <= :done "
            "AND attribute_exists(unfinished)",
            values={":status": batch.status, ":attempt": batch.attempt, ":done": sums.done},
        )
    except ConditionFailedError:
        return None
    if sums.is_over and is_assembled:
        dispatch.request_assembly(batch.project_id, batch.id)
    return repository.batch_of(item)


def counts_of(sums: Tally) -> dict[str, Any]:
    """The fields of a batch's row that are sums."""
    return {
        "succeeded": sums.succeeded,
        "failed": sums.failed,
        "cancelled": sums.cancelled,
        "page_count": sums.page_count,
        "done": sums.done,
    }


def _requeue_if_lost(chunk: Chunk, started_at: datetime, now: datetime) -> None:
    """Queue a chunk again if its message may be lost; end it if no worker started it for a day."""
    if chunk.status == "ended":
        return
    if chunk.status == "rendering":
        is_lost = (chunk.lease_until or "") <= to_rfc3339(now)
        waited_since = chunk.queued_at + CHECK_EVERY
    else:
        is_lost, waited_since = True, chunk.queued_at + QUEUED_PATIENCE
    if not is_lost or waited_since > now:
        return
    if now - started_at > GIVE_UP_AFTER:
        _give_up(chunk, now)
    elif lifecycle.mark_queued(chunk, now):
        dispatch.enqueue_chunk(chunk)


def _give_up(chunk: Chunk, now: datetime) -> None:
    try:
        held = lifecycle.claim(chunk.project_id, chunk.key, now)
        fail_rest(held, now, NEVER_BEGUN)
    except (BusyError, GoneError):  # a worker has it after all
        return


def fail_rest(held: lifecycle.ChunkClaim, now: datetime, message: str) -> Chunk:
    """End the rows of a chunk that have not ended as failed. Raises as `count_results`."""
    chunk = held.chunk
    rest = [
        Result(
            row=row.row,
            status="failed",
            job_id=row.job_id,
            filename=row.filename,
            metadata=row.metadata,
            error_code=WORKER_FAILED,
            error_message=message,
        )
        for row in files.get_rows(chunk)[chunk.done :]
    ]
    return lifecycle.count_results(held, files.put_results(chunk, rest), rest, now)
