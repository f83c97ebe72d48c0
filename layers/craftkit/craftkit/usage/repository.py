"""Counters in the usage table: a row for each day, mode, key and template of a project.

A counter may have several rows, `…#1` to `…#7` beside the first: a write that meets another one at
the same row goes to one of them. The counter is the sum of its rows.

Each render that was counted has a marker, written in the transaction that counts it, so that a
render counts once, however often the stream brings it. Markers have a partition each.
"""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds
from craftkit.config import config
from craftkit.usage.models import Counter, Metered

SORT_KEY = "day_mode_key"

ROWS = 8
"""Rows of one counter at most."""

_MARKER = "counted"
_MARKER_DAYS = 7
"""Beyond the render's own retention: a marker outlives the row that could be counted again."""

_BEHIND_A_DAY = "$"  # sorts right behind the `#` that follows a day


def add(renders: Sequence[Metered], *, now: datetime) -> None:
    """Count renders of one counter, together.

    Raises:
        ConditionFailedError: nothing was counted. `items` holds, in the order of the renders, the
            marker of each that was counted before, and None for each that was not.
    """
    try:
        dynamodb.transact(_writes(renders, 0, now), attempts=1)
    except ClientError:
        # Another transaction holds the counter's first row, or it is throttled.
        dynamodb.transact(_writes(renders, random.randrange(1, ROWS), now))  # noqa: S311 spreads


def between(project_id: str, first: date, last: date) -> list[Counter]:
    """The counters of the days from `first` to `last`, both included, in the order of days."""
    of_these_days = Key(SORT_KEY).between(f"{first}#", f"{last}{_BEHIND_A_DAY}")
    condition = Key("project_id").eq(project_id) & of_these_days
    counters: dict[tuple[str, ...], Counter] = {}
    for item in dynamodb.query(config.usage_table, KeyConditionExpression=condition):
        counter = _counter(item)
        key = (f"{counter.day}", counter.mode, counter.key_id, counter.template_slug)
        counters[key] = counters[key] + counter if key in counters else counter
    return list(counters.values())


def _writes(renders: Sequence[Metered], row: int, now: datetime) -> list[dict[str, Any]]:
    lifetime = timedelta(days=config.retention_days + _MARKER_DAYS)
    expires_at = to_epoch_seconds(now + lifetime)
    update = {
        "TableName": config.usage_table,
        "Key": {"project_id": renders[0].project_id, SORT_KEY: _sort_key(renders[0], row)},
        "UpdateExpression": "ADD renders :renders, pages :pages",
        "ExpressionAttributeValues": {
            ":renders": len(renders),
            ":pages": sum(each.page_count for each in renders),
        },
    }
    return [*(_put_marker(each, expires_at) for each in renders), {"Update": update}]


def _put_marker(metered: Metered, expires_at: int) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": config.usage_table,
            "Item": {
                "project_id": f"render#{metered.render_id}",
                SORT_KEY: _MARKER,
                "expires_at": expires_at,
            },
            "ConditionExpression": f"attribute_not_exists({SORT_KEY})",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _sort_key(metered: Metered, row: int) -> str:
    counter = f"{metered.day}#{metered.mode}#{metered.key_id}#{metered.template_slug}"
    return f"{counter}#{row}" if row else counter


def _counter(item: dict[str, Any]) -> Counter:
    day, mode, key_id, slug = str(item[SORT_KEY]).split("#")[:4]
    return Counter(
        day=date.fromisoformat(day),
        mode="live" if mode == "live" else "test",
        key_id=key_id,
        template_slug=slug,
        renders=int(item["renders"]),
        pages=int(item["pages"]),
    )
