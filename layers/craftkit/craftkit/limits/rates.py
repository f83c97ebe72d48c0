"""Rate limits of a project for one kind of call: a token bucket for each project and kind.

The bucket is one number (GCRA) in the item `rate#<kind>#<project id>` of the limits table:
`full_at`, the time when the bucket is full again. Each token moves it by one interval in one
conditional write. TTL deletes items that have not been used for a day.

One write takes as many tokens as the rate's `lease`. The rest of them serve the next calls in the
same execution environment without a write, for 30 s. In any period a project makes at most the
calls of its rate and its burst, and `lease` - 1 more for each environment.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from craftkit import dynamodb, process_cache
from craftkit.clock import to_epoch_seconds, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import RateLimitedError
from craftkit.rate_limits import LimitState, note

_MICROSECONDS = 1_000_000
_KEPT_FOR = timedelta(days=1)
_ATTEMPTS = 10
_LEASE_LASTS = timedelta(seconds=30)
_LEASES = 1000
"""The most leases that one environment holds, each of another project or kind."""
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
        lease: the most tokens that one write takes.
    """

    kind: str
    name: str
    per_second: int
    burst: int
    lease: int = 1

    @property
    def interval_us(self) -> int:
        return _MICROSECONDS // self.per_second

    def free(self, full_at: int, now: int) -> int:
        """The tokens at `now` in a bucket that is full at `full_at`, both in microseconds."""
        return max(0, min(self.burst, self.burst - ceil((full_at - now) / self.interval_us)))


@dataclass
class _Lease:
    """Tokens that were taken from a bucket for the calls of this environment."""

    tokens: int
    full_at: int
    ends: datetime


@process_cache.process_cache
def _leases() -> OrderedDict[str, _Lease]:
    """The leases of this environment by subject, least recently used first."""
    return OrderedDict()


def charge_rate(rate: ProjectRate, project_id: str) -> None:
    """Charge one call to the project's bucket, and report its state for the response headers.

    Raises:
        RateLimitedError: the bucket is empty; nothing was charged.
    """
    if not rate.per_second:
        return
    subject, now = subject_of(rate, project_id), utc_now()
    leases = _leases()
    lease = leases.pop(subject, None)
    if lease is None or lease.tokens < 1 or lease.ends <= now:
        lease = _take(rate, subject, now)
    lease.tokens -= 1
    leases[subject] = lease
    if len(leases) > _LEASES:
        leases.popitem(last=False)
    note(_state(rate, lease.full_at, now))


def state_of(rate: ProjectRate, item: Item | None, now: datetime) -> LimitState:
    """The current state of a bucket from its item; without an item it is full."""
    return _state(rate, int(item["full_at"]) if item else 0, now)


def subject_of(rate: ProjectRate, project_id: str) -> str:
    return f"rate#{rate.kind}#{project_id}"


def _take(rate: ProjectRate, subject: str, now: datetime) -> _Lease:
    """Take `rate.lease` tokens, or as many as the bucket has.

    A refusal is decided by the time after the failed write: if the write was delayed, other calls
    may have moved the bucket far ahead of the time before it.
    """
    full_at = 0
    for _ in range(_ATTEMPTS):
        tokens = _takeable(rate, full_at, now) or _takeable(rate, full_at, now := utc_now())
        if not tokens:
            break
        try:
            full_at = _write(rate, subject, full_at, tokens, now)
        except ConditionFailedError as error:
            full_at = int((error.items[0] or {}).get("full_at", 0))
        else:
            return _Lease(tokens, full_at, now + _LEASE_LASTS)
    note(_state(rate, full_at, now))
    ahead_us = full_at - _microseconds(now) - rate.interval_us * (rate.burst - 1)
    wait = max(1, ceil(ahead_us / _MICROSECONDS))
    raise RateLimitedError(
        f"This project may make {rate.per_second} {rate.name} a second. "
        f"Wait {wait} s, then send the request again.",
        retry_seconds=wait,
    )


def _takeable(rate: ProjectRate, full_at: int, now: datetime) -> int:
    if _has_jumped(rate, full_at, _microseconds(now)):
        return rate.lease
    return min(rate.lease, rate.free(full_at, _microseconds(now)))


def _has_jumped(rate: ProjectRate, full_at: int, now: int) -> bool:
    """Whether `full_at` is later than the bucket allows: a clock was ahead and was set back."""
    return full_at > now + rate.interval_us * rate.burst + _SKEW_US


def _write(rate: ProjectRate, subject: str, seen: int, tokens: int, now: datetime) -> int:
    """Move `full_at` by `tokens` intervals: from now if the bucket is full, else from its value.

    After a clock was set back the bucket starts again from now.
    """
    moment, step = _microseconds(now), tokens * rate.interval_us
    update = "SET full_at = :next, expires_at = :expiry"
    values: dict[str, int] = {":next": moment + step}
    if _has_jumped(rate, seen, moment):
        condition = "full_at = :seen"
        values |= {":seen": seen}
    elif seen > moment:
        update = "SET full_at = full_at + :step, expires_at = :expiry"
        condition = "full_at > :now AND full_at <= :latest"
        latest = moment + rate.interval_us * rate.burst - step
        values = {":step": step, ":now": moment, ":latest": latest}
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


def _state(rate: ProjectRate, full_at: int, now: datetime) -> LimitState:
    moment = _microseconds(now)
    return LimitState(
        name=f"project-{rate.kind}s",
        limit=rate.burst,
        window_seconds=max(1, ceil(rate.burst * rate.interval_us / _MICROSECONDS)),
        remaining=rate.free(full_at, moment),
        reset_seconds=max(0, ceil((full_at - moment) / _MICROSECONDS)),
    )


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * _MICROSECONDS)


def _table() -> Any:
    return dynamodb.table(config.limits_table)
