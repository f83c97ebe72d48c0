"""From the queue of batches, and every minute: what the chunks of a batch have done is counted."""

import json
from typing import Any

from craftkit.batches.progress import check_batch, check_due_batches
from craftkit.observability import logger
from craftkit.probes import item, needs, query


@needs(
    "BATCHES_TABLE",
    "DOCUMENTS_BUCKET",
    "LIVE_QUEUE_URL",
    "TEST_QUEUE_URL",
    reads=(item("BATCHES_TABLE"), query("BATCHES_TABLE")),
)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> None:
    if "Records" not in event:
        logger.info("due batches", extra={"checked": check_due_batches()})
        return
    messages = [json.loads(record["body"]) for record in event["Records"]]
    # The chunks of one batch end in quick succession: one check counts them all.
    for project_id, batch_id in {(each["projectId"], each["batchId"]) for each in messages}:
        logger.append_keys(project_id=project_id, batch_id=batch_id)
        check_batch(project_id, batch_id)
