"""From the queue of deliveries: one attempt a message, those of a batch at the same time."""

import json
from typing import Any

from craftkit.observability import logger
from craftkit.probes import item, needs
from craftkit.webhooks.batch import deliver_batch


@needs(
    "DELIVERIES_TABLE",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "DELIVERIES_QUEUE_URL",
    "PRIVATE_WEBHOOKS",
    "VAULT_KEY",
    reads=(item("CONTENT_TABLE"),),
)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """A fault of ours fails the message; a receiver's is part of the delivery."""
    messages = {record["messageId"]: json.loads(record["body"]) for record in event["Records"]}
    failed = deliver_batch(messages)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
