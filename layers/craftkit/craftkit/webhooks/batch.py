"""The attempts of one batch of messages, made at the same time, so that none waits for another."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from craftkit import dynamodb, queues, storage, vault
from craftkit.config import config
from craftkit.observability import logger
from craftkit.webhooks.delivering import deliver_webhook
from craftkit.webhooks.document_deliveries import deliver_document, is_document


def deliver_batch(messages: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Make the attempt of each message, by its id, each in a separate thread.

    Returns:
        The ids of the messages that failed because of an internal error.
    """
    if len(messages) <= 1:
        return [id_ for id_, message in messages.items() if not _deliver(message)]
    # boto3 makes clients safely in one thread alone; made, they are safe in several.
    # https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
    tables = (
        config.content_table,
        config.deliveries_table,
        config.audit_table,
        config.renders_table,
    )
    for name in tables:
        dynamodb.table(name)
    for connect in (queues.connect, vault.connect, storage.connect):
        connect()
    with ThreadPoolExecutor(len(messages), thread_name_prefix="delivery") as threads:
        handled = dict(zip(messages, threads.map(_deliver, messages.values()), strict=True))
    return [id_ for id_, is_handled in handled.items() if not is_handled]


def _deliver(message: Mapping[str, Any]) -> bool:
    """Make the attempt of one message. Returns False after an internal error."""
    keys = {"delivery_id": message["deliveryId"], "attempt": message["attempt"]}
    logger.thread_safe_append_keys(**keys)
    try:
        deliver = deliver_document if is_document(message["endpointId"]) else deliver_webhook
        deliver(
            message["projectId"],
            message["endpointId"],
            message["deliveryId"],
            message["attempt"],
        )
    except Exception:
        logger.exception("a delivery was not handled")
        return False
    finally:
        logger.thread_safe_remove_keys(list(keys))
    return True
