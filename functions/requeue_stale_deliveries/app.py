"""Every minute: deliveries that are due go onto their queue."""

from typing import Any

from craftkit.observability import logger
from craftkit.webhooks.dispatch import requeue_stale_deliveries


@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> None:
    logger.info("stale deliveries", extra={"queued": requeue_stale_deliveries()})
