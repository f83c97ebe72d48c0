"""Counters in the usage table: a row for each day, mode, key and template of a project.

Beside them stands one marker for each render that was counted, `render#<id>`, written in the
transaction that counts it: so a render counts once, however often its stream tells of it.
"""

from datetime import date, datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds
from craftkit.config import config
from craftkit.usage.models import Counter, Metered

SORT_KEY = "day_mode_key"

_MARKER_DAYS = 7
"""Beyond the render's own retention: a marker outlives the row that could be counted again."""

_BEHIND_A_DAY = "$"  # sorts right behind the `#` that follows a day


def add(metered: Metered, *, now: datetime) -> None:
    """Count a render.

    Raises:
        ConditionFailedError: it was counted before.
    """
    lifetime = timedelta(days=config.retention_days + _MARKER_DAYS)
    marker = {
        "project_id": metered.project_id,
        SORT_KEY: f"render#{metered.render_id}",
        "expires_at": to_epoch_seconds(now + lifetime),
    }
    dynamodb.transact(
        [
            {
                "Put": {
                    "TableName": config.usage_table,
                    "Item": marker,
                    "ConditionExpression": f"attribute_not_exists({SORT_KEY})",
                }
            },
            {
                "Update": {
                    "TableName": config.usage_table,
                    "Key": {"project_id": metered.project_id, SORT_KEY: _sort_key(metered)},
                    "UpdateExpression": "ADD renders :one, pages :pages",
                    "ExpressionAttributeValues": {":one": 1, ":pages": metered.page_count},
                }
            },
        ]
    )


def between(project_id: str, first: date, last: date) -> list[Counter]:
    """The counters of the days from `first` to `last`, both included, in the order of days."""
    of_these_days = Key(SORT_KEY).between(f"{first}#", f"{last}{_BEHIND_A_DAY}")
    condition = Key("project_id").eq(project_id) & of_these_days
    items = dynamodb.query(config.usage_table, KeyConditionExpression=condition)
    return [_counter(item) for item in items]


def _sort_key(metered: Metered) -> str:
    return f"{metered.day}#{metered.mode}#{metered.key_id}#{metered.template_slug}"


def _counter(item: dict[str, Any]) -> Counter:
    day, mode, key_id, slug = str(item[SORT_KEY]).split("#", 3)
    return Counter(
        day=date.fromisoformat(day),
        mode="live" if mode == "live" else "test",
        key_id=key_id,
        template_slug=slug,
        renders=int(item["renders"]),
        pages=int(item["pages"]),
    )
