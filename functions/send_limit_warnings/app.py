"""Writes `limit.warning` to the audit at 80 percent of a quota. Webhooks send the event."""

from typing import Any

from craftkit.limits import service
from craftkit.observability import logger
from craftkit.probes import needs, update
from craftkit.streams import Change, each_change


@needs("LIMITS_TABLE", "AUDIT_TABLE", reads=(update("LIMITS_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle the inserted warnings of the limits table's stream."""
    return each_change(event, _send)


def _send(change: Change) -> None:
    if change.new is not None:
        service.send_warning(change.new)
