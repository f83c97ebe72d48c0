"""What attempts of all deliveries share: the lease, and the time of the next one."""

from datetime import datetime, timedelta

from craftkit.webhooks import deliveries, dispatch
from craftkit.webhooks.models import Attempt, Delivery
from craftkit.webhooks.schedule import next_attempt_at

LEASE = timedelta(seconds=60)
"""The lease of an attempt: longer than the function's time-out."""

GONE = 410

_SHORT = timedelta(minutes=6)
"""Waits up to this long are delays of the queue: 5 seconds and 5 minutes of the schedule. SQS
allows 15 minutes, but the alarm on the age of the oldest message would then mean nothing.
"""


def time_of_next(
    held: Delivery, made: Attempt, retry_after: str | None, now: datetime, chance: float
) -> datetime | None:
    """When to send again after a failed attempt. None after the last one, and after 410 Gone."""
    if made.status_code == GONE:
        return None
    attempts = held.attempt - held.round_start
    return next_attempt_at(attempts, now, chance=chance, retry_after=retry_after)


def put_off(
    held: Delivery, made: Attempt, next_at: datetime | None, now: datetime
) -> Delivery | None:
    """Schedule the next attempt: by a delay of the queue if it is short, else in the index.

    Without a next attempt, the delivery ends as failed.
    """
    if next_at is None:
        return deliveries.finish(held, "failed", now, made)
    delay = next_at - now
    if delay > _SHORT:
        return deliveries.put_off(held, next_at, made)
    waiting = deliveries.put_off(held, next_at + dispatch.GRACE, made)
    if waiting is not None:
        dispatch.enqueue(waiting, delay)
    return waiting
