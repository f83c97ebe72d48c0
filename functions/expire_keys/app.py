"""Runs every hour: sends expiry reminders and events of rotations, and deletes old secrets."""

from dataclasses import asdict
from typing import Any

from craftkit.keys.expiry import expire_keys
from craftkit.observability import logger
from craftkit.probes import item, needs


@needs("KEYS_TABLE", "KEY_ACTIVITY_TABLE", "AUDIT_TABLE", reads=(item("KEYS_TABLE"),))
@logger.inject_lambda_context
def handler(_event: dict[str, Any], _context: object) -> None:
    logger.info("keys processed", extra=asdict(expire_keys()))
