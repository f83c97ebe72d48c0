"""From the streams of renders and of the audit: events, told to the endpoints that want them."""

from typing import Any

from craftkit.observability import logger
from craftkit.renders import events as renders
from craftkit.streams import Change, each_change
from craftkit.webhooks import events as deeds
from craftkit.webhooks.dispatch import create_deliveries


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_change(event, _tell)


def _tell(change: Change) -> None:
    if change.new and "render_id" in change.new:
        render = renders.ended(change)
        told = renders.event_of(render) if render else None
    else:
        told = deeds.event_of(change.new)
    if told:
        create_deliveries(told)
