"""The worker of both pools: one render a message, or one a call."""

import json
from typing import Any

from craftkit.clock import utc_now
from craftkit.observability import log_and_count, logger
from craftkit.probes import item, needs
from craftkit.renders.lifecycle import BusyError
from craftkit.typesetter import Job
from typesetting import typeset, warm
from typesetting.worker import render_document

# Before the first call: the child loads itself while the function does.
warm()


def _typesets() -> object:
    return typeset(Job("= Probe", {}, {}, locale="en", title="Probe", created_at=utc_now()))


@needs(
    "CONTENT_TABLE", "RENDERS_TABLE", "DOCUMENTS_BUCKET", reads=(item("CONTENT_TABLE"), _typesets)
)
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """From its queue: the messages to be seen again. From `create_render`: the finished render."""
    if "Records" not in event:
        return _render(event)
    again = []
    for record in event["Records"]:
        try:
            _render(json.loads(record["body"]))
        except BusyError:
            again.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": again}


def _render(message: dict[str, str]) -> dict[str, Any] | None:
    logger.append_keys(project_id=message["projectId"], render_id=message["renderId"])
    render = render_document(message["projectId"], message["renderId"], typeset=typeset)
    if render is None:
        return None
    dimensions = {"mode": render.mode, "status": render.status}
    log_and_count("ended", "RenderEnded", dimensions, error_code=render.error_code)
    return render.model_dump(mode="json")
