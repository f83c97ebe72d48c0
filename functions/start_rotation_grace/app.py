"""Starts the grace period of a rotated secret at the first use of the new secret."""

from typing import Any

from craftkit.errors import NotFoundError
from craftkit.keys import service
from craftkit.observability import logger
from craftkit.probes import item, needs
from craftkit.streams import Change, each_change


@needs("KEYS_TABLE", "KEY_ACTIVITY_TABLE", "AUDIT_TABLE", reads=(item("KEYS_TABLE"),))
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle the inserted items of secrets in the activity table's stream."""
    return each_change(event, _start)


def _start(change: Change) -> None:
    if change.new is None:
        return
    try:
        service.start_rotation_grace(change.new["key_id"], change.new["secret_day"])
    except NotFoundError:
        return  # the key was deleted: no grace period to start
