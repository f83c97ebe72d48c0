"""Every hour: reminders of keys that expire, word of rotations, the end of old secrets."""

from dataclasses import asdict
from typing import Any

from craftkit.keys.tending import tend_keys
from craftkit.observability import logger
from craftkit.probes import item, needs


@needs("KEYS_TABLE", "KEY_ACTIVITY_TABLE", "PROJECTS_TABLE", reads=(item("KEYS_TABLE"),))
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> None:
    logger.info("tended", extra=asdict(tend_keys()))
