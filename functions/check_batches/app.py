"""From the queue of batches, and every minute: files are checked, and ended chunks counted."""

import json
from typing import Any

from craftkit.batches.advancing import advance_batch, advance_due_batches
from craftkit.observability import logger
from craftkit.probes import invocation, item, needs, query


@needs(
    "CONTENT_TABLE",
    "BATCHES_TABLE",
    "LIMITS_TABLE",
    "PROJECT_WRITES_PER_SECOND",
    "BATCHES_QUEUE_URL",
    "ASSEMBLE_FUNCTION",
    "DOCUMENTS_BUCKET",
    "LIVE_QUEUE_URL",
    "TEST_QUEUE_URL",
    reads=(
        item("CONTENT_TABLE"),
        item("BATCHES_TABLE"),
        query("BATCHES_TABLE"),
        invocation("ASSEMBLE_FUNCTION"),
    ),
)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> None:
    if "Records" not in event:
        logger.info("due batches", extra={"checked": advance_due_batches()})
        return
    messages = [json.loads(record["body"]) for record in event["Records"]]
    # The chunks of one batch end in quick succession: one check counts them all.
    for project_id, batch_id in {(each["projectId"], each["batchId"]) for each in messages}:
        logger.append_keys(project_id=project_id, batch_id=batch_id)
        advance_batch(project_id, batch_id)
