"""Writes the result of a batch whose documents have all ended: one ZIP file."""

from typing import Any

from craftkit.batches.assembly import assemble_batch
from craftkit.observability import logger
from craftkit.probes import item, needs, query


@needs(
    "BATCHES_TABLE",
    "DOCUMENTS_BUCKET",
    reads=(item("BATCHES_TABLE"), query("BATCHES_TABLE")),
)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> None:
    logger.append_keys(project_id=event["projectId"], batch_id=event["batchId"])
    batch = assemble_batch(event["projectId"], event["batchId"])
    logger.info("assembled", extra={"is_done": batch is not None})
