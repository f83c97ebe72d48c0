"""Creates webhook deliveries from the streams of the renders, batches and audit tables."""

from typing import Any

from craftkit.batches.changes import finished_batch
from craftkit.observability import logger
from craftkit.probes import needs, query
from craftkit.renders.changes import ended, first_sent
from craftkit.streams import Change, each_change
from craftkit.webhooks import audit_events, batch_events, render_events
from craftkit.webhooks.dispatch import create_deliveries
from craftkit.webhooks.document_deliveries import create_document_delivery


@needs("CONTENT_TABLE", "DELIVERIES_TABLE", "DELIVERIES_QUEUE_URL", reads=(query("CONTENT_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    logger.debug("changes", extra={"records": len(event["Records"])})
    return each_change(event, _create_deliveries)


def _create_deliveries(change: Change) -> None:
    if change.new and "render_id" in change.new:
        _of_render(change)
    elif change.new and "batch_id" in change.new:
        if batch := finished_batch(change):
            create_deliveries(batch_events.event_of(batch))
    elif event := audit_events.event_of(change.new):
        create_deliveries(event)


def _of_render(change: Change) -> None:
    """A render with `options.deliverTo` has its event after the first attempt to send it."""
    render = ended(change)
    if render and render.status == "succeeded" and render.delivery:
        create_document_delivery(render)
        return
    render = render or first_sent(change)
    if render and render_events.has_event(render):
        create_deliveries(render_events.event_of(render))
