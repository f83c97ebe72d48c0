"""Checks files and counts ended chunks, from the batches queue. Every minute, queues due ones."""

import json
from typing import Any

from craftkit.batches.advancing import advance_batches, queue_due_batches
from craftkit.observability import logger
from craftkit.probes import invocation, item, needs, query


@needs(
    "CONTENT_TABLE",
    "BATCHES_TABLE",
    "RENDER_KEYS_TABLE",
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
        logger.info("due batches", extra={"queued": queue_due_batches()})
        return
    messages = [json.loads(record["body"]) for record in event["Records"]]
    # The chunks of one batch end in quick succession: one check counts them all.
    advance_batches({(each["projectId"], each["batchId"]) for each in messages})
