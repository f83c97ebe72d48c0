"""Looks after renders that nobody finishes: queues them again, and ends the hopeless."""

from dataclasses import dataclass
from datetime import timedelta

from botocore.exceptions import ClientError

from craftkit.clock import Clock, utc_now
from craftkit.errors import QueueUnavailableError
from craftkit.observability import logger
from craftkit.renders import dispatch, lifecycle, repository
from craftkit.renders.models import Render

HOPELESS_AFTER = timedelta(hours=24)
"""What was asked for this long ago and still waits is ended: its caller has long given up."""


@dataclass(frozen=True)
class Sweep:
    """What one round found."""

    requeued: int = 0
    ended: int = 0


def sweep_renders(*, clock: Clock = utc_now) -> Sweep:
    """One round over what is due. What cannot be queued now is due again at the next round.

    One render that cannot be looked after keeps no other waiting.
    """
    requeued = ended = 0
    for shard in range(repository.SHARDS):
        for render, due_at in repository.due(shard, clock()):
            try:
                if _is_hopeless(render, clock):
                    ended += _end(render, clock) is not None
                else:
                    requeued += _queue_again(render, due_at, clock)
            except ClientError:
                logger.exception("a render was not looked after", extra={"render_id": render.id})
    return Sweep(requeued, ended)


def _is_hopeless(render: Render, clock: Clock) -> bool:
    exhausted = render.status == "rendering" and render.attempt >= render.attempt_limit
    return exhausted or clock() - render.asked_at > HOPELESS_AFTER


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
