"""Sends webhooks: one attempt for each message of the deliveries queue, a batch in parallel."""

import json
from typing import Any

from craftkit.observability import logger
from craftkit.probes import item, needs
from craftkit.webhooks.batch import deliver_batch


@needs(
    "DELIVERIES_TABLE",
    "RENDERS_TABLE",
    "DOCUMENTS_BUCKET",
    "CONTENT_TABLE",
    "AUDIT_TABLE",
    "DELIVERIES_QUEUE_URL",
    "PRIVATE_WEBHOOKS",
    "VAULT_KEY",
    reads=(item("CONTENT_TABLE"), item("RENDERS_TABLE")),
)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return the messages that failed by an internal error. A receiver's error is an attempt."""
    messages = {record["messageId"]: json.loads(record["body"]) for record in event["Records"]}
    failed = deliver_batch(messages)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
