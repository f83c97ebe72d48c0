"""Fails the renders in a dead-letter queue, and redrives them on an operator's request.

A render that a worker has started is ended by the worker or the requeuer. The dead-letter queue
receives messages that no worker could start: the function does not start, or has no right to read
the table.
"""

from typing import Any

from craftkit import queues
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.renders import dispatch, lifecycle, repository
from craftkit.renders.lifecycle import BusyError

UNREACHABLE = "No worker could take the render. Send the request again."


def fail_dead_letter_render(project_id: str, render_id: str) -> bool:
    """Fail a render from a dead-letter queue, and send its message to the queue for operators.

    Returns:
        Whether the message was sent to that queue. It is not if the render ended in another way.

    Raises:
        BusyError: a worker holds the render; try again later.
    """
    render = repository.get(project_id, render_id)
    if render is None or render.status in ("succeeded", "cancelled"):
        return False
    if not render.is_finished:
        code = lifecycle.WORKER_FAILED
        if lifecycle.give_up(render, now=utc_now(), code=code, message=UNREACHABLE) is None:
            raise BusyError
    elif render.error_code != lifecycle.WORKER_FAILED:
        return False
    queues.send(config.dead_renders_queue_url, dispatch.message_of(render), group=project_id)
    return True


def redrive(limit: int) -> tuple[int, int]:
    """Queue renders that `fail_dead_letter_render` failed again, as their next attempt.

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
        lifecycle.give_up(again, now=utc_now(), code=code, message=UNREACHABLE)
        raise
    return True
