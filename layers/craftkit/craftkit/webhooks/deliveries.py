"""Deliveries in the deliveries table. A delivery that waits is in the sparse index `waiting`, by
the time when it is due, so that a query for due deliveries reads no others.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key

from craftkit import dynamodb
from craftkit.clock import to_epoch_seconds, to_rfc3339
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.ids import first_id_at
from craftkit.schema import from_stored
from craftkit.slices import Rows
from craftkit.webhooks.models import Attempt, Delivery

WAITING = "waiting"
BY_DELIVERY = "by_delivery"
SHARDS = 4

ATTEMPTS_KEPT = 20
"""Attempts kept for one delivery: those of one schedule and one replay, each up to 4 KiB."""

_NOT_WAITING = "REMOVE waiting, due_at"
_TIMES = ("created_at", "completed_at", "due_at")


@dataclass(frozen=True)
class Due:
    """A due delivery as the index returned it; the index can be behind the table."""

    endpoint_id: str
    delivery_id: str
    attempt: int
    due_at: str


def create(delivery: Delivery) -> None:
    """Write a new delivery.

    Raises:
        ConditionFailedError: the delivery exists: the event was handled before.
    """
    item = delivery.model_dump(exclude={"id", "attempts", *_TIMES}, exclude_none=True)
    item |= {"delivery_id": delivery.id, "attempts": [], "expires_at": _expiry(delivery)}
    for name in _TIMES:
        if moment := getattr(delivery, name):
            item[name] = to_rfc3339(moment)
    if delivery.due_at:
        item[WAITING] = shard_of(delivery.id)
    with dynamodb.conditions():
        _table().put_item(Item=item, ConditionExpression="attribute_not_exists(delivery_id)")


def get(delivery_id: str) -> Delivery | None:
    """A delivery by its id, without the endpoint's id, for operators."""
    found = _table().query(
        IndexName=BY_DELIVERY, KeyConditionExpression=Key("delivery_id").eq(delivery_id), Limit=1
    )["Items"]
    if not found:
        return None
    key = _key(str(found[0]["endpoint_id"]), delivery_id)
    item = _table().get_item(Key=key, ConsistentRead=True).get("Item")
    return _delivery(item) if item else None


def delete(endpoint_id: str, delivery_id: str) -> None:
    """Delete a delivery, if it is there. One that waits for an attempt is not sent any more."""
    _table().delete_item(Key=_key(endpoint_id, delivery_id))


def delete_all(endpoint_id: str) -> int:
    """Delete every delivery to an endpoint. Returns their number."""
    found = dynamodb.query(
        config.deliveries_table,
        KeyConditionExpression=Key("endpoint_id").eq(endpoint_id),
        ProjectionExpression="endpoint_id, delivery_id",
        ConsistentRead=True,
    )
    number = 0
    for number, item in enumerate(found, start=1):  # noqa: B007 it is the count
        _table().delete_item(Key=item)
    return number


def page(
    endpoint_id: str, limit: int, after: str | None = None
) -> tuple[list[Delivery], str | None]:
    """Deliveries to an endpoint, newest first, and the id after which the next page starts."""
    start = {"ExclusiveStartKey": _key(endpoint_id, after)} if after else {}
    answer = _table().query(
        KeyConditionExpression=Key("endpoint_id").eq(endpoint_id),
        ScanIndexForward=False,
        Limit=limit,
        **start,
    )
    last = answer.get("LastEvaluatedKey")
    return [_delivery(item) for item in answer["Items"]], last["delivery_id"] if last else None


def rows(endpoint_id: str) -> Rows[Delivery]:
    """The deliveries to an endpoint."""
    return Rows(_table(), Key("endpoint_id").eq(endpoint_id), "delivery_id", _delivery)


def between(endpoint_id: str, since: datetime, until: datetime) -> Iterator[Delivery]:
    """Deliveries of the events from `since` to before `until`, oldest first."""
    happened_then = Key("delivery_id").between(first_id_at(since), first_id_at(until))
    items = dynamodb.query(
        config.deliveries_table,
        KeyConditionExpression=Key("endpoint_id").eq(endpoint_id) & happened_then,
        ConsistentRead=True,
    )
    return map(_delivery, items)


def due(shard: int, now: datetime) -> Iterator[Due]:
    """The due deliveries of a shard of the index, the earliest first."""
    is_due = Key(WAITING).eq(str(shard)) & Key("due_at").lte(to_rfc3339(now))
    for item in dynamodb.query(
        config.deliveries_table, IndexName=WAITING, KeyConditionExpression=is_due
    ):
        yield Due(item["endpoint_id"], item["delivery_id"], int(item["attempt"]), item["due_at"])


def claim(
    endpoint_id: str, delivery_id: str, attempt: int, lease_until: datetime
) -> Delivery | None:
    """Claim an attempt. None if it was claimed before, or the delivery does not wait for it.

    Of two functions with the same message, only one sends.
    """
    return _update(
        endpoint_id,
        delivery_id,
        "SET #status = :sending, attempt = :attempt, due_at = :lease",
        "#status = :pending AND attempt = :before",
        {
            ":sending": "sending",
            ":pending": "pending",
            ":attempt": attempt,
            ":before": attempt - 1,
            ":lease": to_rfc3339(lease_until),
        },
    )


def finish(
    delivery: Delivery, status: str, now: datetime, attempt: Attempt | None
) -> Delivery | None:
    """End a delivery whose attempt is claimed. None if the lease was lost."""
    log, values = _logged(delivery, attempt)
    return _update(
        delivery.endpoint_id,
        delivery.id,
        f"SET #status = :status, completed_at = :now{log} {_NOT_WAITING}",
        _HELD,
        {":status": status, ":now": to_rfc3339(now), **values, **_held(delivery)},
    )


def put_off(delivery: Delivery, due_at: datetime, attempt: Attempt) -> Delivery | None:
    """Schedule the next attempt after a failed one. None if the lease was lost."""
    log, values = _logged(delivery, attempt)
    return _update(
        delivery.endpoint_id,
        delivery.id,
        f"SET #status = :pending, due_at = :due{log}",
        _HELD,
        {":pending": "pending", ":due": to_rfc3339(due_at), **values, **_held(delivery)},
    )


def take_up(found: Due, due_at: datetime) -> Delivery | None:
    """Prepare a due delivery for its next attempt. None if its state has changed.

    An attempt whose sender died counts as made.
    """
    return _update(
        found.endpoint_id,
        found.delivery_id,
        "SET #status = :pending, due_at = :due",
        "attempt = :attempt AND due_at = :seen",
        {
            ":pending": "pending",
            ":due": to_rfc3339(due_at),
            ":attempt": found.attempt,
            ":seen": found.due_at,
        },
    )


def give_up(delivery: Delivery, now: datetime) -> None:
    """Fail a delivery that has no attempt left and is not being sent."""
    _update(
        delivery.endpoint_id,
        delivery.id,
        f"SET #status = :failed, completed_at = :now {_NOT_WAITING}",
        "#status = :pending AND attempt = :attempt",
        {
            ":failed": "failed",
            ":pending": "pending",
            ":now": to_rfc3339(now),
            ":attempt": delivery.attempt,
        },
    )


def restart(delivery: Delivery, due_at: datetime) -> Delivery | None:
    """Start a new round of attempts. None if an attempt is being sent."""
    return _update(
        delivery.endpoint_id,
        delivery.id,
        "SET #status = :pending, round_start = :attempt, due_at = :due, waiting = :shard "
        "REMOVE completed_at",
        "#status <> :sending AND attempt = :attempt",
        {
            ":pending": "pending",
            ":sending": "sending",
            ":attempt": delivery.attempt,
            ":due": to_rfc3339(due_at),
            ":shard": shard_of(delivery.id),
        },
    )


def shard_of(delivery_id: str) -> str:
    return str(int(delivery_id[-4:], 16) % SHARDS)


_HELD = "#status = :sending AND attempt = :attempt"


def _held(delivery: Delivery) -> dict[str, Any]:
    return {":sending": "sending", ":attempt": delivery.attempt}


def _logged(delivery: Delivery, attempt: Attempt | None) -> tuple[str, dict[str, Any]]:
    """The part of an update that adds an attempt to the log and removes the oldest ones."""
    if attempt is None:
        return "", {}
    kept = (*delivery.attempts, attempt)[-ATTEMPTS_KEPT:]
    return ", attempts = :attempts", {":attempts": [_attempt_item(each) for each in kept]}


def _attempt_item(attempt: Attempt) -> dict[str, Any]:
    return {**attempt.model_dump(exclude_none=True), "at": to_rfc3339(attempt.at)}


def _update(
    endpoint_id: str, delivery_id: str, expression: str, condition: str, values: dict[str, Any]
) -> Delivery | None:
    try:
        with dynamodb.conditions():
            answer = _table().update_item(
                Key=_key(endpoint_id, delivery_id),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
    except ConditionFailedError:
        return None
    return _delivery(answer["Attributes"])


def _key(endpoint_id: str, delivery_id: str) -> dict[str, str]:
    return {"endpoint_id": endpoint_id, "delivery_id": delivery_id}


def _table() -> Any:
    return dynamodb.table(config.deliveries_table)


def _expiry(delivery: Delivery) -> int:
    return to_epoch_seconds(delivery.created_at + timedelta(days=config.retention_days))


def _delivery(item: dict[str, Any]) -> Delivery:
    return from_stored(Delivery, {**item, "id": item["delivery_id"]})
