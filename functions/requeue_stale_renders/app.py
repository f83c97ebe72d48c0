"""Runs every minute: queues stale renders again or ends them, and erases expired ones."""

from dataclasses import asdict
from typing import Any

from craftkit import render_erasure
from craftkit.observability import logger
from craftkit.probes import item, needs, query
from craftkit.renders.stale import requeue_stale_renders


@needs(
    "RENDERS_TABLE",
    "RENDER_KEYS_TABLE",
    "RETENTION_DAYS",
    "DOCUMENTS_BUCKET",
    "CONTENT_TABLE",
    "DELIVERIES_TABLE",
    "LIVE_QUEUE_URL",
    "TEST_QUEUE_URL",
    "DEAD_RENDERS_QUEUE_URL",
    reads=(item("RENDERS_TABLE"), query("CONTENT_TABLE")),
)
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> None:
    stale = requeue_stale_renders(render_erasure.erase)
    logger.info("stale renders", extra=asdict(stale))
