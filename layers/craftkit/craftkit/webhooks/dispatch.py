"""Creates the deliveries of an event, and queues deliveries for sending."""

from collections.abc import Callable
from datetime import timedelta

from botocore.exceptions import ClientError

from craftkit import queues
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.ids import derived_id
from craftkit.observability import logger
from craftkit.queues import QueueError
from craftkit.webhooks import deliveries, repository
from craftkit.webhooks.deliveries import Due
from craftkit.webhooks.models import Delivery, Endpoint, Event
from craftkit.webhooks.schedule import ATTEMPTS

GRACE = timedelta(minutes=2)
"""How long after it was queued a delivery is queued again if it was not attempted."""


def create_deliveries(event: Event) -> int:
    """Create a delivery of the event for each endpoint whose filter matches. Idempotent.

    A delivery's id is derived from the event and the endpoint, so a repeat creates nothing. For an
    endpoint that is off, the delivery is stored as `skipped` and can be replayed later.

    Returns:
        The number of new deliveries.
    """
    endpoints = repository.list_endpoints(event.project_id)
    wanted = [endpoint for endpoint in endpoints if endpoint.wants(event)]
    made = [create_delivery(event, endpoint) for endpoint in wanted]
    return len([delivery for delivery in made if delivery is not None])


def create_delivery(event: Event, endpoint: Endpoint) -> Delivery | None:
    """Create one delivery and queue its first attempt. None if the delivery exists.

    The row is written first: if the message is lost, the requeuer finds the row when it is due.
    """
    now, is_off = utc_now(), endpoint.disabled_at is not None
    delivery = Delivery(
        id=derived_id(event.timestamp, event.id, endpoint.id),
        endpoint_id=endpoint.id,
        project_id=event.project_id,
        event_id=event.id,
        event_type=event.type,
        payload=event.payload,
        status="skipped" if is_off else "pending",
        due_at=None if is_off else now + GRACE,
        created_at=now,
        completed_at=now if is_off else None,
    )
    return start(delivery)


def start(delivery: Delivery) -> Delivery | None:
    """Write a new delivery and queue its first attempt. None if the delivery exists."""
    try:
        deliveries.create(delivery)
    except ConditionFailedError:
        return None
    if delivery.status == "pending":
        enqueue(delivery)
    return delivery


def enqueue(delivery: Delivery, delay: timedelta = timedelta(0)) -> bool:
    """Queue the delivery's next attempt. False if that failed."""
    message = {
        "projectId": delivery.project_id,
        "endpointId": delivery.endpoint_id,
        "deliveryId": delivery.id,
        "attempt": delivery.attempt + 1,
    }
    try:
        queues.send(
            config.deliveries_queue_url,
            message,
            group=delivery.endpoint_id,
            delay_seconds=round(delay.total_seconds()),
        )
    except QueueError:
        logger.warning("the queue did not take a delivery", extra={"delivery_id": delivery.id})
        return False
    return True


def requeue_stale_deliveries(
    given_up: Callable[[Delivery], object] = lambda _delivery: None,
) -> int:
    """Queue due deliveries: long waits, lost messages, and attempts whose sender died.

    Args:
        given_up: called with a delivery whose last attempt was not finished.

    Returns:
        The number queued. A delivery that cannot be queued is due again after the grace.
    """
    queued = 0
    for shard in range(deliveries.SHARDS):
        for found in deliveries.due(shard, utc_now()):
            try:
                queued += _take_up(found, given_up)
            except ClientError:  # it becomes due again later; continue with the others
                logger.exception("not taken up", extra={"delivery_id": found.delivery_id})
    return queued


def _take_up(found: Due, given_up: Callable[[Delivery], object]) -> bool:
    delivery = deliveries.take_up(found, utc_now() + GRACE)
    if delivery is None:
        return False
    if delivery.attempt - delivery.round_start >= ATTEMPTS:
        given_up(delivery)
        deliveries.give_up(delivery, utc_now())
        return False
    return enqueue(delivery)
