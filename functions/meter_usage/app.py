"""Counts each succeeded render once, from the stream of the renders table."""

from typing import Any

from craftkit.observability import logger
from craftkit.probes import needs, update
from craftkit.streams import Batch
from craftkit.usage.metering import meter_batch


@needs("USAGE_TABLE", reads=(update("USAGE_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    batch = Batch.of(event)
    meter_batch(batch)
    return batch.answer
