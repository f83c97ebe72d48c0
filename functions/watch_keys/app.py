"""Watches how keys are used: logs what the authorizer refused, and reports unusual use."""

from typing import Any

from craftkit.keys import anomalies
from craftkit.observability import logger
from craftkit.probes import item, needs, put, query
from craftkit.requests import service as requests
from craftkit.streams import Batch, Change


@needs(
    "REQUESTS_TABLE",
    "KEY_ACTIVITY_TABLE",
    "KEYS_TABLE",
    "PROJECTS_TABLE",
    "AUDIT_TABLE",
    reads=(put("REQUESTS_TABLE"), query("KEY_ACTIVITY_TABLE"), item("KEYS_TABLE")),
)
@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """From two streams: days of use and refusals of the authorizer, and refused requests."""
    batch = Batch.of(event)
    refused: dict[str, Change] = {}
    for change in batch.changes:
        with batch.marking(change):
            if change.new and "log_id" in change.new:
                refused[change.new["log_id"]] = change
            elif change.new and "refused_at" in change.new:
                requests.copy_refused(change.new["refused"])
            elif change.new:
                anomalies.check_day(change.new)
    for change in refused.values():  # of each key the latest, which counts those before it
        with batch.marking(change):
            anomalies.check_refusals(change.new or {})
    return batch.answer
