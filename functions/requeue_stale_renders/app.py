"""Every minute: stale renders are queued again, or ended."""

from dataclasses import asdict
from typing import Any

from craftkit.observability import logger
from craftkit.probes import item, needs
from craftkit.renders.stale import requeue_stale_renders


@needs("RENDERS_TABLE", "LIVE_QUEUE_URL", "TEST_QUEUE_URL", reads=(item("RENDERS_TABLE"),))
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> None:
    stale = requeue_stale_renders()
    logger.info("stale renders", extra=asdict(stale))
