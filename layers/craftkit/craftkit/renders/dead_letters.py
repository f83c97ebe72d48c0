"""Renders whose messages no worker could take: ended at once, and kept to be driven again.

A worker that begins a render ends it, or lets the requeuer do so. Into a dead-letter queue comes
what no worker could even begin: the function does not start, or may not read the table.
"""

from typing import Any

from craftkit import queues
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.renders import dispatch, lifecycle, repository
from craftkit.renders.lifecycle import BusyError

UNREACHABLE = "No worker could take the render. Send the request again."


def fail_dead_letter_render(project_id: str, render_id: str) -> bool:
    """End as failed what its mode's dead-letter queue gave out, and put its message aside.

    Returns:
        Whether the message waits for an operator now; it does not where the render ended well.

    Raises:
        BusyError: a worker holds the render after all; look again later.
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
    """Queue again, as their next attempt, renders that were ended as dead.

    Returns:
        How many were queued, and how many were left alone: asked for again meanwhile, or expired.

    Raises:
        QueueUnavailableError: the workers' queue does not take them; they wait on.
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
