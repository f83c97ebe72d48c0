"""Stale renders: queues them again, or ends those that nobody will finish."""

from dataclasses import dataclass
from datetime import timedelta

from botocore.exceptions import ClientError

from craftkit.clock import Clock, utc_now
from craftkit.errors import QueueUnavailableError
from craftkit.observability import logger
from craftkit.renders import dispatch, lifecycle, repository
from craftkit.renders.models import Render

GIVE_UP_AFTER = timedelta(hours=24)
"""A render that was requested this long ago and still waits is ended as failed."""


@dataclass(frozen=True)
class StaleRenders:
    """What one run did."""

    requeued: int = 0
    ended: int = 0


def requeue_stale_renders(*, clock: Clock = utc_now) -> StaleRenders:
    """One run over what is due. What the queue does not take is due again at the next run.

    An error at one render does not stop the run.
    """
    requeued = ended = 0
    for shard in range(repository.SHARDS):
        for render, due_at in repository.due(shard, clock()):
            try:
                if _is_to_be_given_up(render, clock):
                    ended += _end(render, clock) is not None
                else:
                    requeued += _queue_again(render, due_at, clock)
            except ClientError:
                logger.exception("stale render not handled", extra={"render_id": render.id})
    return StaleRenders(requeued, ended)


def _is_to_be_given_up(render: Render, clock: Clock) -> bool:
    exhausted = render.status == "rendering" and render.attempt >= render.attempt_limit
    return exhausted or clock() - render.asked_at > GIVE_UP_AFTER


def _end(render: Render, clock: Clock) -> Render | None:
    return lifecycle.give_up(
        render, now=clock(), code=lifecycle.WORKER_FAILED, message=lifecycle.GIVEN_UP
    )


def _queue_again(render: Render, due_at: str, clock: Clock) -> bool:
    try:
        dispatch.enqueue(render)
    except QueueUnavailableError:
        return False
    return lifecycle.postpone(render, due_at, clock())
