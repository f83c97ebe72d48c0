"""Counters in the usage table: a row for each day, mode, key and template of a project.

A counter may have several rows, `…#1` to `…#7` in addition to the first: a write that conflicts
with another write of the same row goes to one of them. The counter is the sum of its rows.

The ids of the renders that were counted are kept as well, so that a render counts once, however
often the stream brings it: in a list for each minute of a project in which renders ended. The
lists and the counter are written in one transaction. A list that is full is followed by another.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds
from craftkit.config import config
from craftkit.usage.models import Counter, Metered

SORT_KEY = "day_mode_key"

ROWS = 8
"""Rows of one counter at most."""

LIST_SECONDS = 60
LIST_LIMIT = 500
"""Ids of a list: 8 KB of them."""

_LISTED_DAYS = 7
"""Beyond the render's own retention: a list outlives the rows that could be counted again."""

_BEHIND_A_DAY = "$"  # sorts right behind the `#` that follows a day


@dataclass
class Part:
    """Renders of one counter whose ids belong to the same list."""

    renders: list[Metered]
    number: int = 0
    """Of the list, where earlier ones of the same time are full."""

    def see(self, item: dynamodb.Item | None) -> None:
        """Remove renders that the list holds already, and choose the next list if it is full."""
        ids = {bytes(each) for each in item["ids"]} if item else set()
        self.renders = [each for each in self.renders if _bytes_of(each) not in ids]
        if len(ids) >= LIST_LIMIT:
            self.number += 1


def parts_of(renders: Sequence[Metered]) -> list[Part]:
    by_list: dict[int, Part] = {}
    for each in renders:
        by_list.setdefault(_list_of(each), Part([])).renders.append(each)
    return list(by_list.values())


def add(parts: Sequence[Part], *, now: datetime) -> None:
    """Count renders of one counter in one transaction.

    Raises:
        ConditionFailedError: nothing was counted. `items` holds, in the order of the parts, the
            list that holds one of its renders already, or is full; None for the others.
    """
    try:
        dynamodb.transact(_writes(parts, 0, now), attempts=1)
    except ClientError:
        # Another transaction holds the counter's first row, or it is throttled.
        dynamodb.transact(_writes(parts, random.randrange(1, ROWS), now))  # noqa: S311 spreads


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


def _writes(parts: Sequence[Part], row: int, now: datetime) -> list[dict[str, Any]]:
    renders = [each for part in parts for each in part.renders]
    lifetime = timedelta(days=config.retention_days + _LISTED_DAYS)
    expires_at = to_epoch_seconds(now + lifetime)
    update = {
        "TableName": config.usage_table,
        "Key": {"project_id": renders[0].project_id, SORT_KEY: _sort_key(renders[0], row)},
        "UpdateExpression": "ADD renders :renders, pages :pages",
        "ExpressionAttributeValues": {
            ":renders": sum(each.renders for each in renders),
            ":pages": sum(each.page_count for each in renders),
        },
    }
    return [*(_add_to_list(part, expires_at) for part in parts), {"Update": update}]


def _add_to_list(part: Part, expires_at: int) -> dict[str, Any]:
    ids = {f":id{number}": _bytes_of(each) for number, each in enumerate(part.renders)}
    is_new = " AND ".join(f"NOT contains(ids, {name})" for name in ids)
    first = part.renders[0]
    return {
        "Update": {
            "TableName": config.usage_table,
            "Key": {
                "project_id": f"counted#{first.project_id}#{_list_of(first)}",
                SORT_KEY: str(part.number),
            },
            "UpdateExpression": "SET expires_at = :expires_at ADD ids :ids",
            "ConditionExpression": (
                f"attribute_not_exists(ids) OR (size(ids) < :limit AND {is_new})"
            ),
            "ExpressionAttributeValues": {
                **ids,
                ":ids": set(ids.values()),
                ":limit": LIST_LIMIT,
                ":expires_at": expires_at,
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


def _list_of(metered: Metered) -> int:
    return to_epoch_seconds(metered.ended_at) // LIST_SECONDS


def _bytes_of(metered: Metered) -> bytes:
    return UUID(metered.render_id).bytes


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
