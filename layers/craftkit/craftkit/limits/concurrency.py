"""Limits how many calls of one kind of work a project may have running at the same time.

Each running call holds a lease: one attribute `held_<n>` of the item
`concurrency#<kind>#<project id>` in the limits table, with n below the limit. One conditional write
acquires a lease and another releases it, so that concurrent calls never hold more leases than the
limit. The lease of a process that dies expires.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds, utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError, Item
from craftkit.errors import RateLimitedError

_TRIES = 5
_KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Work:
    """A kind of work that is bounded for each project.

    Attributes:
        kind: part of the item's key, such as `sync`.
        name: the work as callers know it, in the plural, such as `synchronous renders`.
        limit: the most calls that one project may have running; set by the stage. 0 is no limit.
        lasts_at_most: longer than a call can run, so that no lease expires during its call.
    """

    kind: str
    name: str
    limit: int
    lasts_at_most: timedelta


@dataclass(frozen=True)
class Lease:
    """The right to run one call. `value` holds its expiry and a random part, unique per lease."""

    subject: str
    attribute: str
    value: str


@dataclass
class Running:
    """A running call. `lease` is None if the work has no limit."""

    lease: Lease | None = None
    is_kept: bool = False

    def keep(self) -> None:
        """Keep the lease until it expires, because work that the call started is still running."""
        self.is_kept = True


@contextmanager
def running(work: Work, project_id: str) -> Iterator[Running]:
    """Hold a lease while the block runs.

    Raises:
        RateLimitedError: the project has the maximum of this work running.
    """
    held = Running(acquire(work, project_id, utc_now()) if work.limit else None)
    try:
        yield held
    finally:
        if held.lease and not held.is_kept:
            release(held.lease)


def acquire(work: Work, project_id: str, now: datetime) -> Lease:
    """Acquire a lease, with one write if the first attribute tried is free.

    Raises:
        RateLimitedError: none is free. Its `Retry-After` is the time until the next one expires.
    """
    subject = f"concurrency#{work.kind}#{project_id}"
    value = f"{_milliseconds(now + work.lasts_at_most)}#{random.getrandbits(64):016x}"
    held: Item = {}
    for _ in range(_TRIES):
        free = _free(held, work.limit, now)
        if not free:
            break
        lease = Lease(subject, random.choice(free), value)  # noqa: S311 spreads racing calls
        try:
            _take(lease, now)
        except ConditionFailedError as error:
            held = error.items[0] or {}
        else:
            return lease
    raise RateLimitedError(
        f"This project has {work.limit} {work.name} running, which is the maximum. "
        "Wait until one has ended, then send the request again.",
        retry_seconds=_seconds_until_first_expiry(held, now),
    )


def release(lease: Lease) -> None:
    """Release a lease. Does nothing if it expired and another call has acquired it since."""
    try:
        with dynamodb.conditions():
            _table().update_item(
                Key={"subject": lease.subject},
                UpdateExpression="REMOVE #held",
                ConditionExpression="#held = :value",
                ExpressionAttributeNames={"#held": lease.attribute},
                ExpressionAttributeValues={":value": lease.value},
            )
    except ConditionFailedError:
        return


def _take(lease: Lease, now: datetime) -> None:
    with dynamodb.conditions():
        _table().update_item(
            Key={"subject": lease.subject},
            UpdateExpression="SET #held = :value, expires_at = :expiry",
            # A value begins with the moment of its expiry, so that values sort by it.
            ConditionExpression="attribute_not_exists(#held) OR #held < :now",
            ExpressionAttributeNames={"#held": lease.attribute},
            ExpressionAttributeValues={
                ":value": lease.value,
                ":expiry": to_epoch_seconds(now + _KEPT_FOR),
                ":now": _milliseconds(now),
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )


def _free(item: Item, limit: int, now: datetime) -> list[str]:
    attributes = [f"held_{number}" for number in range(limit)]
    return [each for each in attributes if item.get(each, "") < _milliseconds(now)]


def _seconds_until_first_expiry(item: Item, now: datetime) -> int:
    """From 1 to 5: most calls end long before their leases expire."""
    ends = [int(value[:13]) for name, value in item.items() if name.startswith("held_")]
    if not ends:
        return 1
    return min(5, max(1, ceil((min(ends) - int(_milliseconds(now))) / 1000)))


def _milliseconds(moment: datetime) -> str:
    return f"{int(moment.timestamp() * 1000):013d}"


def _table() -> Any:
    return dynamodb.table(config.limits_table)
