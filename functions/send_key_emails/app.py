"""Sends emails about keys to a project's owners and admins, from the audit table's stream."""

from typing import Any

from craftkit.keys.emails import send_emails
from craftkit.observability import logger
from craftkit.probes import item, needs
from craftkit.streams import Change, each_change


@needs(
    "KEYS_TABLE",
    "PROJECTS_TABLE",
    reads=(item("KEYS_TABLE"), item("PROJECTS_TABLE")),
)
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_change(event, _send)


def _send(change: Change) -> None:
    if change.new:
        logger.info("emails sent", extra={"count": send_emails(change.new)})
