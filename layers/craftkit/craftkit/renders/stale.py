"""Stale renders: queues them again, or ends those without attempts or time left."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.errors import QueueUnavailableError
from craftkit.observability import logger
from craftkit.queues import QueueError
from craftkit.renders import dead_letters, dispatch, lifecycle, repository
from craftkit.renders.erasure import erase_render
from craftkit.renders.models import Render
from craftkit.renders.repository import Due

Erase = Callable[[Render], object]


@dataclass(frozen=True)
class StaleRenders:
    """What one run did."""

    requeued: int = 0
    ended: int = 0
    erased: int = 0


def requeue_stale_renders(erase: Erase = erase_render) -> StaleRenders:
    """One run over what is due. What the queue does not take is due again at the next run.

    An error at one render does not stop the run.

    Args:
        erase: erases a render that has reached its `erase_at`, and removes once more what may have
            been stored of one that was erased.
    """
    requeued = ended = erased = 0
    for shard in range(repository.SHARDS):
        for due in repository.due(shard, utc_now()):
            try:
                result = _check(due, erase)
            except (ClientError, QueueError):
                logger.exception("stale render not handled", extra={"render_id": due.render_id})
            else:
                requeued, ended = requeued + result.requeued, ended + result.ended
                erased += result.erased
    return StaleRenders(requeued, ended, erased)


def _check(due: Due, erase: Erase) -> StaleRenders:
    row = repository.get_item(due.project_id, due.render_id)
    # The index follows the table with a delay: the render may have ended, or been checked.
    if row is None or row.get("due_at") != due.due_at:
        return StaleRenders()
    render, now = repository.render_of(row), utc_now()
    if not render.is_kept_at(now):
        return StaleRenders(erased=_erase(render, erase))
    if render.status == "rendering" and row["lease_until"] > to_rfc3339(now):
        lifecycle.postpone(due, from_rfc3339(row["lease_until"]) + lifecycle.CHECK_AFTER_LEASE)
        return StaleRenders()
    if lifecycle.is_overdue(render, now):
        if render.status == "queued":
            # First: `redrive` leaves a message too many alone, one too few cannot be made good.
            dead_letters.set_aside(render)
        return StaleRenders(ended=int(lifecycle.end_overdue(render, now) is not None))
    waits_until = render.asked_at + lifecycle.QUEUED_PATIENCE
    if render.status == "queued" and waits_until > now:
        lifecycle.postpone(due, waits_until)
        return StaleRenders()
    return StaleRenders(requeued=int(_queue_again(render, due, now)))


def _queue_again(render: Render, due: Due, now: datetime) -> bool:
    try:
        dispatch.enqueue(render)
    except QueueUnavailableError:
        return False
    return lifecycle.postpone(due, now + lifecycle.QUEUED_PATIENCE)


def _erase(render: Render, erase: Erase) -> int:
    """Erase a render that has expired; of an erased one, remove what was stored since. 1 if new."""
    erase(render)
    if render.erased_at is None:
        return 1
    repository.remove_from_index(render.project_id, render.id)
    return 0
