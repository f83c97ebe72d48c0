"""Gives a render to a worker: through its mode's queue, or by a synchronous invocation."""

import json
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from craftkit import queues
from craftkit.config import config
from craftkit.errors import QueueUnavailableError
from craftkit.limits.concurrency import Work
from craftkit.observability import logger
from craftkit.process_cache import process_cache
from craftkit.queues import QueueError
from craftkit.renders import lifecycle
from craftkit.renders.models import Render, UnstoredJob, UnstoredResult
from craftkit.schema import from_stored_json

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient

SYNC_WAIT_SECONDS = 25
"""How long a synchronous render waits for its worker; API Gateway times out after 29 seconds."""


class StillRunningError(Exception):
    """The worker has not ended within the wait, and is still running."""


@process_cache
def _lambda() -> "LambdaClient":
    # No retries: a second invocation would start the work a second time.
    return boto3.client(
        "lambda",
        config=ClientConfig(
            connect_timeout=1, read_timeout=SYNC_WAIT_SECONDS, retries={"total_max_attempts": 1}
        ),
    )


def message_of(render: Render) -> dict[str, str]:
    """The message about a render for a worker's queue and for the dead-letter queue."""
    return {"projectId": render.project_id, "renderId": render.id}


def enqueue(render: Render) -> None:
    """Send a render to its mode's queue.

    Raises:
        QueueUnavailableError: the message was not sent, or the response was lost.
    """
    try:
        queues.send(config.queue_url(render.mode), message_of(render), group=render.project_id)
    except QueueError as error:
        logger.warning("the queue did not take a render", extra={"render_id": render.id})
        raise QueueUnavailableError from error


def sync_work() -> Work:
    """The work that the stage bounds for each project: a caller waits for the worker."""
    return Work(
        "sync",
        "synchronous renders",
        limit=config.sync_renders_per_project,
        lasts_at_most=lifecycle.LEASE,
    )


def call(render: Render) -> Render | None:
    """Invoke a worker of the mode's pool and wait. Returns the finished render, or None.

    None means that no worker has the render: none was free, or it failed. The caller queues it.

    Raises:
        StillRunningError: no answer within 25 seconds; the worker goes on.
    """
    body = _invoke(render, message_of(render))
    return from_stored_json(Render, body) if body else None


def call_unstored(job: UnstoredJob) -> UnstoredResult | None:
    """The same with the render and its data in the request, and the document in the response.

    None: no worker took it, or the worker failed.
    """
    body = _invoke(job.render, job.model_dump(mode="json"))
    return from_stored_json(UnstoredResult, body) if body else None


def _invoke(render: Render, message: dict[str, Any]) -> bytes | None:
    try:
        answer = _lambda().invoke(
            FunctionName=config.worker_function(render.mode),
            Payload=json.dumps(message, ensure_ascii=False).encode(),
        )
        body = answer["Payload"].read()
    except ReadTimeoutError as error:
        raise StillRunningError from error
    except (BotoCoreError, ClientError) as error:
        logger.info("no worker took a synchronous render", extra={"reason": type(error).__name__})
        return None
    if "FunctionError" in answer:
        logger.warning("a worker died", extra={"render_id": render.id})
        return None
    return None if body == b"null" else body
