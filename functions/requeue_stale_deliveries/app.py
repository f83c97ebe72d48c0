"""Runs every minute: queues the deliveries that are due."""

from typing import Any

from craftkit.observability import logger
from craftkit.probes import needs, query
from craftkit.webhooks.dispatch import requeue_stale_deliveries
from craftkit.webhooks.document_deliveries import note_given_up


@needs(
    "DELIVERIES_TABLE",
    "DELIVERIES_QUEUE_URL",
    "RENDERS_TABLE",
    reads=(query("DELIVERIES_TABLE", index="waiting", key="waiting"),),
)
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> None:
    logger.info("stale deliveries", extra={"queued": requeue_stale_deliveries(note_given_up)})
