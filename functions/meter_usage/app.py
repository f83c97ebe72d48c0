"""From the stream of renders: each that succeeded is counted, once."""

from typing import Any

from craftkit.observability import logger
from craftkit.renders.events import ended, meter
from craftkit.streams import Change, each_change


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return each_change(event, _count)


def _count(change: Change) -> None:
    render = ended(change)
    if render:
        meter(render)
