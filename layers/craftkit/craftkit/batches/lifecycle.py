"""The states of a chunk, and the transitions between them.

    queued ──► rendering ──► ended
      ▲            │
      └────────────┘ some rows ended and others are left, or the worker died

Each change is one conditional write: of two concurrent changes, one succeeds. A worker holds a
chunk by a lease. Rows that have ended are counted when their results are stored; of a worker that
dies, the rows since then are rendered again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from craftkit.batches import repository
from craftkit.batches.models import Batch, Chunk, Result
from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.ids import derived_id
from craftkit.renders.lifecycle import ATTEMPTS, LEASE, BusyError, GoneError

CHUNK_ROWS = 50
"""Documents in one chunk: about half a second of work of one worker."""


@dataclass(frozen=True)
class ChunkClaim:
    """The exclusive right of one worker to render a chunk's rows, until its lease ends."""

    chunk: Chunk
    lease_until: str

    @property
    def is_last_try(self) -> bool:
        """Whether the permitted tries since the last result are used up."""
        return self.chunk.tries > ATTEMPTS


def new_chunk(
    batch: Batch, attempt: int, number: int, rows: int, replaces: str | None = None
) -> Chunk:
    """A chunk of a batch, queued now. Its id is the same where it is made again after a fault."""
    key = repository.chunk_key(batch.id, attempt, number)
    return Chunk(
        project_id=batch.project_id,
        batch_id=batch.id,
        key=key,
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


def claim(project_id: str, key: str, now: datetime) -> ChunkClaim:
    """Claim a queued chunk, or one whose worker's lease has expired.

    Raises:
        BusyError: another worker holds it.
        GoneError: it has ended, or is no longer stored.
    """
    lease_until = to_rfc3339(now + LEASE)
    try:
        item = repository.update(
            project_id,
            key,
            set_={"state": "rendering", "lease_until": lease_until},
            add={"tries": 1},
            condition="#state = :queued OR (#state = :rendering AND lease_until <= :now)",
            values={":queued": "queued", ":rendering": "rendering", ":now": to_rfc3339(now)},
        )
    except ConditionFailedError as error:
        found = error.items[0]
        if found is None or found["state"] == "ended":
            raise GoneError from error
        raise BusyError(max(timedelta(seconds=1), from_rfc3339(found["lease_until"]) - now)) from (
            error
        )
    return ChunkClaim(repository.chunk_of(item), lease_until)


def release(held: ChunkClaim, now: datetime) -> None:
    """Release a claim after a transient fault. The try is counted.

    Raises:
        GoneError: the lease was lost.
    """
    _change(held, {"lease_until": to_rfc3339(now)})


def count_results(held: ChunkClaim, part: str, results: Sequence[Result], now: datetime) -> Chunk:
    """Count the rows whose results were stored under the name `part`.

    A chunk whose rows have all ended ends; another one is queued again.

    Raises:
        GoneError: the lease was lost, and another worker renders the rows.
    """
    chunk = held.chunk
    succeeded = sum(result.status == "succeeded" for result in results)
    counts = {
        "parts": [*chunk.parts, part],
        "done": chunk.done + len(results),
        "succeeded": chunk.succeeded + succeeded,
        "failed": chunk.failed + len(results) - succeeded,
        "page_count": chunk.page_count + sum(result.page_count or 0 for result in results),
        "tries": 0,
    }
    is_over = counts["done"] == chunk.rows
    state = _ended(now) if is_over else {"state": "queued", "queued_at": to_rfc3339(now)}
    return _change(held, {**counts, **state}, remove=("lease_until",))


def cancel_rest(held: ChunkClaim, now: datetime) -> Chunk:
    """End a chunk whose batch was cancelled. Raises as `count_results`."""
    chunk = held.chunk
    cancelled = {"cancelled": chunk.rows - chunk.done, "done": chunk.rows}
    return _change(held, {**cancelled, **_ended(now)}, remove=("lease_until",))


def _ended(now: datetime) -> dict[str, Any]:
    return {"state": "ended", "ended_at": to_rfc3339(now)}


def _change(held: ChunkClaim, set_: dict[str, Any], remove: tuple[str, ...] = ()) -> Chunk:
    try:
        item = repository.update(
            held.chunk.project_id,
            held.chunk.key,
            set_=set_,
            remove=remove,
            condition="#state = :rendering AND lease_until = :held",
            values={":rendering": "rendering", ":held": held.lease_until},
        )
    except ConditionFailedError as error:
        raise GoneError from error
    return repository.chunk_of(item)


def mark_queued(chunk: Chunk, now: datetime) -> bool:
    """Note that a chunk is queued again. False if its state has changed."""
    try:
        repository.update(
            chunk.project_id,
            chunk.key,
            set_={"queued_at": to_rfc3339(now)},
            condition="#state <> :ended AND queued_at = :queued_at",
            values={":ended": "ended", ":queued_at": to_rfc3339(chunk.queued_at)},
        )
    except ConditionFailedError:
        return False
    return True
