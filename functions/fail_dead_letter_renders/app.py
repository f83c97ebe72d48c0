"""Processes the workers' dead-letter queues: queues a render again, or ends it as failed."""

import json
from typing import Any

from craftkit.observability import count, logger
from craftkit.probes import item, needs
from craftkit.renders.dead_letters import DeadLetter, handle_dead_letter
from craftkit.renders.lifecycle import BusyError


@needs(
    "RENDERS_TABLE",
    "LIVE_QUEUE_URL",
    "TEST_QUEUE_URL",
    "DEAD_RENDERS_QUEUE_URL",
    reads=(item("RENDERS_TABLE"),),
)
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    again = []
    for record in event["Records"]:
        message = json.loads(record["body"])
        if "batchId" in message:  # the check of its batch queues the chunk again
            logger.warning("a chunk of a batch was not rendered yet", extra=message)
            continue
        logger.append_keys(project_id=message["projectId"], render_id=message["renderId"])
        try:
            done = handle_dead_letter(message["projectId"], message["renderId"])
        except BusyError:
            again.append({"itemIdentifier": record["messageId"]})
            continue
        if done is DeadLetter.SET_ASIDE:
            logger.error("a render was ended; `craftkit renders redrive` repeats it")
            count("RenderSetAside")
        elif done is DeadLetter.PUT_BACK:
            logger.warning("no worker began a render yet; it is on its queue again")
            count("RenderPutBack")
    return {"batchItemFailures": again}
