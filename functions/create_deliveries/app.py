"""Creates webhook deliveries from the streams of the renders table and the audit table."""

from typing import Any

from craftkit.observability import logger
from craftkit.probes import needs, query
from craftkit.renders.changes import ended
from craftkit.streams import Change, each_change
from craftkit.webhooks import audit_events, render_events
from craftkit.webhooks.dispatch import create_deliveries


@needs("CONTENT_TABLE", "DELIVERIES_TABLE", "DELIVERIES_QUEUE_URL", reads=(query("CONTENT_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    logger.debug("changes", extra={"records": len(event["Records"])})
    return each_change(event, _create_deliveries)


def _create_deliveries(change: Change) -> None:
    if change.new and "render_id" in change.new:
        render = ended(change)
        event = (
            render_events.event_of(render) if render and render_events.has_event(render) else None
        )
    else:
        event = audit_events.event_of(change.new)
    if event:
        create_deliveries(event)
