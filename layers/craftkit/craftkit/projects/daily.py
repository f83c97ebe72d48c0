"""What a user may do a limited number of times a day (UTC)."""

from datetime import datetime, timedelta
from math import ceil

from craftkit import dynamodb
from craftkit.clock import utc_now
from craftkit.errors import RateLimitedError
from craftkit.project_items import ItemKind


def charge(kind: ItemKind, sub: str, limit: int, *, refusal: str) -> None:
    """Count one more of the user's, with a conditional write.

    Args:
        kind: the item that holds the count.
        sub: the user.
        refusal: the message of the error.

    Raises:
        RateLimitedError: the user has done it `limit` times today.
    """
    now = utc_now()
    try:
        _count(kind, sub, limit, f"{now:%Y-%m-%d}")
    except dynamodb.ConditionFailedError as error:
        raise RateLimitedError(refusal, retry_seconds=_seconds_until_midnight(now)) from error


def _count(kind: ItemKind, sub: str, limit: int, today: str) -> None:
    table, key = kind.table(), kind.key(sub)
    try:
        with dynamodb.conditions():
            table.update_item(
                Key=key,
                UpdateExpression="SET sent_on = :today, sent = :one",
                ConditionExpression="attribute_not_exists(pk) OR sent_on < :today",
                ExpressionAttributeValues={":today": today, ":one": 1},
            )
    except dynamodb.ConditionFailedError:
        with dynamodb.conditions():
            table.update_item(
                Key=key,
                UpdateExpression="SET sent = sent + :one",
                ConditionExpression="sent_on = :today AND sent < :limit",
                ExpressionAttributeValues={":today": today, ":one": 1, ":limit": limit},
            )


def _seconds_until_midnight(now: datetime) -> int:
    tomorrow = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return ceil((tomorrow - now).total_seconds())
