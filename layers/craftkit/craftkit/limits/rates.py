"""How often a project may start one kind of work: a token bucket for each project and kind.

The bucket is one number (GCRA) in the item `rate#<kind>#<project id>` of the limits table: the
moment `full_at`, when the bucket is full again. A call moves it on by one interval, in one
conditional write; an item that nobody used for a day leaves by itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import RateLimitedError

_MICROSECONDS = 1_000_000
_KEPT_FOR = timedelta(days=1)
_ATTEMPTS = 10


@dataclass(frozen=True)
class ProjectRate:
    """A rate that each project has by itself.

    Attributes:
        kind: part of the item's key, such as `preview`.
        name: the calls as callers know them, in the plural, such as `previews`.
        per_second: calls a second on average; the stage sets it. 0 is no limit.
        burst: calls that may come at once.
    """

    kind: str
    name: str
    per_second: int
    burst: int


def charge_rate(rate: ProjectRate, project_id: str, now: datetime) -> None:
    """Take one call out of the project's bucket.

    Raises:
        RateLimitedError: the bucket is empty; nothing was taken.
    """
    if not rate.per_second:
        return
    subject = f"rate#{rate.kind}#{project_id}"
    interval = _MICROSECONDS // rate.per_second
    moment = int(now.timestamp() * _MICROSECONDS)
    latest = moment + interval * (rate.burst - 1)
    full_at = 0
    for _ in range(_ATTEMPTS):
        try:
            _write(subject, full_at, moment, latest, interval, now)
        except ConditionFailedError as error:
            item = error.items[0] or {}
            full_at = int(item.get("full_at", 0))
            if full_at > latest:
                break
        else:
            return
    wait = max(1, ceil((full_at - latest) / _MICROSECONDS))
    raise RateLimitedError(
        f"This project may make {rate.per_second} {rate.name} a second. "
        f"Wait {wait} s, then send the request again.",
        limit=rate.burst,
        reset_seconds=wait,
    )


def _write(subject: str, seen: int, moment: int, latest: int, interval: int, now: datetime) -> None:
    """Move `full_at` on: from now where the bucket is full, else from where it stands."""
    if seen > moment:
        update = "SET full_at = full_at + :interval, expires_at = :expiry"
        condition = "full_at > :now AND full_at <= :latest"
        values = {":interval": interval, ":now": moment, ":latest": latest}
    else:
        update = "SET full_at = :next, expires_at = :expiry"
        condition = "attribute_not_exists(full_at) OR full_at <= :now"
        values = {":next": moment + interval, ":now": moment}
    with dynamodb.conditions():
        _table().update_item(
            Key={"subject": subject},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues={**values, ":expiry": to_epoch_seconds(now + _KEPT_FOR)},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


def _table() -> Any:
    return dynamodb.table(config.limits_table)
