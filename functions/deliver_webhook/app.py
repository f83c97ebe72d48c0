"""From the queue of deliveries: one attempt a message."""

import json
from typing import Any

from craftkit.observability import logger
from craftkit.probes import item, needs
from craftkit.webhooks.delivering import deliver_webhook


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
def handler(event: dict[str, Any], _context: object) -> None:
    """A fault of ours fails the message; a receiver's is part of the delivery."""
    for record in event["Records"]:
        message = json.loads(record["body"])
        logger.append_keys(delivery_id=message["deliveryId"], attempt=message["attempt"])
        deliver_webhook(
            message["projectId"],
            message["endpointId"],
            message["deliveryId"],
            message["attempt"],
        )
