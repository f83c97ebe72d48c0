"""From the stream of renders: each that succeeded is counted, once."""

from typing import Any

from craftkit.observability import logger
from craftkit.streams import Batch
from craftkit.usage.metering import meter_batch


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    batch = Batch.of(event)
    meter_batch(batch)
    return batch.answer
