"""Every minute: renders that nobody finishes are queued again, or ended."""

from dataclasses import asdict
from typing import Any

from craftkit.observability import logger
from craftkit.renders.sweeper import sweep_renders


@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> None:
    sweep = sweep_renders()
    logger.info("swept", extra=asdict(sweep))
