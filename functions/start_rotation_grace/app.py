"""Starts the grace of a rotated secret when its successor is used for the first time."""

from typing import Any

from craftkit.errors import NotFoundError
from craftkit.keys import service
from craftkit.observability import logger
from craftkit.probes import item, needs
from craftkit.streams import Change, each_change


@needs("KEYS_TABLE", "KEY_ACTIVITY_TABLE", "AUDIT_TABLE", reads=(item("KEYS_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """From the activity table's stream: the items of secrets, as they are inserted."""
    return each_change(event, _start)


def _start(change: Change) -> None:
    if change.new is None:
        return
    try:
        service.start_rotation_grace(change.new["key_id"], change.new["secret_day"])
    except NotFoundError:
        return  # a key that is gone needs no grace
