"""Rate limits of a project for one kind of call: a token bucket for each project and kind.

The bucket is one number (GCRA) in the item `rate#<kind>#<project id>` of the limits table:
`full_at`, the time when the bucket is full again. Each call moves it by one interval in one
conditional write. TTL deletes items that have not been used for a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import RateLimitedError
from craftkit.rate_limits import LimitState, note

_MICROSECONDS = 1_000_000
_KEPT_FOR = timedelta(days=1)
_ATTEMPTS = 10
_SKEW_US = 5 * _MICROSECONDS
"""How far the clocks of two instances may differ; a larger difference is a clock that jumped."""


@dataclass(frozen=True)
class ProjectRate:
    """A rate limit that each project has separately.

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


def charge_rate(rate: ProjectRate, project_id: str) -> None:
    """Charge one call to the project's bucket, and report its state for the response headers.

    A refusal is judged by the time after the failed write: if the write was delayed, other calls
    may have moved the bucket far ahead of the time before it.

    Raises:
        RateLimitedError: the bucket is empty; nothing was charged.
    """
    if not rate.per_second:
        return
    subject = subject_of(rate, project_id)
    interval = _MICROSECONDS // rate.per_second
    burst_us = interval * (rate.burst - 1)
    now, full_at = utc_now(), 0
    for _ in range(_ATTEMPTS):
        latest = _microseconds(now) + burst_us
        try:
            full_at = _write(subject, full_at, latest, interval, now)
        except ConditionFailedError as error:
            full_at = int((error.items[0] or {}).get("full_at", 0))
            if _is_empty(full_at, latest, interval):
                now = utc_now()
                latest = _microseconds(now) + burst_us
                if _is_empty(full_at, latest, interval):
                    break
        else:
            note(_state(rate, full_at, _microseconds(now)))
            return
    note(_state(rate, full_at, _microseconds(now)))
    wait = max(1, ceil((full_at - latest) / _MICROSECONDS))
    raise RateLimitedError(
        f"This project may make {rate.per_second} {rate.name} a second. "
        f"Wait {wait} s, then send the request again.",
        retry_seconds=wait,
    )


def state_of(rate: ProjectRate, item: Item | None, now: datetime) -> LimitState:
    """The current state of a bucket from its item; without an item it is full."""
    full_at = int(item["full_at"]) if item else 0
    return _state(rate, full_at, _microseconds(now))


def subject_of(rate: ProjectRate, project_id: str) -> str:
    return f"rate#{rate.kind}#{project_id}"


def _state(rate: ProjectRate, full_at: int, moment: int) -> LimitState:
    interval = _MICROSECONDS // rate.per_second
    free = (moment + interval * rate.burst - full_at) // interval
    return LimitState(
        name=f"project-{rate.kind}s",
        limit=rate.burst,
        window_seconds=max(1, ceil(rate.burst * interval / _MICROSECONDS)),
        remaining=max(0, min(rate.burst, free)),
        reset_seconds=max(0, ceil((full_at - moment) / _MICROSECONDS)),
    )


def _is_empty(full_at: int, latest: int, interval: int) -> bool:
    """Whether the bucket has no token. A `full_at` far later than possible is not believed."""
    return latest < full_at <= latest + interval + _SKEW_US


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * _MICROSECONDS)


def _write(subject: str, seen: int, latest: int, interval: int, now: datetime) -> int:
    """Move `full_at` by one interval: from now if the bucket is full, else from its value.

    A `full_at` later than the bucket allows was written before a clock was set back; the bucket
    then starts again from now.
    """
    moment = _microseconds(now)
    update = "SET full_at = :next, expires_at = :expiry"
    values: dict[str, int] = {":next": moment + interval}
    if seen > latest + interval + _SKEW_US:
        condition = "full_at = :seen"
        values |= {":seen": seen}
    elif seen > moment:
        update = "SET full_at = full_at + :interval, expires_at = :expiry"
        condition = "full_at > :now AND full_at <= :latest"
        values = {":interval": interval, ":now": moment, ":latest": latest}
    else:
        condition = "attribute_not_exists(full_at) OR full_at <= :now"
        values |= {":now": moment}
    with dynamodb.conditions():
        answer = _table().update_item(
            Key={"subject": subject},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues={**values, ":expiry": to_epoch_seconds(now + _KEPT_FOR)},
            ReturnValues="UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    return int(answer["Attributes"]["full_at"])


def _table() -> Any:
    return dynamodb.table(config.limits_table)
