"""The messages of batches: a chunk for a worker, and a batch whose state is to be checked."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from craftkit import queues
from craftkit.batches.models import Chunk
from craftkit.config import config
from craftkit.observability import logger
from craftkit.process_cache import process_cache
from craftkit.queues import QueueError

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient


def enqueue_chunks(chunks: Sequence[Chunk]) -> None:
    """Send chunks of one batch to their mode's queue.

    A chunk whose message is lost is queued again when its batch is checked.
    """
    if not chunks:
        return
    queue_url, group = config.queue_url(chunks[0].mode), chunks[0].project_id
    try:
        queues.send_many(queue_url, map(_message_of, chunks), group=group)
    except QueueError:
        logger.warning("the queue did not take every chunk", extra={"chunks": len(chunks)})


def enqueue_chunk(chunk: Chunk) -> bool:
    """Send one chunk to its mode's queue. False if the queue did not take it."""
    return _enqueue(config.queue_url(chunk.mode), chunk)


def enqueue_rest(chunk: Chunk) -> bool:
    """Send the rest of a chunk to this worker's own queue. False as `enqueue_chunk`."""
    return _enqueue(config.worker_queue_url, chunk)


def _enqueue(queue_url: str, chunk: Chunk) -> bool:
    try:
        queues.send(queue_url, _message_of(chunk), group=chunk.project_id)
    except QueueError:
        logger.warning("the queue did not take a chunk", extra={"chunk": chunk.key})
        return False
    return True


def request_assembly(project_id: str, batch_id: str) -> None:
    """Have the documents of a batch assembled. Repeated by the scheduled check until it is done."""
    try:
        _lambda().invoke(
            FunctionName=config.assemble_function,
            InvocationType="Event",
            Payload=json.dumps({"projectId": project_id, "batchId": batch_id}),
        )
    except (BotoCoreError, ClientError):
        logger.warning("a batch is not assembled yet", extra={"batch_id": batch_id})


@process_cache
def _lambda() -> "LambdaClient":
    return boto3.client("lambda", config=ClientConfig(connect_timeout=1, read_timeout=5))


def _message_of(chunk: Chunk) -> dict[str, str]:
    return {"projectId": chunk.project_id, "batchId": chunk.batch_id, "chunk": chunk.key}


def request_check(project_id: str, batch_id: str) -> None:
    """Have the state of a batch checked. A lost message is made good by the scheduled check."""
    message = {"projectId": project_id, "batchId": batch_id}
    try:
        queues.send(config.batches_queue_url, message, group=project_id)
    except QueueError:
        logger.warning("the queue did not take a batch", extra={"batch_id": batch_id})
