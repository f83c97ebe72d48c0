"""Copies requests that the authorizer refused to the request log."""

from typing import Any

from craftkit.observability import logger
from craftkit.probes import needs, put
from craftkit.requests import service
from craftkit.streams import Change, each_change


@needs("REQUESTS_TABLE", reads=(put("REQUESTS_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """From the activity table's stream: requests that were refused."""
    return each_change(event, _copy)


def _copy(change: Change) -> None:
    if change.new is not None:
        service.copy_refused(change.new["refused"])
