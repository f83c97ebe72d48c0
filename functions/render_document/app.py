"""The worker of both pools: renders one document, or a chunk of a batch, for each message."""

import json
import traceback
from datetime import timedelta
from typing import Any

from craftkit import queues
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.observability import log_and_count, logger
from craftkit.probes import item, needs
from craftkit.renders.lifecycle import BusyError
from craftkit.renders.models import Render, UnstoredJob
from craftkit.typesetter import Job
from typesetting import typeset, warm
from typesetting.chunks import render_chunk
from typesetting.worker import render_document, render_unstored

_RETRY_AFTER = (timedelta(seconds=5), timedelta(seconds=60))
"""Delay after an error, by the number of receives. The queue's visibility timeout would be longer.
"""

# Runs before the first request: the child process loads in parallel with the function.
warm()


def _typesets() -> object:
    return typeset(Job("= Probe", {}, {}, locale="en", title="Probe", created_at=utc_now()))


@needs(
    "CONTENT_TABLE",
    "RENDERS_TABLE",
    "RENDER_KEYS_TABLE",
    "BATCHES_TABLE",
    "DOCUMENTS_BUCKET",
    "WORKER_QUEUE_URL",
    "BATCHES_QUEUE_URL",
    "SEAL_KEY",
    "PRIVATE_WEBHOOKS",
    reads=(
        item("CONTENT_TABLE"),
        item("RENDER_KEYS_TABLE"),
        item("BATCHES_TABLE"),
        _typesets,
    ),
)
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """For messages of the queue: the failed ones. For `create_render`: the finished render, with
    its document if it is not stored.
    """
    if "data" in event:
        return _render_unstored(UnstoredJob.model_validate(event))
    if "Records" not in event:
        return _render(event)
    again = []
    for record in event["Records"]:
        try:
            _render(json.loads(record["body"]))
        except BusyError as error:
            _retry_after(record, error.remaining)
            again.append({"itemIdentifier": record["messageId"]})
        except Exception:
            received = int(record["attributes"]["ApproximateReceiveCount"])
            _retry_after(record, _RETRY_AFTER[min(received, len(_RETRY_AFTER)) - 1])
            raise
    return {"batchItemFailures": again}


def _retry_after(record: dict[str, Any], delay: timedelta) -> None:
    """Set the message's visibility timeout to the delay."""
    queues.change_visibility(config.worker_queue_url, record["receiptHandle"], delay)


def _render(message: dict[str, str]) -> dict[str, Any] | None:
    if "batchId" in message:
        _render_chunk(message)
        return None
    logger.append_keys(project_id=message["projectId"], render_id=message["renderId"])
    render = render_document(message["projectId"], message["renderId"], typeset=typeset)
    if render is None:
        return None
    _count(render)
    return render.model_dump(mode="json")


def _render_unstored(job: UnstoredJob) -> dict[str, Any] | None:
    """None after a fault. An exception is not raised further, because its message may hold data,
    and Lambda logs it."""
    logger.append_keys(project_id=job.render.project_id, render_id=job.render.id)
    try:
        result = render_unstored(job, typeset=typeset)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename}:{frame.lineno}"
        fault = {"fault": type(error).__name__, "place": place}
        logger.error("a render that is not stored was not finished", extra=fault)
        return None
    _count(result.render)
    return result.model_dump(mode="json")


def _count(render: Render) -> None:
    dimensions = {"mode": render.mode, "status": render.status}
    log_and_count("ended", "RenderEnded", dimensions, error_code=render.error_code)


def _render_chunk(message: dict[str, str]) -> None:
    batch_id = message["batchId"]
    logger.append_keys(project_id=message["projectId"], batch_id=batch_id, chunk=message["chunk"])
    chunk = render_chunk(message["projectId"], batch_id, message["chunk"], typeset=typeset)
    if chunk is not None:
        dimensions = {"mode": chunk.mode, "state": chunk.status}
        log_and_count("rendered", "ChunkRendered", dimensions, done=chunk.done, rows=chunk.rows)
