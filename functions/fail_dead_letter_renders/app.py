"""From the workers' dead-letter queues: renders that nobody could begin end as failed."""

import json
from typing import Any

from craftkit.observability import count, logger
from craftkit.probes import item, needs
from craftkit.renders.dead_letters import fail_dead_letter_render
from craftkit.renders.lifecycle import BusyError


@needs("RENDERS_TABLE", "DEAD_RENDERS_QUEUE_URL", reads=(item("RENDERS_TABLE"),))
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    again = []
    for record in event["Records"]:
        message = json.loads(record["body"])
        logger.append_keys(project_id=message["projectId"], render_id=message["renderId"])
        try:
            is_kept = fail_dead_letter_render(message["projectId"], message["renderId"])
        except BusyError:
            again.append({"itemIdentifier": record["messageId"]})
            continue
        if is_kept:
            logger.error("no worker could begin a render; `craftkit renders redrive` repeats it")
            count("RenderDied")
    return {"batchItemFailures": again}
