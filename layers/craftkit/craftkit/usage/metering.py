"""Counts succeeded renders from the streams of the renders table and the batches table."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from itertools import batched

from craftkit.batches.changes import ended_chunk
from craftkit.batches.models import Chunk
from craftkit.observability import logger
from craftkit.renders import repository as renders
from craftkit.renders.changes import ended
from craftkit.renders.models import Render
from craftkit.streams import Batch, Change
from craftkit.usage import service
from craftkit.usage.models import Metered

_RECONCILED_AT_ONCE = 100


def meter_batch(batch: Batch) -> None:
    """Count the renders that succeeded in a batch, grouped by counter.

    If a counter cannot be written, only the changes of its renders are marked as failed.
    """
    by_counter: dict[tuple[str, ...], dict[str, Metered]] = defaultdict(dict)
    for change in batch.changes:
        with batch.marking(change):
            metered = _metered_of_change(change)
            if metered:
                by_counter[metered.counter][change.number] = metered
    counted = 0
    for metereds in by_counter.values():
        try:
            counted += service.count_renders(list(metereds.values()))
        except Exception:
            logger.exception("renders were not counted")
            batch.failed.update(metereds)
    logger.info("metered", extra={"changes": len(batch.changes), "counted": counted})


def _metered_of_change(change: Change) -> Metered | None:
    """What a change of the renders table or the batches table adds to usage."""
    chunk = ended_chunk(change)
    if chunk is not None:
        return metered_of_chunk(chunk) if chunk.succeeded else None
    render = ended(change)
    return metered_of(render) if render and render.status == "succeeded" else None


def metered_of_chunk(chunk: Chunk) -> Metered:
    return Metered(
        project_id=chunk.project_id,
        render_id=chunk.id,
        ended_at=chunk.ended_at or chunk.queued_at,
        mode=chunk.mode,
        key_id=chunk.key_id,
        template_slug=chunk.template_slug,
        page_count=chunk.page_count,
        renders=chunk.succeeded,
    )


def metered_of(render: Render) -> Metered:
    return Metered(
        project_id=render.project_id,
        render_id=render.id,
        ended_at=render.ended_at,
        mode=render.mode,
        key_id=render.key_id,
        template_slug=render.template_slug,
        page_count=render.page_count or 0,
    )


def reconcile(project_id: str, since: datetime, until: datetime) -> int:
    """Count the renders of a period that the stream missed. Returns their number."""
    found = renders.between(project_id, since, until)
    succeeded = (metered_of(render) for render in found if render.status == "succeeded")
    return sum(_count_all(part) for part in batched(succeeded, _RECONCILED_AT_ONCE, strict=False))


def _count_all(metereds: Iterable[Metered]) -> int:
    by_counter: dict[tuple[str, ...], list[Metered]] = defaultdict(list)
    for metered in metereds:
        by_counter[metered.counter].append(metered)
    return sum(service.count_renders(each) for each in by_counter.values())
