"""Renders whose messages came into a dead-letter queue: put back, or ended and set aside.

SQS counts a receive also when Lambda throttles the invocation, so a message may come here without
any worker having seen it. Such a render keeps its place until it is a day old.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from craftkit import dynamodb, queues
from craftkit.clock import from_rfc3339, to_rfc3339, utc_now
from craftkit.config import config
from craftkit.renders import dispatch, lifecycle, repository
from craftkit.renders.lifecycle import BusyError
from craftkit.renders.models import Render
from craftkit.renders.repository import Due


class DeadLetter(StrEnum):
    """What was done with a message of a dead-letter queue."""

    DROPPED = "dropped"
    PUT_BACK = "put_back"
    SET_ASIDE = "set_aside"


def handle_dead_letter(project_id: str, render_id: str) -> DeadLetter:
    """Put a render that can still be begun back on its queue; end one that cannot as failed.

    Returns:
        DROPPED: the message is not needed: the render ended well, or has another message.
        PUT_BACK: the render is on its queue again.
        SET_ASIDE: the render ended as failed, and its message waits for an operator.

    Raises:
        BusyError: a worker holds the render after all; look again later.
        QueueError, QueueUnavailableError: the queue did not take the message.
    """
    row, now = repository.get_item(project_id, render_id), utc_now()
    render = repository.render_of(row) if row else None
    if row is None or render is None or render.status in ("succeeded", "cancelled"):
        return DeadLetter.DROPPED
    if not render.is_kept_at(now):  # the requeuer erases it
        return DeadLetter.DROPPED
    if render.is_finished:
        if render.error_code != lifecycle.WORKER_FAILED:
            return DeadLetter.DROPPED
        set_aside(render)
        return DeadLetter.SET_ASIDE
    if render.status == "rendering" and row["lease_until"] > to_rfc3339(now):
        raise BusyError(from_rfc3339(row["lease_until"]) - now)
    if not lifecycle.is_overdue(render, now):
        return _put_back(render, row, now)
    if lifecycle.end_overdue(render, now) is None:
        raise BusyError
    set_aside(render)
    return DeadLetter.SET_ASIDE


def _put_back(render: Render, row: dynamodb.Item, now: datetime) -> DeadLetter:
    """Queue a render again, unless the requeuer has done so since this message was sent."""
    due_at = from_rfc3339(row["due_at"])
    is_requeued = due_at > max(now, render.asked_at + lifecycle.QUEUED_PATIENCE)
    if is_requeued:
        return DeadLetter.DROPPED
    dispatch.enqueue(render)
    due = Due(render.project_id, render.id, row["due_at"])
    lifecycle.postpone(due, now + lifecycle.QUEUED_PATIENCE)
    return DeadLetter.PUT_BACK


def set_aside(render: Render) -> None:
    """Keep the message of a render that was ended, or is about to be, for `redrive`."""
    queues.send(config.dead_renders_queue_url, dispatch.message_of(render), group=render.project_id)


def redrive(limit: int) -> tuple[int, int]:
    """Queue renders that `handle_dead_letter` or the requeuer ended again, as their next attempt.

    Returns:
        How many were queued, and how many were skipped because they were retried or have expired.

    Raises:
        QueueUnavailableError: a render cannot be queued; it and the others stay in the queue.
    """
    queued = left = 0
    while queued + left < limit:
        waiting = queues.receive(config.dead_renders_queue_url, limit - queued - left)
        if not waiting:
            break
        for message, receipt in waiting:
            is_queued = _drive(message)
            queued, left = queued + is_queued, left + (not is_queued)
            queues.delete(config.dead_renders_queue_url, receipt)
    return queued, left


def _drive(message: dict[str, Any]) -> bool:
    render = repository.get(message["projectId"], message["renderId"])
    if render is None or render.status != "failed":
        return False
    again = lifecycle.retry(render, utc_now())
    if again is None:
        return False
    try:
        dispatch.enqueue(again)
    except Exception:
        code = lifecycle.WORKER_FAILED
        lifecycle.give_up(again, now=utc_now(), code=code, message=lifecycle.NEVER_BEGUN)
        raise
    return True
